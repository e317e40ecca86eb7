"""Use cases: one request value in, one reply value out. Knows users, limits and quotas; knows no wire format."""
