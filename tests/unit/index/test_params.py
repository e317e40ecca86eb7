"""Parameters arrive as numbers or text, are checked against their ranges, and unknown names are refused."""

from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.index.params import BoolParam, ChoiceParam, FloatParam, IntParam, checked_params
from elanus.index.registry import INDEX_TYPES, index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

DENSE = Field("vector", DataType.FLOAT_VECTOR, dim=16)
SPARSE = Field("vector", DataType.SPARSE_FLOAT_VECTOR)
BITS = Field("vector", DataType.BINARY_VECTOR, dim=16)

SIGNATURES = Field("vector", DataType.BINARY_VECTOR, dim=512)

LIST_SEARCH = {"nprobe": 8, "max_empty_result_buckets": 1}
CODED_GRAPH = {"M": 30, "efConstruction": 360, "refine": False}
SPARSE_BUILD = {"inverted_index_algo": "SINDI", "bm25_k1": 1.2, "bm25_b": 0.75, "drop_ratio_build": 0.0}

# Defaults of the limits page, by index: the field, the metric, complete build parameters, complete search parameters.
DEFAULTS: dict[str, tuple[Field, Metric, dict[str, Any], dict[str, Any]]] = {
    "FLAT": (DENSE, Metric.L2, {}, {}),
    "IVF_FLAT": (DENSE, Metric.L2, {"nlist": 128}, LIST_SEARCH),
    "IVF_SQ8": (DENSE, Metric.IP, {"nlist": 128}, LIST_SEARCH),
    "IVF_RABITQ": (
        DENSE,
        Metric.COSINE,
        {"nlist": 128, "refine": False},
        {**LIST_SEARCH, "rbq_query_bits": 0, "refine_k": 1.0},
    ),
    "IVF_FLAT_CC": (DENSE, Metric.L2, {"nlist": 128}, LIST_SEARCH),
    "IVF_SQ_CC": (DENSE, Metric.COSINE, {"nlist": 128}, LIST_SEARCH),
    "IVF_RABITQ_FASTSCAN": (
        DENSE,
        Metric.IP,
        {"nlist": 128, "refine": False},
        {**LIST_SEARCH, "rbq_query_bits": 0, "refine_k": 1.0},
    ),
    "IVF_PQ": (DENSE, Metric.L2, {"nlist": 128, "m": 4, "nbits": 8}, LIST_SEARCH),
    "SCANN": (DENSE, Metric.IP, {"nlist": 128, "with_raw_data": True}, LIST_SEARCH),
    "HNSW": (DENSE, Metric.COSINE, {"M": 30, "efConstruction": 360}, {"ef": 7}),
    "HNSW_SQ": (DENSE, Metric.COSINE, {**CODED_GRAPH, "sq_type": "SQ8"}, {"ef": 7, "refine_k": 1.0}),
    "HNSW_PQ": (DENSE, Metric.L2, {**CODED_GRAPH, "m": 4, "nbits": 8}, {"ef": 7, "refine_k": 1.0}),
    "HNSW_PRQ": (DENSE, Metric.L2, {**CODED_GRAPH, "m": 4, "nbits": 8, "nrq": 2}, {"ef": 7, "refine_k": 1.0}),
    "FAISS": (DENSE, Metric.L2, {"faiss_index_name": "Flat"}, {}),
    "DISKANN": (
        DENSE,
        Metric.COSINE,
        {
            "max_degree": 56,
            "search_list_size": 100,
            "pq_code_budget_gb_ratio": 0.125,
            "search_cache_budget_gb_ratio": 0.1,
            "beam_width_ratio": 4,
        },
        {"search_list": 100, "beam_width_ratio": 4},
    ),
    "AISAQ": (
        DENSE,
        Metric.L2,
        {
            "max_degree": 56,
            "search_list_size": 100,
            "inline_pq": -1,
            "rearrange": True,
            "num_entry_points": 100,
            "pq_code_budget_gb_ratio": 0.125,
            "disk_pq_code_budget_gb_ratio": 0.25,
            "pq_cache_size": 0,
            "search_cache_budget_gb_ratio": 0.0,
        },
        # Three candidates for each of the 7 rows that are asked for; Milvus has 16.
        {"search_list": 21, "beamwidth": 8, "vectors_beamwidth": 1, "pq_read_page_cache_size": 5 << 20},
    ),
    "BIN_FLAT": (BITS, Metric.HAMMING, {}, {}),
    "BIN_IVF_FLAT": (BITS, Metric.JACCARD, {"nlist": 128}, LIST_SEARCH),
    "MINHASH_LSH": (
        SIGNATURES,
        Metric.MHJACCARD,
        {
            "mh_element_bit_width": 32,
            "mh_lsh_band": 4,
            "mh_lsh_code_in_mem": False,
            "with_raw_data": True,
            "mh_lsh_bloom_false_positive_prob": 0.01,
        },
        {"mh_search_with_jaccard": False, "mh_lsh_batch_search": False},
    ),
    "SPARSE_INVERTED_INDEX": (SPARSE, Metric.IP, SPARSE_BUILD, {"drop_ratio_search": 0.0}),
    "SPARSE_WAND": (
        SPARSE,
        Metric.IP,
        {**SPARSE_BUILD, "inverted_index_algo": "DAAT_WAND"},
        {"drop_ratio_search": 0.0},
    ),
    "AUTOINDEX": (DENSE, Metric.L2, {}, {"level": 1}),
}


# What recall costs is not measured for these.
NO_RECALL = {
    *("IVF_PQ", "SCANN", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "FAISS", "AISAQ", "BIN_IVF_FLAT", "MINHASH_LSH"),
}

# Parameters that have no default.
REQUIRED: dict[str, dict[str, Any]] = {
    "IVF_PQ": {"m": 4},
    "HNSW_PQ": {"m": 4},
    "HNSW_PRQ": {"m": 4},
    "FAISS": {"faiss_index_name": "Flat"},
}


def test_every_index_type_has_its_defaults_listed_here() -> None:
    assert set(DEFAULTS) == set(INDEX_TYPES)


@pytest.mark.parametrize("name", DEFAULTS)
def test_recall_is_taken_where_it_is_kept_and_refused_elsewhere(name: str) -> None:
    field, metric, build, _ = DEFAULTS[name]
    kind = index_type(name)
    params = kind.check_build_params(field, metric, build)
    if name in NO_RECALL:
        with pytest.raises(InvalidInput, match="has no parameter 'recall'"):
            kind.check_search_params({"recall": 0.9}, build_params=params, k=7)
    else:
        assert kind.check_search_params({"recall": 0.9}, build_params=params, k=7)["recall"] == 0.9
        with pytest.raises(InvalidInput, match="recall"):
            kind.check_search_params({"recall": 2}, build_params=params, k=7)


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name: str) -> None:
    field, metric, build, search = DEFAULTS[name]
    kind = index_type(name)
    complete = kind.check_build_params(field, metric, REQUIRED.get(name, {}))
    assert complete == build
    assert kind.check_search_params({}, build_params=complete, k=7) == search


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("HNSW", {"M": "16", "efConstruction": "200"}, {"M": 16, "efConstruction": 200}),
        ("HNSW", {"M": 2, "efConstruction": 2**31 - 1}, {"M": 2, "efConstruction": 2**31 - 1}),
        ("IVF_FLAT", {"nlist": " 1 "}, {"nlist": 1}),
        ("IVF_SQ8", {"nlist": 65_536}, {"nlist": 65_536}),
        ("IVF_RABITQ", {"nlist": 4, "refine": "True"}, {"nlist": 4, "refine": True}),
        (
            "IVF_RABITQ",
            {"refine": "true", "refine_type": "flat"},
            {"nlist": 128, "refine": True, "refine_type": "FP32"},
        ),
        ("IVF_RABITQ", {"refine": False, "refine_type": "SQ6"}, {"nlist": 128, "refine": False, "refine_type": "SQ6"}),
        ("FLAT", {"nlist": 128}, {}),
        ("HNSW", {"M": None, "nlist": "7"}, {"M": 30, "efConstruction": 360}),
    ],
)
def test_build_params_are_converted_and_those_of_other_indexes_dropped(
    name: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert index_type(name).check_build_params(DENSE, Metric.L2, given) == expected


@pytest.mark.parametrize(
    ("name", "given", "kind", "message"),
    [
        ("HNSW", {"M": 1}, "out_of_range", "HNSW parameter M is 1, which is out of range, expected 2 to 2048"),
        ("HNSW", {"M": 2049}, "out_of_range", "expected 2 to 2048"),
        (
            "HNSW",
            {"M": "sixteen"},
            "invalid_index",
            "HNSW parameter M is 'sixteen', expected an integer from 2 to 2048",
        ),
        ("HNSW", {"M": 16.5}, "invalid_index", "is 16.5, expected an integer"),
        ("HNSW", {"M": True}, "invalid_index", "is True, expected an integer"),
        ("HNSW", {"efConstruction": 0}, "out_of_range", "expected 1 to 2147483647"),
        ("HNSW", {"efConstuction": 9}, "invalid_index", "did you mean efConstruction?"),
        ("IVF_FLAT", {"nlist": 0}, "out_of_range", "expected 1 to 65536"),
        ("IVF_FLAT", {"nlist": 65_537}, "out_of_range", "expected 1 to 65536"),
        ("IVF_FLAT", {"lists": 8}, "invalid_index", "IVF_FLAT has no parameter 'lists', it takes: nlist"),
        ("FLAT", {"speed": 8}, "invalid_index", "FLAT has no parameter 'speed', it takes: none"),
        ("IVF_RABITQ", {"refine": 1}, "invalid_index", "refine is 1, expected true or false"),
        ("IVF_RABITQ", {"refine_type": "SQ4"}, "invalid_index", "expected one of SQ6, SQ8, FP16, BF16, FP32"),
    ],
)
def test_wrong_build_params_are_refused(name: str, given: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type(name).check_build_params(DENSE, Metric.L2, given)
    assert caught.value.kind == kind
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"inverted_index_algo": "BLOCK_MAX"}, "invalid_index", "expected one of DAAT_MAXSCORE, DAAT_WAND, TAAT_NAIVE"),
        ({"bm25_k1": 3.5}, "out_of_range", "expected [0, 3]"),
        ({"bm25_b": "1.5"}, "out_of_range", "expected [0, 1]"),
        ({"drop_ratio_build": 1}, "out_of_range", "expected [0, 1)"),
    ],
)
def test_wrong_sparse_build_params_are_refused(given: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type("SPARSE_INVERTED_INDEX").check_build_params(SPARSE, Metric.IP, given)
    assert caught.value.kind == kind
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("HNSW", {"ef": "64"}, {"ef": 64}),
        ("HNSW", {"ef": 1, "nprobe": 9}, {"ef": 1}),
        ("IVF_FLAT", {"nprobe": "128"}, {"nprobe": 128, "max_empty_result_buckets": 1}),
        ("IVF_SQ8", {"max_empty_result_buckets": 65_536}, {"nprobe": 8, "max_empty_result_buckets": 65_536}),
        ("IVF_RABITQ", {"rbq_bits_query": "6"}, {**LIST_SEARCH, "rbq_query_bits": 6, "refine_k": 1.0}),
        (
            "IVF_RABITQ",
            {"rbq_bits_query": 0, "rbq_query_bits": 0},
            {**LIST_SEARCH, "rbq_query_bits": 0, "refine_k": 1.0},
        ),
        ("IVF_RABITQ", {"refine_k": "2.5"}, {**LIST_SEARCH, "rbq_query_bits": 0, "refine_k": 2.5}),
        ("AUTOINDEX", {"level": "3", "nprobe": 16}, {"level": 3, "nprobe": 16}),
        ("SPARSE_WAND", {"drop_ratio_search": "0.2"}, {"drop_ratio_search": 0.2}),
    ],
)
def test_search_params_are_converted(name: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert index_type(name).check_search_params(given, build_params={"nlist": 128, "refine": True}, k=10) == expected


@pytest.mark.parametrize(
    ("name", "given", "kind", "message"),
    [
        ("HNSW", {"ef": 0}, "out_of_range", "HNSW parameter ef is 0"),
        ("HNSW", {"efs": 64}, "invalid_index", "did you mean ef?"),
        ("IVF_FLAT", {"nprobe": 129}, "out_of_range", "expected 1 to 128 (nlist of this index)"),
        ("IVF_FLAT", {"nprobe": 0}, "out_of_range", "expected 1 to 128"),
        ("IVF_FLAT", {"max_empty_result_buckets": 0}, "out_of_range", "expected 1 to 65536"),
        ("IVF_RABITQ", {"rbq_query_bits": 9}, "out_of_range", "expected 0 to 8"),
        ("IVF_RABITQ", {"rbq_bits_query": -1}, "out_of_range", "expected 0 to 8"),
        ("IVF_RABITQ", {"rbq_bits_query": 4, "rbq_query_bits": 6}, "invalid_index", "two names of one parameter"),
        ("IVF_RABITQ", {"rbq_bits_query": 4, "rbq_query_bits": 0}, "invalid_index", "two names of one parameter"),
        ("IVF_RABITQ", {"refine_k": 0.5}, "out_of_range", "expected [1, "),
        ("IVF_RABITQ", {"refine_k": "nan"}, "invalid_index", "expected a number"),
        ("SPARSE_INVERTED_INDEX", {"drop_ratio_search": 1.0}, "out_of_range", "expected [0, 1)"),
        ("AUTOINDEX", {"level": 11}, "out_of_range", "expected 1 to 10"),
        ("FLAT", {"ef_search": 8}, "invalid_index", "FLAT has no parameter 'ef_search'"),
    ],
)
def test_wrong_search_params_are_refused(name: str, given: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type(name).check_search_params(given, build_params={"nlist": 128, "refine": True}, k=10)
    assert caught.value.kind == kind
    assert message in caught.value.message


def test_nprobe_default_never_exceeds_nlist() -> None:
    assert index_type("IVF_FLAT").check_search_params({}, build_params={"nlist": 3}, k=1)["nprobe"] == 3


@pytest.mark.parametrize(
    ("name", "field", "metric", "kind", "message"),
    [
        ("HNSW", BITS, Metric.HAMMING, "invalid_index", "index HNSW cannot be built on field 'vector' of type"),
        ("BIN_FLAT", DENSE, Metric.L2, "invalid_index", "it takes: BinaryVector"),
        ("SPARSE_WAND", DENSE, Metric.IP, "invalid_index", "it takes: SparseFloatVector"),
        ("FLAT", DENSE, Metric.HAMMING, "metric_mismatch", "expected one of COSINE, L2, IP"),
        ("SPARSE_INVERTED_INDEX", SPARSE, Metric.L2, "metric_mismatch", "expected one of IP"),
        ("AUTOINDEX", BITS, Metric.IP, "metric_mismatch", "expected one of HAMMING, JACCARD"),
        ("AUTOINDEX", Field("n", DataType.INT64), Metric.L2, "invalid_index", "field 'n' of type Int64"),
    ],
)
def test_fields_and_metrics_that_do_not_fit_are_refused(
    name: str, field: Field, metric: Metric, kind: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type(name).check_build_params(field, metric, {})
    assert caught.value.kind == kind
    assert caught.value.field == field.name
    assert message in caught.value.message


def test_a_parameter_without_default_is_left_out_when_not_given() -> None:
    assert checked_params("X", [IntParam("a", 0, 9), BoolParam("b"), FloatParam("c", 0, 1)], {"b": "FALSE"}) == {
        "b": False
    }


def test_choices_ignore_case_and_know_aliases() -> None:
    spec = ChoiceParam("kind", ("ONE", "TWO"), aliases={"UNO": "ONE"})
    assert [spec.checked(text, "X") for text in ("one", "UNO", " Two ")] == ["ONE", "ONE", "TWO"]
    with pytest.raises(InvalidInput, match="expected one of ONE, TWO"):
        spec.checked(1, "X")


@pytest.mark.parametrize(
    ("name", "given", "kind", "part"),
    [
        (
            "IVF_PQ",
            {},
            "invalid_index",
            "IVF_PQ needs parameter m: an integer from 1 to 65536 that divides the dimension",
        ),
        ("IVF_PQ", {"m": 5}, "out_of_range", "parameter m is 5, expected an integer from 1 to 65536 that divides"),
        ("IVF_PQ", {"m": 0}, "out_of_range", "expected 1 to 65536"),
        (
            "HNSW_PQ",
            {"m": 4, "nbits": 25},
            "out_of_range",
            "parameter nbits is 25, which is out of range, expected 1 to 24",
        ),
        (
            "HNSW_PRQ",
            {"m": 4, "nrq": 17},
            "out_of_range",
            "parameter nrq is 17, which is out of range, expected 1 to 16",
        ),
        ("HNSW_SQ", {"sq_type": "SQ5"}, "invalid_index", "expected one of SQ4U, SQ6, SQ8, BF16, FP16"),
        (
            "HNSW_SQ",
            {"refine": True, "refine_type": "SQ6"},
            "invalid_index",
            "a more precise one than sq_type SQ8: BF16",
        ),
        ("HNSW_SQ", {"sq_type": "FP16", "refine_type": "BF16"}, "invalid_index", "than sq_type FP16: FP32"),
        ("SCANN", {"with_raw_data": "maybe"}, "invalid_index", "expected true or false"),
        ("FAISS", {}, "invalid_index", "FAISS needs parameter faiss_index_name: a factory string"),
        ("FAISS", {"faiss_index_name": "Nonsense9"}, "invalid_index", "faiss_index_name is 'Nonsense9', which faiss"),
        ("FAISS", {"faiss_index_name": "IVF4,PQ5"}, "invalid_index", "cannot make for 16 dimensions"),
        ("FAISS", {"faiss_index_name": "IDMap,Flat"}, "invalid_index", "leave IDMap out"),
    ],
)
def test_what_coded_types_refuse_when_built(name: str, given: dict[str, Any], kind: str, part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type(name).check_build_params(DENSE, Metric.L2, given)
    assert caught.value.kind == kind
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("name", "given", "part"),
    [
        ("SCANN", {"reorder_k": 0}, "expected 1 to"),
        ("SCANN", {"nprobe": 129}, "expected 1 to 128"),
        ("HNSW_SQ", {"refine_k": 0.5}, "expected [1, "),
        ("FAISS", {"nprobe": 0}, "expected 1 to"),
        ("FAISS", {"ef": 3, "efSearch": 4}, "two names of one parameter"),
        ("BIN_IVF_FLAT", {"nprobe": 200}, "expected 1 to 128"),
        ("MINHASH_LSH", {"refine_k": 0}, "expected 1 to"),
    ],
)
def test_what_coded_types_refuse_when_searched(name: str, given: dict[str, Any], part: str) -> None:
    field, metric, _, _ = DEFAULTS[name]
    kind = index_type(name)
    complete = kind.check_build_params(field, metric, REQUIRED.get(name, {}))
    with pytest.raises(InvalidInput) as caught:
        kind.check_search_params(given, build_params=complete, k=7)
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("name", "metric", "given", "part"),
    [
        ("BIN_IVF_FLAT", Metric.MHJACCARD, {}, "expected one of HAMMING, JACCARD"),
        ("MINHASH_LSH", Metric.HAMMING, {}, "expected one of MHJACCARD"),
        ("MINHASH_LSH", Metric.MHJACCARD, {"mh_lsh_band": 3}, "expected a divisor of the 16 elements"),
        ("MINHASH_LSH", Metric.MHJACCARD, {"mh_lsh_band": 17}, "expected 1 to 16"),
        ("MINHASH_LSH", Metric.MHJACCARD, {"mh_element_bit_width": 12}, "expected one of 8, 16, 32, 64"),
        ("MINHASH_LSH", Metric.MHJACCARD, {"mh_lsh_bloom_false_positive_prob": 0.2}, "expected [0.001, 0.1]"),
    ],
)
def test_what_binary_types_refuse(name: str, metric: Metric, given: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        index_type(name).check_build_params(SIGNATURES, metric, given)
    assert part in caught.value.message
