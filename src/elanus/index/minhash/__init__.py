"""MINHASH_LSH: near-duplicates among MinHash signatures (Broder 1997), found by bands that are equal."""
