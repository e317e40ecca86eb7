"""A sealed segment gives what was written, checked before it is seen, also through a changed schema."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.layout import TIMESTAMP_COLUMN, arrow_type
from elanus.columns.rows import python_values
from elanus.columns.taking import take_rows
from elanus.errors import DataCorrupt
from elanus.kernels.checksum import blocks_crc32c, crc32c
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.objectstore.memory import MemoryStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment.meta import BLOCK_BYTES, FileChecksums
from elanus.storage.segment.reader import SealedSegment, open_segment
from tests.unit.columns.every_type import column
from tests.unit.storage.segment.segments import (
    FIELDS,
    PREFIX,
    ROWS,
    columns_of,
    replaced,
    values_of_segment,
    written,
    written_open,
)

_ORDERS = {"some": [7, 0, 59, 7, 31], "none": [], "all": range(ROWS), "last": [ROWS - 1]}


def _field(name: str) -> Field:
    return next(field for field in FIELDS if field.name == name)


@pytest.mark.parametrize("offset", [0, 5])
def test_every_column_comes_back(offset: int) -> None:
    _, _, segment = written_open(columns_of(offset=offset))
    values = values_of_segment()
    for field in FIELDS:
        found = segment.column(field.name)
        assert found.type.equals(arrow_type(field))
        assert python_values(found, field) == values[field.name], field.name
    assert segment.timestamps().tolist() == columns_of(offset=offset)[TIMESTAMP_COLUMN].to_pylist()
    assert (segment.row_count, segment.segment_id) == (ROWS, 42)


@pytest.mark.parametrize("order", _ORDERS)
@pytest.mark.parametrize("column_first", [False, True])
def test_taking_rows_is_taking_them_of_the_column(order: str, column_first: bool) -> None:
    """A dense vector column is read by block; whether it was read whole before makes no difference."""
    _, _, segment = written_open(columns_of(offset=2))
    rows = np.array(list(_ORDERS[order]), np.int64)
    for name in [*(field.name for field in FIELDS), TIMESTAMP_COLUMN]:
        if column_first:
            segment.column(name)
        taken = segment.take(name, rows)
        taken.validate(full=True)
        assert taken.equals(take_rows(segment.column(name), rows)), name


def test_the_real_files_are_mapped_not_read(tmp_path: Path) -> None:
    store = LocalStore(LocalDisk(tmp_path))
    made = written(store, columns_of())
    segment = open_segment(store, PREFIX, made.meta_crc32c, FIELDS)
    found = segment.column("f_float_vector")
    assert python_values(found, _field("f_float_vector")) == values_of_segment()["f_float_vector"]
    store.delete_folder(PREFIX)
    assert python_values(found, _field("f_float_vector")) == values_of_segment()["f_float_vector"]
    # What was mapped before the folder went stays readable; another file is gone.
    assert len(segment.take("f_float_vector", np.array([1, 2]))) == 2
    with pytest.raises(DataCorrupt, match="is missing"):
        segment.column("f_binary_vector")


def test_keys_are_found() -> None:
    _, _, segment = written_open(columns_of())
    assert segment.key_index().find(pa.array([10, 11, 600])).rows.tolist() == [59, 0]
    assert segment.key_index() is segment.key_index()


def test_a_segment_of_one_row_and_of_long_text() -> None:
    fields = (FIELDS[0], _field("f_varchar"), _field("f_float_vector"))
    columns = {
        "id": pa.array([5]),
        "f_varchar": pa.array(["é" * 400_000]),
        "f_float_vector": column(fields[2], [[1.0] * 16]),
        TIMESTAMP_COLUMN: pa.array([9], pa.uint64()),
    }
    _, made, segment = written_open(columns, fields)
    assert made.meta.stats["108"].maximum is None
    assert segment.column("f_varchar").to_pylist() == ["é" * 400_000]
    assert segment.take("f_float_vector", np.array([0])).to_pylist() == [[1.0] * 16]


class TestChangedSchema:
    """Fields added, renamed or dropped since the segment was written."""

    @pytest.mark.parametrize("data_type", [DataType.INT8, DataType.DOUBLE, DataType.VARCHAR, DataType.BOOL])
    def test_a_field_added_later_has_its_default_in_every_row(self, data_type: DataType) -> None:
        _, _, segment = written_open(columns_of())
        value: Any = {DataType.VARCHAR: "é", DataType.BOOL: True, DataType.DOUBLE: 0.5}.get(data_type, 7)
        added = Field("added", data_type, default_value=value, field_id=900)
        seen = segment.with_fields((*FIELDS, added))
        assert seen.column("added").to_pylist() == [value] * ROWS
        assert seen.column("added").type.equals(arrow_type(added))
        assert seen.take("added", np.array([3, 3])).to_pylist() == [value] * 2
        assert seen.column("f_int8").to_pylist() == values_of_segment()["f_int8"]

    @pytest.mark.parametrize("like", FIELDS[1:], ids=lambda field: field.name)
    def test_a_nullable_field_of_any_type_added_later_is_null(self, like: Field) -> None:
        _, _, segment = written_open(columns_of(9))
        added = replace(like, name="added", field_id=900)
        seen = segment.with_fields((*FIELDS, added))
        assert python_values(seen.column("added"), added) == [None] * 9
        assert seen.column("added").type.equals(arrow_type(added))
        assert python_values(seen.take("added", np.array([8, 0])), added) == [None, None]

    def test_dynamic_keys_added_later_are_none(self) -> None:
        _, _, segment = written_open(columns_of(5))
        added = Field("$meta", DataType.JSON, is_dynamic=True, field_id=900)
        assert segment.with_fields((*FIELDS, added)).column("$meta").to_pylist() == ["{}"] * 5

    def test_a_field_is_known_by_its_id_not_its_name(self) -> None:
        _, _, segment = written_open(columns_of(9))
        other = _field("f_int8")
        renamed = segment.with_fields([replace(field, name="new") if field is other else field for field in FIELDS])
        assert renamed.column("new").to_pylist() == values_of_segment(9)["f_int8"]
        with pytest.raises(KeyError):
            renamed.column("f_int8")
        again = replace(other, field_id=901)
        reborn = segment.with_fields([again if field is other else field for field in FIELDS])
        assert reborn.column("f_int8").to_pylist() == [None] * 9

    def test_a_field_of_another_type_than_its_column_is_damage(self) -> None:
        _, _, segment = written_open(columns_of(3))
        other = replace(_field("f_int8"), data_type=DataType.INT16)
        seen = segment.with_fields([other if field.name == "f_int8" else field for field in FIELDS])
        with pytest.raises(DataCorrupt, match="column 'f_int8' is of type int8"):
            seen.column("f_int8")


class TestDamage:
    """Flipped bits, missing and exchanged files."""

    @staticmethod
    def _outcome(segment: SealedSegment, name: str) -> list[Any] | None:
        """The values of a column, or None when the damage was named."""
        try:
            return python_values(segment.column(name), _field(name))
        except DataCorrupt as error:
            assert PREFIX in error.message  # noqa: PT017 (a right value is right too)
            return None

    def test_a_flipped_bit_anywhere_is_named_or_unseen(self) -> None:
        store, made, _ = written_open(columns_of(20))
        values, luck, named = values_of_segment(20), np.random.default_rng(1), 0
        for file in made.meta.files:
            key = f"{PREFIX}/{file.name}"
            whole = store.get(key)
            for place in luck.integers(0, len(whole), 40).tolist():
                data = bytearray(whole)
                data[place] ^= 1 << int(luck.integers(8))
                damaged = open_segment(replaced(store, key, bytes(data)), PREFIX, made.meta_crc32c, FIELDS)
                for field in FIELDS:
                    found = self._outcome(damaged, field.name)
                    assert found in (None, values[field.name])
                    named += found is None
                with pytest.raises(DataCorrupt, match=f"{file.name} is damaged"):
                    damaged.verify()
        assert named > 0

    def test_taking_rows_never_shows_damaged_ones(self) -> None:
        """Rows of many blocks; damage in one of them is named exactly by those who take its rows."""
        fields = (FIELDS[0], _field("f_float_vector"))
        count = 3 * (256 << 10) // 64
        matrix = np.arange(count * 16, dtype=np.float32).reshape(count, 16)
        columns = {
            "id": pa.array(np.arange(count)),
            "f_float_vector": pa.FixedSizeListArray.from_arrays(
                pa.array(matrix.reshape(-1)), type=arrow_type(fields[1])
            ),
            TIMESTAMP_COLUMN: pa.array(np.ones(count, np.uint64)),
        }
        store, made, _ = written_open(columns, fields)
        key = f"{PREFIX}/data/vectors-{fields[1].field_id}.arrow"
        data = bytearray(store.get(key))
        place = data.index(matrix[6000].tobytes())
        data[place + 5] ^= 4
        segment = open_segment(replaced(store, key, bytes(data)), PREFIX, made.meta_crc32c, fields)
        assert segment.take("f_float_vector", np.array([0, count - 1])).to_pylist()[0] == matrix[0].tolist()
        with pytest.raises(DataCorrupt, match="is damaged between offsets"):
            segment.take("f_float_vector", np.array([0, 6000]))
        with pytest.raises(DataCorrupt):
            segment.column("f_float_vector")

    def test_a_damaged_meta_is_named(self) -> None:
        store, made, _ = written_open(columns_of(3))
        key = f"{PREFIX}/segment.json"
        whole = store.get(key)
        for place in range(0, len(whole), 7):
            data = bytearray(whole)
            data[place] ^= 2
            with pytest.raises(DataCorrupt, match="is damaged: its checksum is not the manifest's"):
                open_segment(replaced(store, key, bytes(data)), PREFIX, made.meta_crc32c, FIELDS)

    def test_missing_files_are_named(self) -> None:
        store, made, _ = written_open(columns_of(3))
        with pytest.raises(DataCorrupt, match=r"segment\.json is missing"):
            open_segment(MemoryStore(), PREFIX, made.meta_crc32c, FIELDS)
        store.delete(f"{PREFIX}/data/scalars.arrow")
        segment = open_segment(store, PREFIX, made.meta_crc32c, FIELDS)
        with pytest.raises(DataCorrupt, match=r"data/scalars\.arrow is missing"):
            segment.column("id")
        assert len(segment.column("f_float_vector")) == 3

    def test_a_file_cut_short_is_named(self) -> None:
        store, made, _ = written_open(columns_of(3))
        key = f"{PREFIX}/data/scalars.arrow"
        for size in (0, 1, 100, len(store.get(key)) - 1):
            segment = open_segment(replaced(store, key, store.get(key)[:size]), PREFIX, made.meta_crc32c, FIELDS)
            with pytest.raises(DataCorrupt, match="was truncated"):
                segment.column("id")

    def test_the_file_of_another_segment_is_refused(self) -> None:
        store, made, _ = written_open(columns_of(9))
        other, _, _ = written_open(columns_of(9, offset=1))
        key = f"{PREFIX}/data/scalars.arrow"
        segment = open_segment(replaced(store, key, other.get(key)), PREFIX, made.meta_crc32c, FIELDS)
        with pytest.raises(DataCorrupt):
            segment.column("id")

    def test_a_whole_file_that_is_no_arrow_file_is_refused(self) -> None:
        """Only a mistake of ours could give such a file a right checksum."""
        store, made, _ = written_open(columns_of(3))
        meta = made.meta
        for contents in (b"", b"not arrow" * 100):
            mine = replaced(store, f"{PREFIX}/data/scalars.arrow", contents)
            files = [
                replace(item, checksums=FileChecksums.of(len(contents), blocks_crc32c(contents, BLOCK_BYTES)))
                if "scalars" in item.name
                else item
                for item in meta.files
            ]
            encoded = replace(meta, files=files).encode()
            mine = replaced(mine, f"{PREFIX}/segment.json", encoded)
            segment = open_segment(mine, PREFIX, crc32c(encoded), FIELDS)
            with pytest.raises(DataCorrupt, match="is not a readable Arrow file"):
                segment.column("id")


def test_many_threads_may_read_at_once() -> None:
    _, _, segment = written_open(columns_of())
    values = values_of_segment()

    def read(number: int) -> None:
        field = FIELDS[number % len(FIELDS)]
        rows = np.array([number % ROWS, 5])
        assert python_values(segment.take(field.name, rows), field) == [values[field.name][row] for row in rows]
        assert python_values(segment.column(field.name), field) == values[field.name]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(200)))


def test_fields_in_another_order_are_found() -> None:
    _, _, segment = written_open(columns_of(5), FIELDS)
    turned = segment.with_fields(FIELDS[::-1])
    for field in FIELDS:
        assert turned.column(field.name).equals(segment.column(field.name))
