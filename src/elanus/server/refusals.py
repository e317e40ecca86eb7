"""What the protocol can ask for and this version does not do: said plainly, never ignored."""

from elanus.errors import InvalidInput

__all__ = ["not_supported"]


def not_supported(what: str, advice: str = "") -> InvalidInput:
    """The error for a request that uses `what` (a noun); `advice` says what to do instead."""
    hint = f"; {advice}" if advice else ""
    return InvalidInput("not_supported", f"{what} is not supported yet{hint}")
