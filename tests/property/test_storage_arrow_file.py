"""Arrow files made block by block: Arrow's own writer, given whole columns, writes the same bytes."""

import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.layout import arrow_field
from elanus.columns.values import column_from_values
from elanus.errors import InvalidInput
from elanus.kernels.checksum import blocks_crc32c
from elanus.schema.field import Field
from elanus.storage.segment import arrow_file
from elanus.storage.segment.arrow_file import BlockColumn, arrow_file_parts
from elanus.storage.segment.block_checksums import BlockChecksums
from elanus.storage.segment.meta import BLOCK_BYTES, FileChecksums
from tests.unit.columns.every_type import FIELDS, rows_of


def _whole(schema: pa.Schema, columns: list[pa.Array]) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return sink.getvalue()


@st.composite
def _columns(draw: st.DrawFn) -> tuple[list[Field], list[list[Any]], list[list[pa.Array]]]:
    """Fields, their values, and each column cut into blocks, every one a slice of something longer."""
    fields = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique_by=lambda field: field.name))
    count = draw(st.integers(1, 40))
    values = draw(rows_of(fields, count))
    cut = []
    for field, of_field in zip(fields, values, strict=True):
        cuts = sorted(draw(st.lists(st.integers(0, count), max_size=4)))
        offset = draw(st.integers(0, 9))
        blocks = []
        for start, stop in zip([0, *cuts], [*cuts, count], strict=True):
            first = max(start - offset, 0)
            blocks.append(column_from_values(field, of_field[first:]).slice(start - first, stop - start))
        cut.append(blocks)
    return fields, values, cut


@given(_columns())
def test_blocks_make_the_file_that_whole_columns_make(
    drawn: tuple[list[Field], list[list[Any]], list[list[pa.Array]]],
) -> None:
    fields, values, cut = drawn
    schema = pa.schema([arrow_field(field) for field in fields], metadata={b"a": b"1"})
    columns = [
        BlockColumn(item, lambda blocks=blocks: blocks, has_nulls=any(block.null_count for block in blocks))
        for item, blocks in zip(schema, cut, strict=True)
    ]
    made = b"".join(arrow_file_parts(schema, columns, len(values[0])))
    whole = [column_from_values(field, of_field) for field, of_field in zip(fields, values, strict=True)]
    assert made == _whole(schema, whole)


@given(st.lists(st.integers(0, 3 * 64), max_size=30), st.data())
def test_checksums_of_passing_parts_are_those_of_the_file(sizes: list[int], data: st.DataObject) -> None:
    parts = [data.draw(st.binary(min_size=size, max_size=size)) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("elanus.storage.segment.block_checksums.BLOCK_BYTES", 64)
        checked = BlockChecksums([memoryview(part) for part in parts])
        whole = b"".join(checked)
        found = checked.checksums()
    assert whole == b"".join(parts)
    assert found == FileChecksums(len(whole), BLOCK_BYTES, FileChecksums.of(0, blocks_crc32c(whole, 64)).blocks_base64)


def test_more_than_offsets_can_tell_apart_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_file, "OFFSET_MAX", 11)
    item = pa.field("s", pa.string())
    fits = BlockColumn(item, lambda: [pa.array(["four"]), pa.array(["sevenab"])], has_nulls=False)
    schema = pa.schema([item])
    table = pa.ipc.open_file(pa.py_buffer(b"".join(arrow_file_parts(schema, [fits], 2)))).read_all()
    assert table.column("s").to_pylist() == ["four", "sevenab"]
    more = BlockColumn(item, lambda: [pa.array(["four"]), pa.array(["eight ab"])], has_nulls=False)
    with pytest.raises(InvalidInput, match=r"field 's' in one segment end at 12, expected at most 11"):
        list(arrow_file_parts(schema, [more], 2))


def test_vectors_may_have_more_elements_than_32_bits_count() -> None:
    kind = pa.list_(pa.field("item", pa.int8(), nullable=False), 1024)
    asked = []

    def blocks() -> list[pa.Array]:
        asked.append(True)
        return []

    item = pa.field("v", kind)
    parts = arrow_file_parts(pa.schema([item]), [BlockColumn(item, blocks, has_nulls=False)], 3_000_000)
    with pytest.raises(AssertionError, match="3072000000"):
        list(parts)
    assert asked == [True], "all that comes before the values was made"
