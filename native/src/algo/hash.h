// The 64-bit hash of strings and integers. It is part of the file format: its values never change.

#pragma once

#include <cstdint>

namespace elanus {

// Hash of `size` bytes, in blocks of sixteen, the last one (1 to 16 bytes, or none at all) padded with zeros. Built
// from 64 x 64 to 128-bit products folded to their halves' exclusive-or, with the factors mixed in again so that a zero
// factor loses nothing (after wyhash by Wang Yi). Bytes up to `end` may be read, but do not count.
uint64_t hash_bytes(const uint8_t* data, int64_t size, uint64_t seed, const uint8_t* end);

// The hash of each value's eight little-endian bytes.
void hash_int64(const int64_t* values, int64_t count, uint64_t seed, uint64_t* hashes);

}  // namespace elanus
