#include "algo/neighbour_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace elanus {

namespace {

// Divide every width.
constexpr size_t kBlock = 128;
constexpr size_t kLanes = 8;
// Of an estimate that is exact: what it counts must stay a number.
constexpr float kVarianceMin = 1e-30F;

}  // namespace

NeighbourCoder::NeighbourCoder(const CodeSpace& space, bool with_norms)
    : space_(space),
      norm_weight_(with_norms ? 1.0F : 0.0F),
      own_(static_cast<size_t>(space.width())),
      other_(static_cast<size_t>(space.width())) {}

void NeighbourCoder::decode(const uint8_t* row, std::vector<float>& values) const {
    const CodeTail& tail = space_.tail(row);
    const auto decoded = [&tail](int code) { return tail.scale * static_cast<float>(code) + tail.offset; };
    const auto width = static_cast<size_t>(space_.width());
    if (space_.bits() != 4) {
        for (size_t i = 0; i < width; ++i) values[i] = decoded(row[i]);
        return;
    }
    for (size_t block = 0; block < width; block += 128) {
        const uint8_t* codes = row + block / 2;
        for (size_t i = 0; i < 64; ++i) {
            values[block + i] = decoded(codes[i] & 15);
            values[block + 64 + i] = decoded(codes[i] >> 4);
        }
    }
}

void NeighbourCoder::stand_at(const uint8_t* row) {
    decode(row, own_);
    own_norm_ = space_.tail(row).norm;
}

void NeighbourCoder::encode(const uint8_t* row, uint8_t* code) {
    decode(row, other_);
    uint8_t* bits = code + sizeof(NeighbourHead);
    double square = 0, length = 0, own_way = 0, own_signs = 0;
    // Sums of a block in single precision, of blocks in double; the loops are written so that compilers use registers.
    for (size_t block = 0; block < own_.size(); block += kBlock) {
        const float* own = own_.data() + block;
        const float* other = other_.data() + block;
        float ways[kBlock], sums[4][kLanes] = {};
        for (size_t i = 0; i < kBlock; ++i) ways[i] = other[i] - own[i];
        for (size_t i = 0; i < kBlock; i += kLanes) {
            for (size_t j = 0; j < kLanes; ++j) {
                const float way = ways[i + j];
                sums[0][j] += way * way;
                sums[1][j] += std::fabs(way);
                sums[2][j] += own[i + j] * way;
                sums[3][j] += way > 0 ? own[i + j] : -own[i + j];
            }
        }
        for (size_t j = 0; j < kLanes; ++j) {
            square += static_cast<double>(sums[0][j]);
            length += static_cast<double>(sums[1][j]);
            own_way += static_cast<double>(sums[2][j]);
            own_signs += static_cast<double>(sums[3][j]);
        }
        for (size_t i = 0; i < kBlock; i += 8) {
            unsigned byte = 0;
            for (size_t j = 0; j < 8; ++j) byte |= (ways[i + j] > 0 ? 1U : 0U) << j;
            bits[(block + i) / 8] = static_cast<uint8_t>(byte);
        }
    }
    // A step along the signs that makes the product of the way with itself exact.
    const double step = length > 0 ? square / length : 0;
    // What the estimate <query, way> of step <query, signs> is off at the node itself, where it can be known.
    const double correction = own_way - step * own_signs;
    const double norm = static_cast<double>(norm_weight_) * (static_cast<double>(space_.tail(row).norm) - own_norm_);
    const NeighbourHead head = {static_cast<float>(step), static_cast<float>(norm - 2 * correction)};
    std::memcpy(code, &head, sizeof(head));
}

float neighbour_weight(const uint8_t* code, float way) {
    NeighbourHead head;
    std::memcpy(&head, code, sizeof(head));
    return 1 / std::max(kVarianceMin, head.step * head.step * way);
}

void NeighbourTable::prepare(const CodeSpace& space, const CodeQuery& query) {
    const auto byte_count = static_cast<size_t>(space.width() / 8);
    sums_.resize(byte_count * 256);
    for (size_t byte = 0; byte < byte_count; ++byte) {
        int16_t* sums = sums_.data() + byte * 256;
        sums[0] = 0;
        for (size_t bit = 0; bit < 8; ++bit) {
            const int8_t element = query.elements[byte * 8 + bit];
            const size_t half = size_t{1} << bit;
            for (size_t i = 0; i < half; ++i) sums[half + i] = static_cast<int16_t>(sums[i] + element);
        }
    }
}

float NeighbourTable::distance(const CodeQuery& query, float node_distance, const uint8_t* code) const {
    NeighbourHead head;
    std::memcpy(&head, code, sizeof(head));
    const uint8_t* bits = code + sizeof(head);
    const int16_t* sums = sums_.data();
    int32_t parts[4] = {};
    // The width is a multiple of 128, so bytes come in sixteens.
    for (size_t byte = 0; byte < sums_.size() / 256; byte += 4, sums += 4 * 256) {
        for (size_t j = 0; j < 4; ++j) parts[j] += sums[j * 256 + bits[byte + j]];
    }
    const int32_t with_ones = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    const float product = 2 * query.scale * static_cast<float>(with_ones) - query.sum;
    return node_distance + head.offset - 2 * head.step * product;
}

}  // namespace elanus
