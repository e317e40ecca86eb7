// Arguments that say how vectors of one index become codes, and rows of such codes.

#pragma once

#include <cstdint>
#include <memory>

#include "algo/codes.h"
#include "arrays.h"

namespace elanus {

// Raises TypeError or ValueError for a center or a number of bits that cannot be.
std::unique_ptr<CodeSpace> make_space(ArrayArgument& center, int bits, uint64_t seed);

// How many rows of codes there are; raises ValueError unless they are whole, and at least one.
int64_t check_codes(const ArrayArgument& codes, const CodeSpace& space);

// Raises ValueError unless all numbers are less than `end`.
void check_below(const uint32_t* numbers, int64_t count, int64_t end, const char* name);

inline const uint8_t* code_bytes(const ArrayArgument& codes) { return static_cast<const uint8_t*>(codes.bytes()); }

}  // namespace elanus
