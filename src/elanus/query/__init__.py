"""Answers over a read view: plan, search, retrieve, merge, fetch. Pure but for the kernels and the worker pool."""
