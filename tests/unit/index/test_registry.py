"""The table of index types, and names that are not in it."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from elanus.errors import InvalidInput
from elanus.index.protocol import BuildContext
from elanus.index.registry import INDEX_TYPES, index_type
from elanus.schema.types import DataType, Metric


def test_every_type_stands_under_its_own_name() -> None:
    assert list(INDEX_TYPES) == [kind.name for kind in INDEX_TYPES.values()]


@pytest.mark.parametrize(
    ("variant", "name"),
    [("IVF_FLAT_CC", "IVF_FLAT"), ("IVF_SQ_CC", "IVF_SQ8"), ("IVF_RABITQ_FASTSCAN", "IVF_RABITQ")],
)
def test_variants_build_and_find_what_their_type_does(
    variant: str, name: str, make_column: Any, make_vectors: Any
) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 2000, null_every=6)
    found = []
    for kind in (index_type(variant), index_type(name)):
        params = kind.check_build_params(column.field, Metric.IP, {"nlist": 20})
        artefacts = kind.build(column, Metric.IP, params, BuildContext())
        index = kind.open(column, Metric.IP, params, {file: memoryview(data) for file, data in artefacts.items()})
        searched = kind.check_search_params({"nprobe": 5}, build_params=params, k=10)
        found.append(index.search(make_vectors(DataType.FLOAT_VECTOR, 8, seed=2), 10, searched, None).rows)
    np.testing.assert_array_equal(found[0], found[1])


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
