"""HNSW-class graphs of our own: walked on four-bit codes, ranked by the vectors themselves."""
