"""Indexes on scalar values: which rows have a value, lie in a range, begin with or contain a text."""
