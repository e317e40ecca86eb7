"""Graph indexes that are searched on disk: DISKANN and AISAQ."""
