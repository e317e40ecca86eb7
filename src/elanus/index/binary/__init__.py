"""Indexes over vectors of bits."""
