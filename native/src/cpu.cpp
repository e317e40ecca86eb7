#include "cpu.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace elanus {

#if defined(__x86_64__)

namespace {

struct Registers {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
    Registers r;
    if (__get_cpuid_max(0, nullptr) >= leaf) {
        __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    }
    return r;
}

// The register state the operating system saves on a task switch.
uint64_t extended_control() {
    uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<uint64_t>(high) << 32) | low;
}

constexpr bool has_bits(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

constexpr uint32_t bit(int number) { return uint32_t{1} << number; }

}  // namespace

// Bit numbers are those of the CPUID instruction in Intel's Software Developer's Manual, volume 2A.
CpuFeatures detect_cpu() {
    CpuFeatures features = {};
    const Registers basic = cpuid(1, 0);
    const Registers extended = cpuid(7, 0);
    constexpr uint32_t kFma = bit(12), kSse42 = bit(20), kPopcnt = bit(23), kOsxsave = bit(27), kAvx = bit(28),
                       kF16c = bit(29);
    if (!has_bits(basic.ecx, kFma | kSse42 | kPopcnt | kOsxsave | kAvx | kF16c)) return features;

    const uint64_t saved = extended_control();
    constexpr uint64_t kXmmYmm = 0x6, kMaskZmm = 0xe0;
    constexpr uint32_t kBmi1 = bit(3), kAvx2 = bit(5), kBmi2 = bit(8);
    features.avx2 = has_bits(saved, kXmmYmm) && has_bits(extended.ebx, kBmi1 | kAvx2 | kBmi2);

    constexpr uint32_t kF = bit(16), kDq = bit(17), kCd = bit(28), kBw = bit(30), kVl = bit(31);
    features.avx512 = features.avx2 && has_bits(saved, kMaskZmm) && has_bits(extended.ebx, kF | kDq | kCd | kBw | kVl);

    constexpr uint32_t kVbmi = bit(1), kVnni = bit(11), kBitalg = bit(12), kVpopcntdq = bit(14);
    features.avx512_icelake = features.avx512 && has_bits(extended.ecx, kVbmi | kVnni | kBitalg | kVpopcntdq);
    return features;
}

#else

CpuFeatures detect_cpu() { return {}; }

#endif

}  // namespace elanus
