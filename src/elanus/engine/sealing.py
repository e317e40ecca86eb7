"""What settings say about the segments that flushes and compactions write."""

from elanus.settings import Settings
from elanus.storage.segment.shredding import ShreddingRules

__all__ = ["shredding_rules"]


def shredding_rules(settings: Settings) -> ShreddingRules | None:
    """How JSON columns are taken apart; None when they are not."""
    if not settings.json_shredding_enabled:
        return None
    return ShreddingRules(settings.json_shredding_path_count_max, settings.json_shredding_share_min)
