"""Bytes under keys: durable local files, memory, and the versioned log built on put-if-absent.

The only package (with `storage.wal`) that touches files. Everything goes through a `Disk`, so that a test can put a
simulated one underneath and cut the power at any write.
"""
