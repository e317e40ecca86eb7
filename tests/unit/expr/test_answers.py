"""What filters answer, feature by feature, with every truth value written out: T, F, or ? for UNKNOWN."""

import math

import pytest

from elanus.errors import DataCorrupt
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_rows import Rows


def _schema(*fields: Field, dynamic: bool = False) -> Schema:
    key = Field("id", DataType.INT64, is_primary=True)
    return Schema((key, *fields, Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True)), dynamic)


def _scalar(data_type: DataType, *values: object) -> Rows:
    schema = _schema(Field("x", data_type, nullable=True))
    return Rows(schema, [{"id": row, "x": value} for row, value in enumerate(values)])


def _json(*values: object) -> Rows:
    """JSON rows; None is a NULL field."""
    schema = _schema(Field("doc", DataType.JSON, nullable=True))
    return Rows(schema, [{"id": row, "doc": value} for row, value in enumerate(values)])


def _array(element: DataType, *values: object) -> Rows:
    schema = _schema(Field("a", DataType.ARRAY, element_type=element, max_capacity=10, nullable=True))
    return Rows(schema, [{"id": row, "a": value} for row, value in enumerate(values)])


def test_fq01_integers_compare_exactly_with_decimal_literals() -> None:
    rows = _scalar(DataType.INT64, 2, 3, -3, None)
    assert rows.truths("x > 2.5") == "FTF?"
    assert rows.truths("x < -2.5") == "FFT?"
    assert rows.truths("x == 3.0") == "FTF?"
    assert rows.truths("x == 2.5") == "FFF?"
    assert rows.truths("x != 2.5") == "TTT?"


def test_fq01_large_integers_are_not_rounded_to_doubles() -> None:
    rows = _scalar(DataType.INT64, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
    assert rows.truths("x == 9007199254740993") == "FTFF"
    assert rows.truths("x > 9007199254740992.0") == "FTTF"
    assert rows.truths("x < 9223372036854775808.0") == "TTTT"
    assert rows.truths("x >= {inf}", {"inf": -math.inf}) == "TTTT"


def test_fq01_doubles_compare_exactly_with_integer_literals() -> None:
    rows = _scalar(DataType.DOUBLE, 2.0**53, 2.0**53 + 2, math.nan, None)
    assert rows.truths("x == 9007199254740993") == "FFF?"
    assert rows.truths("x != 9007199254740993") == "TTT?"
    assert rows.truths("x < 9007199254740993") == "TFF?"
    assert rows.truths("x >= 9007199254740993") == "FTF?"


def test_fq01_integers_compare_exactly_with_double_fields() -> None:
    schema = _schema(Field("i", DataType.INT64), Field("d", DataType.DOUBLE))
    pairs = [(2**53 + 1, 2.0**53), (2**53, 2.0**53), (2**63 - 1, 2.0**63), (-(2**63), -(2.0**63)), (1, math.nan)]
    rows = Rows(schema, [{"id": 0, "i": i, "d": d} for i, d in pairs])
    assert rows.truths("i == d") == "FTFTF"
    assert rows.truths("i > d") == "TFFFF"
    assert rows.truths("i < d") == "FFTFF"
    assert rows.truths("d != i") == "TFTFT"


def test_dt03_a_float_field_is_found_by_the_number_it_was_given() -> None:
    rows = _scalar(DataType.FLOAT, 99.99, 99.98, 16777216.0, 1e39)
    assert rows.truths("x == 99.99") == "TFFF"
    assert rows.truths("x < 99.99") == "FTFF"
    assert rows.truths("x <= 99.99 and x >= 99.99") == "TFFF"
    assert rows.truths("x in [99.99, 5]") == "TFFF"
    assert rows.truths("x == 16777217") == "FFTF"
    assert rows.truths("x == 1e39") == "FFFT"
    assert rows.truths("x * 1 == 99.99") == "FFFF"


def test_fq01_nan_is_unequal_to_everything_and_in_no_order() -> None:
    rows = _scalar(DataType.DOUBLE, math.nan, 1.0, None)
    assert rows.truths("x == x") == "FT?"
    assert rows.truths("x != x") == "TF?"
    assert rows.truths("x != 1") == "TF?"
    assert rows.truths("x < 5") == "FT?"
    assert rows.truths("not x < 5") == "TF?"
    assert rows.truths("x in [1, {nan}]", {"nan": math.nan}) == "FT?"
    assert rows.truths("x not in [1]") == "TF?"
    assert rows.truths("x == {nan}", {"nan": math.nan}) == "FF?"
    assert rows.truths("x != {nan}", {"nan": math.nan}) == "TT?"
    assert rows.truths("x is null") == "FFT"


def test_fq01_strings_are_ordered_by_their_utf8_bytes() -> None:
    rows = _scalar(DataType.VARCHAR, "", "Z", "a", "é", "日", "😀", None)
    assert rows.truths('x > "a"') == "FFFTTT?"
    assert rows.truths('x <= "日"') == "TTTTTF?"
    assert rows.truths('"" < x < "é"') == "FTTFFF?"
    assert rows.truths('x == ""') == "TFFFFF?"


def test_fq01_bool_fields_are_conditions() -> None:
    rows = _scalar(DataType.BOOL, True, False, None)
    assert rows.truths("x") == "TF?"
    assert rows.truths("!x") == "FT?"
    assert rows.truths("x == false") == "FT?"
    assert rows.truths("true != x") == "FT?"
    assert rows.truths("x in [true]") == "TF?"
    assert rows.truths("x in [true, false]") == "TT?"
    assert rows.truths("x not in []") == "TT?"


def test_fq02_ranges_point_either_way() -> None:
    rows = _scalar(DataType.INT32, 9, 10, 25, None)
    assert rows.truths("10 <= x < 25") == "FTF?"
    assert rows.truths("25 > x >= 10") == "FTF?"
    assert rows.truths("9.5 < x <= 1e10") == "FTT?"


def test_fq03_and_or_not_are_kleenes() -> None:
    schema = _schema(Field("a", DataType.BOOL, nullable=True), Field("b", DataType.BOOL, nullable=True))
    values = (True, False, None)
    rows = Rows(schema, [{"id": 0, "a": a, "b": b} for a in values for b in values])
    assert rows.truths("a and b") == "TF?FFF?F?"
    assert rows.truths("a OR b") == "TTTTF?T??"
    assert rows.truths("NOT a") == "FFFTTT???"
    assert rows.truths("!(a && b) || !a || !b") == "FT?TTT?T?"


def test_fq04_membership() -> None:
    rows = _scalar(DataType.INT8, 1, 2, 127, None)
    assert rows.truths("x in [1, 2.0, 2.5, 300]") == "TTF?"
    assert rows.truths("x not in [1, 300]") == "FTT?"
    assert rows.truths("x in []") == "FFF?"
    assert rows.truths("x not in []") == "TTT?"
    assert _scalar(DataType.VARCHAR, "a", "", None).truths('x in ["", "b"]') == "FT?"


def test_fq04_long_lists() -> None:
    rows = _scalar(DataType.INT64, 99_999, 100_000, None)
    listed = ", ".join(map(str, range(100_000)))
    assert rows.truths(f"x in [{listed}]") == "TF?"
    assert rows.truths("x in {ids}", {"ids": list(range(100_000))}) == "TF?"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("Pre%", "TFFF?"),
        ("%fix", "TFFF?"),
        ("%f_x%", "TFFF?"),
        ("%", "TTTT?"),
        ("_", "FTFF?"),
        ("", "FFTF?"),
        ("100%", "FFFT?"),
        (r"100\%", "FFFF?"),
        (r"100\%\_", "FFFT?"),
        ("prefix", "FFFF?"),
    ],
)
def test_fq05_like(pattern: str, expected: str) -> None:
    rows = _scalar(DataType.VARCHAR, "Prefix", "é", "", "100%_", None)
    assert rows.truths("x like {p}", {"p": pattern}) == expected
    assert rows.truths("x not like {p}", {"p": pattern}) == expected.translate(str.maketrans("TF", "FT"))


def test_fq05_like_treats_line_breaks_and_regex_characters_as_themselves() -> None:
    rows = _scalar(DataType.VARCHAR, "a\nb", "a.b", "a[b", "a\\b")
    assert rows.truths('x like "a_b"') == "TTTT"
    assert rows.truths('x like "%.b%"') == "FTFF"
    assert rows.truths('x like "_[_"') == "FFTF"
    assert rows.truths(r'x like r"a\\_"') == "FFFT"
    assert rows.truths(r'x like r"a\b"') == "FFFT"


def test_fq06_regex_matches_anywhere() -> None:
    rows = _scalar(DataType.VARCHAR, "E1001", "failed with E1001 after retry", "e1001", None)
    assert rows.truths('x =~ "E[0-9]{4}"') == "TTF?"
    assert rows.truths('x =~ "^E[0-9]{4}$"') == "TFF?"
    assert rows.truths('x =~ "(?i)^e"') == "TFT?"
    assert rows.truths('x !~ "E1"') == "FFT?"
    assert rows.truths(r'x =~ r"\d$"') == "TFT?"


def test_fq08_integer_arithmetic() -> None:
    rows = _scalar(DataType.INT64, 7, -7, 2**63 - 1, -(2**63), None)
    assert rows.truths("x / 2 == 3 or x / 2 == -3") == "TTFF?"
    assert rows.truths("x % 3 == -1") == "FTFF?"
    assert rows.truths("x + 1 > 0") == "TF?F?"
    assert rows.truths("-x == x") == "FFF??"
    assert rows.truths("x ** 2 == 49") == "TT???"
    assert rows.truths("x / 0 == 1 or x % 0 == 1") == "?????"
    assert rows.truths("x / -1 < 0") == "TFT??"
    assert rows.truths("x % -1 == 0") == "TTTT?"


def test_fq08_float_arithmetic() -> None:
    rows = _scalar(DataType.DOUBLE, 4.0, -4.0, 0.0, math.nan, None)
    assert rows.truths("x ** 0.5 == 2") == "TFFF?"
    assert rows.truths("1 / x > 0") == "TF?F?"
    assert rows.truths("x ** -1 != 5") == "TT?T?"
    assert rows.truths("x - x == 0") == "TTTF?"
    assert rows.truths("x * 1e308 * 10 > 1e308") == "TFFF?"


def test_fq09_bitwise() -> None:
    rows = _scalar(DataType.INT32, 5, 4, -1, None)
    assert rows.truths("(x & 4) == 4") == "TTT?"
    assert rows.truths("(x | 2) == 7") == "TFF?"
    assert rows.truths("(x ^ 7) == 2") == "TFF?"
    assert rows.truths("(x ^ -1) == 0") == "FFT?"


def test_fq10_null_tests_are_never_unknown() -> None:
    assert _scalar(DataType.VARCHAR, "", None).truths("x is null") == "FT"
    assert _scalar(DataType.INT8, 0, None).truths("x is not null") == "TF"
    assert _array(DataType.INT8, [], None).truths("a is null") == "FT"
    assert _json({"a": None}, None).truths("doc is null") == "FT"
    assert _scalar(DataType.INT8, 0, 1).truths("x is null") == "FF"


def test_fq11_json_values_by_kind() -> None:
    rows = _json({"k": 5}, {"k": 5.0}, {"k": "5"}, {"k": True}, {"k": [5]}, {"k": {}}, {"k": None}, {}, None, 7)
    assert rows.truths('doc["k"] == 5') == "TTFFFF????"
    assert rows.truths('doc["k"] != 5') == "FFTTTT????"
    assert rows.truths('doc["k"] >= 5') == "TT????????"
    assert rows.truths('doc["k"] == "5"') == "FFTFFF????"
    assert rows.truths('doc["k"] == true') == "FFFTFF????"
    assert rows.truths('doc["k"] == [5.0]') == "FFFFTF????"
    assert rows.truths('doc["k"] in [5, "5"]') == "TTTFFF????"
    assert rows.truths('doc["k"] not in [5, true]') == "FFTFTT????"
    assert rows.truths('doc["k"] in []') == "FFFFFF????"
    assert rows.truths("doc == 7") == "FFFFFFFF?T"


def test_fq11_json_null_tests_and_exists() -> None:
    rows = _json({"k": 5}, {"k": None}, {}, None, [1, None])
    assert rows.truths('doc["k"] is null') == "FTTTT"
    assert rows.truths('doc["k"] is not null') == "TFFFF"
    assert rows.truths('exists doc["k"]') == "TTFFF"
    assert rows.truths("exists doc[1]") == "FFFFT"
    assert rows.truths("doc[1] is null") == "TTTTT"
    assert rows.truths("exists doc[0]") == "FFFFT"
    assert rows.truths("doc is null") == "FFFTF"
    assert rows.truths("doc is not null") == "TTTFT"
    rows.with_column("doc", [" null\n", '"null"', "[null]", None, "nullx"])
    assert rows.truths("doc is null") == "TFFTF"


def test_fq11_json_integers_of_any_size_are_exact() -> None:
    rows = _json({"k": 2**53 + 1}, {"k": 2.0**53}, {"k": 2**70}, {"k": -(2**70)}, {"k": 10**30})
    assert rows.truths('doc["k"] == 9007199254740993') == "TFFFF"
    assert rows.truths('doc["k"] > 9007199254740992.0') == "TFTFT"
    assert rows.truths('doc["k"] < 9223372036854775807') == "TTFTF"
    assert rows.truths('doc["k"] == 1180591620717411303424.0') == "FFTFF"
    assert rows.truths('doc["k"] in [1180591620717411303424.0, 1]') == "FFTFF"
    assert rows.truths('doc["k"] == 1e30') == "FFFFF"
    assert rows.truths('doc["k"] + 0 > 0') == "TT???"
    assert rows.truths('doc["k"] == doc["k"]') == "TTTTT"
    edges = _json({"k": 2**63 - 1}, {"k": 2**63}, {"k": -(2**63)}, {"k": -(2**63) - 1})
    assert edges.truths('doc["k"] + 0 != 5') == "T?T?"
    assert edges.truths('doc["k"] == -9223372036854775808') == "FFTF"


def test_fq11_nested_paths() -> None:
    rows = _json({"a": {"b": [10, {"c": "x"}]}}, {"a": [1]}, {"a": {"b": 5}}, None)
    assert rows.truths('doc["a"]["b"][0] == 10') == "T???"
    assert rows.truths('doc["a"]["b"][1]["c"] == "x"') == "T???"
    assert rows.truths('doc["a"][0] == 1') == "?T??"
    assert rows.truths('doc["a"]["b"] == 5 and doc["a"] != 1') == "F?T?"


def test_fq11_keys_no_struct_can_have() -> None:
    rows = _json({'q"k': 1, "back\\slash": 2, "line\nbreak": 3, "": 4, "é": 5})
    assert rows.truths("doc['q\"k'] == 1") == "T"
    assert rows.truths('doc["back\\\\slash"] == 2 and doc["line\\nbreak"] == 3') == "T"
    assert rows.truths('doc[""] == 4 and doc["é"] == 5') == "T"


def test_fq11_json_compared_with_fields_and_other_paths() -> None:
    schema = _schema(
        Field("doc", DataType.JSON), Field("n", DataType.INT64, nullable=True), Field("s", DataType.VARCHAR)
    )
    rows = Rows(
        schema,
        [
            {"id": 0, "doc": {"a": 5, "b": 5.0}, "n": 5, "s": "x"},
            {"id": 1, "doc": {"a": "x", "b": [1, {"k": True}], "c": [1.0, {"k": True}]}, "n": None, "s": "x"},
            {"id": 2, "doc": {"a": True, "b": True}, "n": 1, "s": "y"},
        ],
    )
    assert rows.truths('doc["a"] == n') == "T?F"
    assert rows.truths('doc["a"] <= n') == "T??"
    assert rows.truths('s == doc["a"]') == "FTF"
    assert rows.truths('doc["a"] == doc["b"]') == "TFT"
    assert rows.truths('doc["b"] == doc["c"]') == "?T?"
    assert rows.truths('doc["a"] < doc["b"]') == "F??"


def test_fq12_fq13_json_contains() -> None:
    rows = _json({"t": ["a", 1, [1, 2], True]}, {"t": []}, {"t": "a"}, {"t": None}, {}, None)
    assert rows.truths('json_contains(doc["t"], "a")') == "TFF???"
    assert rows.truths('JSON_CONTAINS(doc["t"], 1.0)') == "TFF???"
    assert rows.truths('json_contains(doc["t"], true)') == "TFF???"
    assert rows.truths('json_contains(doc["t"], [1, 2])') == "TFF???"
    assert rows.truths('json_contains(doc["t"], [2, 1])') == "FFF???"
    assert rows.truths('json_contains_all(doc["t"], ["a", 1])') == "TFF???"
    assert rows.truths('json_contains_all(doc["t"], [])') == "TTF???"
    assert rows.truths('json_contains_any(doc["t"], ["z", 1])') == "TFF???"
    assert rows.truths('json_contains_any(doc["t"], [])') == "FFF???"
    assert rows.truths('array_length(doc["t"]) >= 0') == "TT????"


def test_fq12_a_number_is_no_truth_value() -> None:
    assert _json([1], [True], [0], [False]).truths("json_contains(doc, true)") == "FTFF"
    assert _json([1], [True], [0], [False]).truths("json_contains(doc, 0)") == "FFTF"
    assert _json([1], [True], [1.0], [[True]]).truths("doc == [1]") == "TFTF"
    assert _json([1], [True], [1.0], [[True]]).truths("doc in [[true], [[1]]]") == "FTFF"


def test_fq06_patterns_over_json_are_unknown_only_for_a_null_field() -> None:
    rows = _json({"k": "abc"}, {"k": "xyz"}, {"k": 5}, {"k": None}, {}, None)
    assert rows.truths('doc["k"] like "a%"') == "TFFFF?"
    assert rows.truths('doc["k"] not like "a%"') == "FTTTT?"
    assert rows.truths('doc["k"] =~ "b"') == "TFFFF?"
    assert rows.truths('doc["k"] !~ "b"') == "FTTTT?"


def test_fq15_fq16_array_contains() -> None:
    rows = _array(DataType.INT64, [1, 2, 2], [], [3], None)
    assert rows.truths("array_contains(a, 2)") == "TFF?"
    assert rows.truths("array_contains(a, 2.5)") == "FFF?"
    assert rows.truths("array_contains_all(a, [1, 2, 2])") == "TFF?"
    assert rows.truths("array_contains_all(a, [1, 2.5])") == "FFF?"
    assert rows.truths("array_contains_all(a, [])") == "TTT?"
    assert rows.truths("array_contains_any(a, [2.5, 3, 1])") == "TFT?"
    assert rows.truths("array_contains_any(a, [])") == "FFF?"
    assert _array(DataType.FLOAT, [99.99]).truths("array_contains(a, 99.99)") == "T"
    assert _array(DataType.BOOL, [True], [False], []).truths("array_contains_all(a, [true, false])") == "FFF"
    assert _array(DataType.BOOL, [True], [False], []).truths("array_contains_any(a, [true, false])") == "TTF"


def test_fq17_fq18_array_length_and_elements() -> None:
    rows = _array(DataType.VARCHAR, ["x", "y"], ["x"], [], None)
    assert rows.truths("array_length(a) > 1") == "TFF?"
    assert rows.truths('a[0] == "x"') == "TT??"
    assert rows.truths('a[1] != "x"') == "T???"
    assert rows.truths('a[0] like "x%"') == "TT??"
    assert rows.truths("a[100] in []") == "????"
    assert rows.truths('a == ["x"]') == "FTF?"
    assert rows.truths('a != ["x"]') == "TFT?"
    assert rows.truths("a == []") == "FFT?"
    assert _array(DataType.BOOL, [True], [False], []).truths("a[0]") == "TF?"


def test_fq31_values_are_not_read_as_text() -> None:
    rows = _scalar(DataType.VARCHAR, 'a" or x != "', "b")
    assert rows.truths("x == {v}", {"v": 'a" or x != "'}) == "TF"


def test_fq35_sc07_dynamic_keys() -> None:
    schema = _schema(Field("x", DataType.INT64), dynamic=True)
    rows = Rows(schema, [{"id": 0, "x": 1, "color": "red"}, {"id": 1, "x": 2, "hôtel": 5}, {"id": 2, "x": 3}])
    assert rows.truths('color == "red"') == "T??"
    assert rows.truths('$meta["color"] == "red"') == "T??"
    assert rows.truths('$meta["hôtel"] > 1') == "?T?"
    assert rows.truths("exists color") == "TFF"
    assert rows.truths("color is null") == "FTT"
    assert rows.truths('color !~ "x"') == "TTT"
    assert rows.truths("$meta is null") == "FFF"


def test_sc09_a_field_wins_over_a_dynamic_key() -> None:
    schema = _schema(Field("x", DataType.INT64, nullable=True), dynamic=True)
    rows = Rows(schema, [{"id": 0, "x": 1}, {"id": 1}]).with_column("$meta", ['{"x": 7}', '{"x": 7}'])
    assert rows.truths("x == 1") == "T?"
    assert rows.truths('$meta["x"] == 7') == "TT"


def test_json_numbers_no_double_can_hold_are_infinite() -> None:
    rows = _json(*[{}] * 4).with_column("doc", ['{"k":1e400}', '{"k":-1e400}', '{"k":' + "9" * 5000 + "}", '{"k":1}'])
    assert rows.truths('doc["k"] > 1e308') == "TFTF"
    assert rows.truths('doc["k"] < -1e308') == "FTFF"


def test_json_half_a_surrogate_pair_equals_no_string() -> None:
    rows = _json({}, {}).with_column("doc", ['{"k":"\\ud800"}', '{"k":"x"}'])
    assert rows.truths('doc["k"] == "x"') == "FT"
    assert rows.truths('exists doc["k"]') == "TT"


def test_json_that_is_none_is_reported_with_its_row() -> None:
    rows = _json({}, {}).with_column("doc", ['{"k":1}', '{"k":'])
    with pytest.raises(DataCorrupt, match="field 'doc' holds text in row 1") as caught:
        rows.truths('doc["k"] == 1')
    assert caught.value.row == 1


def test_json_that_is_none_is_reported_with_its_row_when_rows_were_gathered() -> None:
    schema = _schema(Field("x", DataType.INT64), Field("doc", DataType.JSON))
    rows = Rows(schema, [{"id": row, "x": row, "doc": {}} for row in range(300)])
    rows.with_column("doc", ["{}"] * 290 + ["{"] + ["{}"] * 9)
    with pytest.raises(DataCorrupt) as caught:
        rows.truths('x >= 280 and doc["k"] == 1')
    assert caught.value.row == 290
    assert rows.truths('x < 100 and doc["k"] == 1').count("?") == 100


def test_empty_sources() -> None:
    schema = _schema(
        Field("x", DataType.INT64),
        Field("s", DataType.VARCHAR),
        Field("doc", DataType.JSON),
        Field("a", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=3),
    )
    rows = Rows(schema, [])
    for text in (
        "x > 1 and x in [1]",
        's like "a_" or s == "x"',
        'doc["k"] + 1 > 2 or exists doc["k"]',
        'doc["k"] % 2 == 1',
        "a[0] > 1 or array_contains_all(a, [1, 2]) or a == [1]",
        "x + 1 > x ** 2",
        "random_sample(0.5)",
    ):
        assert rows.truths(text) == ""
