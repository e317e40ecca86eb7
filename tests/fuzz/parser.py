"""Texts that may crash the parser of filters: `python3 dev.py fuzz-parser --minutes N`.

A round damages and joins filters at random; each is a filter or an error that shows where, within a time that grows
with its length, and what is a filter is bound and answered, or refused. With the package atheris, `--coverage FOLDER`
chooses texts by the code they reach instead, and keeps those that reached more in the folder.
"""

import importlib.util
import random
import sys
import time
from collections import Counter
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.expr.filter import bind, parse
from tests.fuzz.rounds import main
from tests.reference.filter_cases import Cases, Table
from tests.reference.filter_texts import VOCABULARY, check_error, check_text, deep_texts, mutated

__all__ = ["check_round", "timed_check"]

_TEXTS: Final = 400
_KEPT: Final = 60
_PARAMS: Final[dict[str, Any]] = {"p": 5, "q": "x"}
# Seconds of the processor a text may take, and more for every character.
_SECONDS: Final = 2.0
_SECONDS_A_CHARACTER: Final = 2e-4


def timed_check(text: str, table: Table) -> bool:
    """Reads, binds and answers a text; whether it got that far.

    Raises:
        AssertionError: it took far too long, or an answer or error is not as it must be.
    """
    start = time.process_time()
    answered = check_text(text) and _is_answered(text, table)
    seconds = time.process_time() - start
    allowed = _SECONDS + _SECONDS_A_CHARACTER * len(text)
    assert seconds < allowed, f"{seconds:.1f} s for {len(text)} characters: {text[:200]!r}"
    return answered


def _is_answered(text: str, table: Table) -> bool:
    try:
        bound = bind(parse(text), table.schema, _PARAMS)
    except InvalidInput as error:
        check_error(text, error, "invalid_filter", "not_supported")
        return False
    assert len(bound.evaluate(table)) == table.row_count
    return True


def check_round(seed: int) -> Counter[str]:
    """Some hundred texts; every few rounds also each construct many times over.

    Raises:
        AssertionError: a text is neither read nor refused as it should be.
    """
    choose = random.Random(seed)
    table = Cases(seed).table
    done: Counter[str] = Counter()
    texts: list[str] = []
    for _ in range(_TEXTS):
        text = mutated(choose, texts)
        done["texts"] += 1
        done["of them filters"] += check_text(text)
        done["of them answered"] += timed_check(text, table)
        texts.append(text)
        del texts[: max(0, len(texts) - _KEPT)]
    if seed % 8 == 0:
        for text in deep_texts(choose.choice([255, 256, 257, 3000, 30_000])).values():
            timed_check(text, table)
            done["deep texts"] += 1
    return done


def explore(corpus: Path, seconds: float) -> None:
    """Lets atheris choose texts by the code they reach. Does not return."""
    import atheris

    for name, module in list(sys.modules.items()):
        if name.startswith("elanus.expr."):
            _instrument(atheris, module)
    table = Cases(7).table

    def one_input(data: bytes) -> None:
        timed_check(data.decode("utf-8", "replace"), table)

    corpus.mkdir(parents=True, exist_ok=True)
    words = corpus.parent / f"{corpus.name}.words"
    words.write_text("".join(f"{_as_word(word)}\n" for word in VOCABULARY if word.isascii() and word.isprintable()))
    options = [f"-max_total_time={seconds:.0f}", "-max_len=4096", f"-dict={words}", "-timeout=30"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    atheris.Fuzz()


def _instrument(atheris: Any, module: ModuleType) -> None:
    """Makes the functions and methods of a module tell which of their branches are taken."""
    for holder in [module, *(value for value in vars(module).values() if isinstance(value, type))]:
        for value in list(vars(holder).values()):
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                atheris.instrument_func(value)


def _as_word(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    if "--coverage" in sys.argv:
        if importlib.util.find_spec("atheris") is None:
            sys.exit("choosing by coverage needs the package atheris")
        place = sys.argv.index("--coverage")
        minutes = float(sys.argv[sys.argv.index("--minutes") + 1]) if "--minutes" in sys.argv else 60.0
        explore(Path(sys.argv[place + 1]), minutes * 60)
    main(check_round, __doc__ or "")
