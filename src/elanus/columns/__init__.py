"""Typed columns: Arrow arrays in a fixed layout for every data type, views of them for kernels, bitsets over rows.

A batch is a `pyarrow.RecordBatch` whose columns have exactly the types `layout` gives. Rows as dicts exist only in
`rows`.
"""
