"""Sealed segments: immutable column files with checksums and statistics."""
