// What one CPU level offers: plain structs of function pointers, one family a struct.
//
// Level files include this header, so it holds nothing but C types: a std template or an inline function compiled with
// AVX-512 flags could be the copy the linker keeps for everyone, and would kill an older CPU.
//
// Pointers to vectors (`queries`, `base`) need no alignment; all others are aligned to their element.

#pragma once

#include <stddef.h>
#include <stdint.h>

namespace elanus {

enum class ElementType : int32_t { float32, float16, bfloat16, int8, bits };
enum class Metric : int32_t { l2, ip, cosine, hamming, jaccard };

// What the metric needs to know of a query besides its elements; computed once a query by `prepare_query`.
struct QueryFacts {
    float norm;           // float types, COSINE: Euclidean norm, 0 or between 2^-50 and 2^50
    int64_t square_sum;   // int8: sum of squares
    int64_t element_sum;  // int8: sum of elements
};

// Every query against `count` rows. Row i of the task is row `rows[i]` of `base`, or `first + i` when `rows` is null.
// Listed rows are prefetched.
struct ScoreTask {
    const void* queries;  // query_count x width, C order: float (float types), int8, or bytes
    int64_t query_count;
    const QueryFacts* facts;  // one a query
    const void* base;         // rows of `width` elements, C order
    int64_t width;            // elements; bytes for bits
    const uint32_t* rows;
    int64_t first;
    int64_t count;
    float* scores;  // score of query q and row i at q * scores_stride + i
    int64_t scores_stride;
};

using ScoreFunction = void (*)(const ScoreTask* task);

// Accumulates in float32, several lanes, in an order that depends on the width only: a row's score never depends on the
// rows or queries it was computed with. |score - exact| <= (width / 8 + 8) * 2^-24 * (sum of absolute terms) for L2 and
// IP. L2 overflows to infinity. IP and COSINE are computed again in double where float32 overflows or underflows.
// COSINE is within (width / 8 + 16) * 2^-24 * (sum |q_i x_i| / (|q| |x|) + 1) of exact, clamped to [-1, 1], 0 for a
// zero vector. float16 and bfloat16 elements are widened without loss. Width 0 scores 0.
struct FloatDistanceKernels {
    ScoreFunction l2sq_f32, ip_f32, cosine_f32;
    ScoreFunction l2sq_f16, ip_f16, cosine_f16;
    ScoreFunction l2sq_bf16, ip_bf16, cosine_bf16;
};

// Sums are exact integers (int32 lanes, drained into int64 before they can overflow), then rounded once to float32.
// COSINE is dot / sqrt(square sum * square sum) in double, rounded once: bit-equal on every level.
struct Int8DistanceKernels {
    ScoreFunction l2sq_i8, ip_i8, cosine_i8;
};

// Exact counts. JACCARD is (union - intersection) / union in double, rounded once; 0 for two empty sets.
struct BitsDistanceKernels {
    ScoreFunction hamming, jaccard;
};

// Predicates: bit i of `words` is the answer for element i; tail bits are zero. `between` is low <= x <= high, NaN is
// outside; `invert` flips every answer (NaN too). `in_list` is x == list[j] for some j; meant for short lists.
struct CompareKernels {
    void (*between_i8)(const int8_t* values, int64_t count, int8_t low, int8_t high, bool invert, uint64_t* words);
    void (*between_i16)(const int16_t* values, int64_t count, int16_t low, int16_t high, bool invert, uint64_t* words);
    void (*between_i32)(const int32_t* values, int64_t count, int32_t low, int32_t high, bool invert, uint64_t* words);
    void (*between_i64)(const int64_t* values, int64_t count, int64_t low, int64_t high, bool invert, uint64_t* words);
    void (*between_u64)(const uint64_t* values, int64_t count, uint64_t low, uint64_t high, bool invert,
                        uint64_t* words);
    void (*between_f32)(const float* values, int64_t count, float low, float high, bool invert, uint64_t* words);
    void (*between_f64)(const double* values, int64_t count, double low, double high, bool invert, uint64_t* words);

    void (*in_list_i8)(const int8_t* values, int64_t count, const int8_t* list, int64_t list_size, uint64_t* words);
    void (*in_list_i16)(const int16_t* values, int64_t count, const int16_t* list, int64_t list_size, uint64_t* words);
    void (*in_list_i32)(const int32_t* values, int64_t count, const int32_t* list, int64_t list_size, uint64_t* words);
    void (*in_list_i64)(const int64_t* values, int64_t count, const int64_t* list, int64_t list_size, uint64_t* words);
    void (*in_list_f32)(const float* values, int64_t count, const float* list, int64_t list_size, uint64_t* words);
    void (*in_list_f64)(const double* values, int64_t count, const double* list, int64_t list_size, uint64_t* words);
};

struct DictionaryKernels {
    // Bit i is `table[codes[i]]` (a byte, 0 or 1); codes outside 0 to table_size give 0.
    void (*dictionary_in)(const int32_t* codes, int64_t count, const uint8_t* table, int64_t table_size,
                          uint64_t* words);
};

struct BitKernels {
    int64_t (*bit_count)(const uint64_t* words, int64_t word_count);
    // Numbers of the set bits, ascending, into `rows`; `row_count` is how many there are.
    void (*bit_rows)(const uint64_t* words, int64_t word_count, int64_t* rows, int64_t row_count);
    // Bit i is `bytes[i] != 0`.
    void (*bits_from_bool)(const uint8_t* bytes, int64_t count, uint64_t* words);
};

struct TextKernels {
    // First position of the needle (at least one byte) in the data, or -1.
    int64_t (*find)(const uint8_t* data, int64_t size, const uint8_t* needle, int64_t needle_size);
    // First i with offsets[i] > offsets[i + 1], or -1; reads count + 1 offsets.
    int64_t (*first_descent)(const int32_t* offsets, int64_t count);
    // Bit i is `offsets[i + 1] - offsets[i] == length`; reads count + 1 ascending offsets of at least 0.
    void (*length_equals)(const int32_t* offsets, int64_t count, int32_t length, uint64_t* words);
};

struct ChecksumKernels {
    // CRC-32C (Castagnoli) of bytes that follow others whose checksum is `crc` (0 at the start).
    uint32_t (*crc32c)(uint32_t crc, const uint8_t* data, int64_t size);
};

// Rows of unsigned codes against one query of signed bytes. Four-bit codes lie in blocks of 128 dimensions: byte i of a
// block's 64 holds dimension i (low half) and 64 + i (high half). Byte codes are at most 127, so that two products with
// query elements of -127 to 127 fit 16 bits. Rows are prefetched.
struct CodeTask {
    const int8_t* query;  // `width` elements, aligned to 64 bytes
    int64_t width;        // a multiple of 128, at most 2^16
    const uint8_t* codes;
    int64_t stride;  // bytes from row to row, a multiple of 64
    const uint32_t* rows;
    int64_t count;
    int32_t* products;  // exact
};

// A rotated query as signed bytes.
struct CodeQueryTask {
    const float* values;
    int64_t width;     // a multiple of 128
    int8_t* elements;  // value i is about `scale * elements[i]`
    float scale;       // of the largest size of a value, 127 of them
    float square_sum;  // of the values
    int32_t element_sum;
};

struct CodeKernels {
    void (*products_4bit)(const CodeTask* task);
    void (*products_7bit)(const CodeTask* task);
    // Bit-equal on every level, but for the square sum.
    void (*quantise)(CodeQueryTask* task);
    // Sum and difference of each value of the first half and that of the second, scaled to keep lengths. Bit-equal.
    void (*kac_step)(float* values, int64_t width);
};

// Rows of RaBitQ's finer codes to compare with a query. A row is `bits * segment` bytes: byte k * segment + i is byte k
// of the little-endian number whose bits s * bits to (s + 1) * bits (exclusive) are the code of dimension
// s * segment + i, for s below 8. `segment` is a multiple of 8.
struct RabitqFineTask {
    const uint8_t* codes;
    int64_t segment;
    const int8_t* query;  // 8 * segment
    const uint32_t* places;
    int64_t count;
    int32_t* products;  // exact; no overflow below 2^17 dimensions
};

// RaBitQ (Gao and Long 2024), in the layout of quick scans (André et al. 2015): a block holds 32 rows, 4 dimensions
// make a code of 4 bits; byte 16 t + j of a block has code t of row j (low half) and of row 16 + j (high half).
struct RabitqKernels {
    // sums[32 b + j] is the sum over t of tables[16 t + code t of row j of block b]. `table_count` is a multiple of 16
    // and below 2^24.
    void (*block_sums)(const uint8_t* blocks, int64_t block_count, const uint8_t* tables, int64_t table_count,
                       uint32_t* sums);
    // For finer codes of 1 to 7 bits.
    void (*fine_products[7])(const RabitqFineTask* task);
    // The Walsh-Hadamard transform in place of 2^n values, each times its sign (which may scale too). Bit-equal on
    // every level.
    void (*hadamard)(float* values, const float* signs, int64_t size);
    // tables[16 t + v] is the rounded sum of `scale` times the values 4 t + i for which bit i of v is set, less the
    // smallest such sum; `scale` is so small that it is at most 255. Bit-equal on every level.
    void (*query_tables)(const float* values, int64_t table_count, float scale, uint8_t* tables);
};

// One level: every pointer is set; a family a level does not improve is that of the level below.
struct KernelTable {
    const char* level;
    const FloatDistanceKernels* float_distance;
    const Int8DistanceKernels* int8_distance;
    const BitsDistanceKernels* bits_distance;
    const CompareKernels* compare;
    const DictionaryKernels* dictionary;
    const BitKernels* bits;
    const TextKernels* text;
    const ChecksumKernels* checksum;
    const CodeKernels* codes;
    const RabitqKernels* rabitq;
};

extern const FloatDistanceKernels scalar_float_distance, avx2_float_distance, avx512_float_distance;
extern const Int8DistanceKernels scalar_int8_distance, avx2_int8_distance, avx512_int8_distance,
    avx512_icelake_int8_distance;
extern const BitsDistanceKernels scalar_bits_distance, avx2_bits_distance, avx512_bits_distance,
    avx512_icelake_bits_distance;
extern const CompareKernels scalar_compare, avx2_compare, avx512_compare;
extern const DictionaryKernels scalar_dictionary, avx2_dictionary, avx512_dictionary;
extern const BitKernels scalar_bits, avx2_bits, avx512_bits, avx512_icelake_bits;
extern const TextKernels scalar_text, avx2_text, avx512_text;
extern const ChecksumKernels scalar_checksum, avx2_checksum;
extern const CodeKernels scalar_codes, avx2_codes, avx512_codes, avx512_icelake_codes;
extern const RabitqKernels scalar_rabitq, avx2_rabitq, avx512_rabitq, avx512_icelake_rabitq;

}  // namespace elanus
