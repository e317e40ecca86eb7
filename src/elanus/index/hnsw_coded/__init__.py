"""Graphs that are walked over codes: scalar, product and product-residual quantisers of faiss."""
