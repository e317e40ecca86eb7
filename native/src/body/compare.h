// Predicates to packed words. The level defines, before including this, for every element type T:
//
//   template <class T> uint64_t between_word(const T* values, T low, T high);        bit i: low <= values[i] <= high
//   template <class T> uint64_t in_list_word(const T* values, const T* list, int64_t list_size);
//
// over exactly 64 values.

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

constexpr int64_t kWordBits = 64;

// Calls `word_of(values)` for every 64 values, the last ones padded with zeros, and clears the padding's bits.
template <class T, class WordOf>
inline void for_each_word(const T* values, int64_t count, uint64_t* words, const WordOf& word_of) {
    int64_t i = 0;
    for (; i + kWordBits <= count; i += kWordBits) *words++ = word_of(values + i);
    if (i < count) {
        T padded[kWordBits] = {};
        __builtin_memcpy(padded, values + i, static_cast<size_t>(count - i) * sizeof(T));
        *words = word_of(padded) & ((uint64_t{1} << (count - i)) - 1);
    }
}

template <class T>
void between(const T* values, int64_t count, T low, T high, bool invert, uint64_t* words) {
    const uint64_t flip = invert ? ~uint64_t{0} : 0;
    for_each_word(values, count, words, [=](const T* p) { return between_word(p, low, high) ^ flip; });
}

template <class T>
void in_list(const T* values, int64_t count, const T* list, int64_t list_size, uint64_t* words) {
    for_each_word(values, count, words, [=](const T* p) { return in_list_word(p, list, list_size); });
}

}  // namespace
}  // namespace elanus
