// Which instruction sets this CPU has and the operating system keeps registers for.

#pragma once

namespace elanus {

struct CpuFeatures {
    bool avx2;            // SSE4.2, AVX2, FMA, F16C, POPCNT, BMI1, BMI2
    bool avx512;          // F, BW, CD, DQ, VL
    bool avx512_icelake;  // VNNI, VPOPCNTDQ, VBMI, BITALG
};

// All false where CPUID does not exist. A member is true only with every instruction set it names.
CpuFeatures detect_cpu();

}  // namespace elanus
