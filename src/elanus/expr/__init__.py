"""The filter language: text to syntax tree, bound to a schema, evaluated over columns to a bitset.

Knows columns and schemas, not segments: whoever has rows to filter hands over a `ColumnSource`.
"""
