"""The write-ahead log: what is in it is acknowledged, what is acknowledged is in it."""
