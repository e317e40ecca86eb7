// Predicates over strings in Arrow's layout: row i is bytes offsets[i] to offsets[i + 1] (exclusive) of `data`.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "elanus/kernels.h"

namespace elanus {

struct Strings {
    const int32_t* offsets;
    int64_t count;
    const uint8_t* data;
    int64_t data_size;

    const char* end() const { return reinterpret_cast<const char*>(data) + data_size; }

    std::string_view operator[](int64_t i) const {
        return {reinterpret_cast<const char*>(data) + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])};
    }
};

enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal };

// First row whose offsets descend or leave the data, or -1. The functions below want strings that passed.
int64_t find_bad_offset(const KernelTable& table, const Strings& strings);

// All write ceil(count / 64) words, tail bits zero. Order is that of unsigned bytes.
void strings_compare(const KernelTable& table, const Strings& strings, Comparison op, std::string_view literal,
                     uint64_t* words);
void strings_in(const KernelTable& table, const Strings& strings, const std::vector<std::string_view>& list,
                uint64_t* words);
void strings_prefix(const Strings& strings, std::string_view literal, uint64_t* words);
void strings_suffix(const Strings& strings, std::string_view literal, uint64_t* words);
void strings_contain(const KernelTable& table, const Strings& strings, std::string_view literal, uint64_t* words);

void hash_strings(const Strings& strings, uint64_t seed, uint64_t* hashes);

}  // namespace elanus
