"""The error tree: every kind has one class, and an error keeps what it says on its way through a process border."""

import copy
import pickle

import pytest

from elanus import errors
from elanus.errors import KINDS, ElanusError, InvalidInput, NotFound

_CLASSES = [error for name in errors.__all__ if isinstance(error := getattr(errors, name), type)]


def test_every_class_has_kinds_and_every_kind_one_class() -> None:
    named = [error for error in _CLASSES if error is not ElanusError]
    assert set(KINDS.values()) == set(named)
    listed = [kind for kinds in errors._BY_TYPE.values() for kind in kinds]
    assert len(listed) == len(set(listed)) == len(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_error_of_every_kind_can_be_raised_and_says_its_message(kind: str) -> None:
    with pytest.raises(KINDS[kind], match="what is wrong") as caught:
        raise KINDS[kind](kind, "what is wrong")
    assert (caught.value.kind, caught.value.message, str(caught.value)) == (kind, "what is wrong", "what is wrong")
    assert (caught.value.field, caught.value.row) == (None, None)


def test_a_kind_of_another_class_or_none_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="not registered for NotFound"):
        NotFound("invalid_name", "x")
    with pytest.raises(AssertionError, match="not registered"):
        InvalidInput("no_such_kind", "x")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_error_survives_pickling_and_copying_whole(kind: str) -> None:
    error = KINDS[kind](kind, "the message", field="vector", row=7)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert (again.kind, again.message, again.field, again.row) == (kind, "the message", "vector", 7)


def test_callers_may_catch_what_python_programs_catch() -> None:
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.NotFound, LookupError)
    assert issubclass(errors.Denied, PermissionError)
    assert all(issubclass(error, ElanusError) for error in _CLASSES)
    assert not issubclass(errors.DataCorrupt, ValueError | LookupError | OSError)
