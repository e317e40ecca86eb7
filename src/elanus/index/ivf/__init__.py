"""Inverted files: rows are grouped around centroids, and a search reads the groups nearest to the query."""
