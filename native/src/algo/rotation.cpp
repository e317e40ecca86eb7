#include "algo/rotation.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace elanus {

namespace {

constexpr int64_t kWidthStep = 128;

// Steele, Lea and Flood 2014.
uint64_t splitmix(uint64_t& state) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

}  // namespace

Rotation::Rotation(int64_t dim, uint64_t seed)
    : dim_(dim),
      width_((dim + kWidthStep - 1) / kWidthStep * kWidthStep),
      block_(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(width_)))),
      round_count_(block_ == width_ ? 2 : 4),
      signs_(static_cast<size_t>(block_ * round_count_)) {
    const float scale = 1 / std::sqrt(static_cast<float>(block_));
    uint64_t state = seed, word = 0;
    for (size_t i = 0; i < signs_.size(); ++i) {
        if (i % 64 == 0) word = splitmix(state);
        signs_[i] = (word >> (i % 64) & 1) != 0 ? scale : -scale;
    }
}

void Rotation::apply(const KernelTable& table, const float* vector, float* rotated) const {
    std::memcpy(rotated, vector, static_cast<size_t>(dim_) * sizeof(float));
    std::memset(rotated + dim_, 0, static_cast<size_t>(width_ - dim_) * sizeof(float));
    for (int round = 0; round < round_count_; ++round) {
        float* part = rotated + (round % 2 == 0 ? 0 : width_ - block_);
        table.rabitq->hadamard(part, signs_.data() + round * block_, block_);
        if (block_ < width_) table.codes->kac_step(rotated, width_);
    }
}

}  // namespace elanus
