"""The table of index types, and names that are not in it."""

import subprocess
import sys

import pytest

from elanus.errors import InvalidInput
from elanus.index.registry import INDEX_TYPES, index_type


def test_every_type_stands_under_its_own_name() -> None:
    assert list(INDEX_TYPES) == [kind.name for kind in INDEX_TYPES.values()]


def test_names_are_found_in_any_case_and_an_empty_one_is_autoindex() -> None:
    assert index_type("hnsw") is INDEX_TYPES["HNSW"]
    assert index_type(" Ivf_Flat ") is INDEX_TYPES["IVF_FLAT"]
    assert index_type("") is INDEX_TYPES["AUTOINDEX"]


def test_an_unknown_name_lists_the_known_ones_and_suggests_one() -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type("HNWS")
    assert caught.value.kind == "invalid_index"
    assert "there is no index type 'HNWS', expected one of FLAT, IVF_FLAT, " in caught.value.message
    assert caught.value.message.endswith("did you mean HNSW?")


def test_faiss_is_not_loaded_with_the_registry() -> None:
    program = "import sys, elanus.index.registry; sys.exit('faiss' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], check=False, env={"PYTHONPATH": ":".join(sys.path)})
    assert finished.returncode == 0
