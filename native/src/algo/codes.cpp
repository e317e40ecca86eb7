#include "algo/codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace elanus {

namespace {

constexpr int64_t kLine = 64;
// Ranges tried for a row: the outermost elements are clipped where that loses less than coarser steps would.
constexpr int kClipCount = 9;
constexpr float kClipStep = 0.06F;
// Ranges narrower than this are none: their inverse could overflow.
constexpr float kRangeMin = 0x1p-100F;

struct Range {
    float offset, scale;
};

struct Extent {
    float low, high;
};

Extent extent_of(const float* values, int64_t width) {
    float low[4], high[4];
    for (int j = 0; j < 4; ++j) low[j] = high[j] = values[j];
    for (int64_t i = 4; i < width; i += 4) {
        for (int j = 0; j < 4; ++j) {
            low[j] = std::min(low[j], values[i + j]);
            high[j] = std::max(high[j], values[i + j]);
        }
    }
    return {std::min(std::min(low[0], low[1]), std::min(low[2], low[3])),
            std::max(std::max(high[0], high[1]), std::max(high[2], high[3]))};
}

// `x` is at least 0 and below 2^22; rounds halves to even without a call.
float rounded(float x) {
    constexpr float kMagic = 0x1p23F;
    return (x + kMagic) - kMagic;
}

float code_of(float value, Range range, float inverse, float code_max) {
    return rounded(std::min(code_max, std::max(0.0F, (value - range.offset) * inverse)));
}

float squared_error(const float* values, int64_t width, Range range, float code_max) {
    const float inverse = 1 / range.scale;
    float sums[8] = {};
    for (int64_t i = 0; i < width; i += 8) {
        for (int j = 0; j < 8; ++j) {
            const float error =
                range.offset + range.scale * code_of(values[i + j], range, inverse, code_max) - values[i + j];
            sums[j] += error * error;
        }
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// The range whose steps lose least.
Range best_range(const float* values, int64_t width, int code_max) {
    const Extent extent = extent_of(values, width);
    const float middle = (extent.low + extent.high) / 2, half = (extent.high - extent.low) / 2;
    if (!(half > kRangeMin)) return {middle, 0};
    Range best = {0, 0};
    float best_error = 0;
    for (int i = 0; i < kClipCount; ++i) {
        const float clipped = half * (1 - kClipStep * static_cast<float>(i));
        const Range range = {middle - clipped, 2 * clipped / static_cast<float>(code_max)};
        const float error = squared_error(values, width, range, static_cast<float>(code_max));
        if (i == 0 || error < best_error) {
            best = range;
            best_error = error;
        }
    }
    return best;
}

}  // namespace

CodeSpace::CodeSpace(int64_t dim, int bits, uint64_t seed, const float* center)
    : rotation_(dim, seed), bits_(bits), center_(center, center + dim) {
    const int64_t code_bytes = bits == 4 ? width() / 2 : width();
    stride_ = (code_bytes + static_cast<int64_t>(sizeof(CodeTail)) + kLine - 1) / kLine * kLine;
}

void CodeSpace::allocate(CodeQuery& query) const {
    if (query.elements != nullptr) return;
    query.storage.resize(static_cast<size_t>(width() + kLine));
    const auto address = reinterpret_cast<uintptr_t>(query.storage.data());
    query.elements = query.storage.data() + (kLine - address % kLine) % kLine;
}

void CodeSpace::encode(const KernelTable& table, const float* vector, float lift, uint8_t* row) const {
    std::vector<float> centred(static_cast<size_t>(dim())), rotated(static_cast<size_t>(width()));
    double norm = static_cast<double>(lift) * lift;
    for (size_t i = 0; i < centred.size(); ++i) {
        centred[i] = vector[i] - center_[i];
        norm += static_cast<double>(centred[i]) * centred[i];
    }
    rotation_.apply(table, centred.data(), rotated.data());
    const Range range = best_range(rotated.data(), width(), code_max());
    const float inverse = range.scale > 0 ? 1 / range.scale : 0;
    std::memset(row, 0, static_cast<size_t>(stride_));
    double decoded_square = 0, with_decoded = 0, own_square = 0;
    int64_t code_sum = 0;
    for (int64_t i = 0; i < width(); ++i) {
        const float value = rotated[static_cast<size_t>(i)];
        const float code = code_of(value, range, inverse, static_cast<float>(code_max()));
        const double decoded = static_cast<double>(range.offset) + static_cast<double>(range.scale) * code;
        decoded_square += decoded * decoded;
        with_decoded += decoded * value;
        own_square += static_cast<double>(value) * value;
        const auto number = static_cast<uint8_t>(code);
        code_sum += number;
        if (bits_ == 4) {
            const int64_t place = i / 128 * 64 + i % 64;
            row[place] = static_cast<uint8_t>(row[place] | number << (i % 128 < 64 ? 0 : 4));
        } else {
            row[i] = number;
        }
    }
    // Stretched so that the row's product with itself is exact, which takes the bias from products with near vectors.
    const double stretch = with_decoded > 0 ? own_square / with_decoded : 1;
    const double error = std::max(0.0, own_square - 2 * stretch * with_decoded + stretch * stretch * decoded_square);
    CodeTail tail = {};
    tail.scale = static_cast<float>(range.scale * stretch);
    tail.offset = static_cast<float>(range.offset * stretch);
    tail.norm = static_cast<float>(norm);
    tail.deviation = static_cast<float>(std::sqrt(error / static_cast<double>(width())));
    tail.code_sum = static_cast<float>(code_sum);
    tail.lift = lift;
    std::memcpy(row + stride_ - static_cast<int64_t>(sizeof(tail)), &tail, sizeof(tail));
}

void CodeSpace::prepare(const KernelTable& table, const float* vector, bool centred, CodeQuery& query) const {
    thread_local std::vector<float> moved, rotated;
    moved.resize(static_cast<size_t>(dim()));
    rotated.resize(static_cast<size_t>(width()));
    for (size_t i = 0; i < moved.size(); ++i) moved[i] = centred ? vector[i] - center_[i] : vector[i];
    rotation_.apply(table, moved.data(), rotated.data());
    allocate(query);
    CodeQueryTask task = {.values = rotated.data(),
                          .width = width(),
                          .elements = query.elements,
                          .scale = 0,
                          .square_sum = 0,
                          .element_sum = 0};
    table.codes->quantise(&task);
    query.scale = task.scale;
    query.shift = 0;
    query.sum = task.scale * static_cast<float>(task.element_sum);
    query.norm = task.square_sum;
    query.lift = 0;
}

void CodeSpace::prepare_row(const uint8_t* row, CodeQuery& query) const {
    allocate(query);
    const int32_t most = code_max();
    if (bits_ == 4) {
        for (int64_t block = 0; block < width(); block += 128) {
            const uint8_t* codes = row + block / 2;
            for (int64_t i = 0; i < 64; ++i) {
                query.elements[block + i] = static_cast<int8_t>(2 * (codes[i] & 15) - most);
                query.elements[block + 64 + i] = static_cast<int8_t>(2 * (codes[i] >> 4) - most);
            }
        }
    } else {
        for (int64_t i = 0; i < width(); ++i) query.elements[i] = static_cast<int8_t>(2 * row[i] - most);
    }
    const CodeTail& own = tail(row);
    const auto count = static_cast<float>(width());
    query.scale = own.scale / 2;
    query.shift = own.offset + own.scale * static_cast<float>(most) / 2;
    query.sum = own.scale * own.code_sum + own.offset * count;
    query.norm = own.norm;
    query.lift = own.lift;
}

}  // namespace elanus
