"""FLAT: every row is compared."""
