// Vectors as few-bit codes that a graph is walked on: rotated, then each scaled to its own range (as LVQ does,
// Aguerrebere et al. 2023). A row is its codes, zeros, and at the end a `CodeTail`.

#pragma once

#include <cstdint>
#include <vector>

#include "algo/rotation.h"
#include "elanus/kernels.h"

namespace elanus {

// Element i of the decoded row is `scale * code i + offset`.
struct CodeTail {
    float scale, offset;
    float norm;       // squared length of the vector itself, with its lift
    float deviation;  // length of (vector - decoded row), over the root of the width
    float code_sum;
    float lift;  // one more element, kept apart: makes inner products distances (Bachrach et al. 2014)
    float unused[2];
};

// One vector to compare rows with: product = scale * (elements . codes) + shift * code_sum is <query, codes>.
struct CodeQuery {
    CodeQuery() = default;
    CodeQuery(const CodeQuery&) = delete;
    CodeQuery& operator=(const CodeQuery&) = delete;

    std::vector<int8_t> storage;
    int8_t* elements = nullptr;  // aligned to 64 bytes
    float scale = 0, shift = 0;
    float sum = 0;  // of the elements it stands for
    float norm = 0, lift = 0;
};

// How vectors of one index become codes.
class CodeSpace {
public:
    // `bits` is 4 or 7; `center` has `dim` elements and is taken from every vector.
    CodeSpace(int64_t dim, int bits, uint64_t seed, const float* center);

    const float* center() const { return center_.data(); }
    int64_t dim() const { return rotation_.dim(); }
    int64_t width() const { return rotation_.width(); }
    int bits() const { return bits_; }
    // Bytes of a row, a multiple of 64.
    int64_t stride() const { return stride_; }
    void (*products(const KernelTable& table) const)(const CodeTask*) {
        return bits_ == 4 ? table.codes->products_4bit : table.codes->products_7bit;
    }

    void encode(const KernelTable& table, const float* vector, float lift, uint8_t* row) const;
    // A vector that is no row; `centred` takes the center from it too.
    void prepare(const KernelTable& table, const float* vector, bool centred, CodeQuery& query) const;
    // A row, as decoded.
    void prepare_row(const uint8_t* row, CodeQuery& query) const;

    const CodeTail& tail(const uint8_t* row) const {
        return *reinterpret_cast<const CodeTail*>(row + stride_ - static_cast<int64_t>(sizeof(CodeTail)));
    }

private:
    int code_max() const { return (1 << bits_) - 1; }
    void allocate(CodeQuery& query) const;

    Rotation rotation_;
    int bits_;
    int64_t stride_;
    std::vector<float> center_;
};

// <query, decoded row> with both lifts.
inline float estimated_product(const CodeQuery& query, const CodeTail& tail, int32_t product) {
    const float codes = query.scale * static_cast<float>(product) + query.shift * tail.code_sum;
    return tail.offset * query.sum + tail.scale * codes + query.lift * tail.lift;
}

}  // namespace elanus
