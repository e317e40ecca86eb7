"""Collections that live: admission and writing, read views, flush, index builds, compaction, recovery."""
