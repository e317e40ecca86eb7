// Codes looked up in a table of bits that fits a level's registers. The level defines, before including this:
//
//   constexpr int64_t kTableBits;
//   struct BitTable; BitTable load_table(const uint32_t* bits);    kTableBits / 32 of them
//   uint64_t look_up_word(const int32_t* codes, BitTable table);   64 codes; out of range gives 0

#pragma once

#include "body/dictionary.h"

namespace elanus {
namespace {

void dictionary_in(const int32_t* codes, int64_t count, const uint8_t* table, int64_t table_size, uint64_t* words) {
    if (table_size > kTableBits) {
        look_up_bytes(codes, count, table, table_size, words);
        return;
    }
    uint32_t bits[kTableBits / 32] = {};
    for (int64_t i = 0; i < table_size; ++i) bits[i / 32] |= static_cast<uint32_t>(table[i] & 1) << (i % 32);
    const BitTable registers = load_table(bits);
    int64_t i = 0;
    for (; i + 64 <= count; i += 64) *words++ = look_up_word(codes + i, registers);
    look_up_bytes(codes + i, count - i, table, table_size, words);
}

}  // namespace
}  // namespace elanus
