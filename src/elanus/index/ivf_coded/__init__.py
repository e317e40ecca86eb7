"""Inverted files of product-quantised residuals: built and searched by faiss, scored by the column."""
