#include "elanus/dispatch.h"

#include <atomic>

#include "cpu.h"

namespace elanus {

namespace {

constexpr KernelTable kScalar = {"scalar",         &scalar_float_distance, &scalar_int8_distance, &scalar_bits_distance,
                                 &scalar_compare,  &scalar_dictionary,     &scalar_bits,          &scalar_text,
                                 &scalar_checksum, &scalar_codes,          &scalar_rabitq};

#if defined(__x86_64__)

constexpr KernelTable kAvx2 = {"avx2",         &avx2_float_distance, &avx2_int8_distance, &avx2_bits_distance,
                               &avx2_compare,  &avx2_dictionary,     &avx2_bits,          &avx2_text,
                               &avx2_checksum, &avx2_codes,          &avx2_rabitq};

constexpr KernelTable kAvx512 = {"avx512",        &avx512_float_distance, &avx512_int8_distance, &avx512_bits_distance,
                                 &avx512_compare, &avx512_dictionary,     &avx512_bits,          &avx512_text,
                                 &avx2_checksum,  &avx512_codes,          &avx512_rabitq};

constexpr KernelTable kAvx512Icelake = {
    "avx512_icelake", &avx512_float_distance, &avx512_icelake_int8_distance, &avx512_icelake_bits_distance,
    &avx512_compare,  &avx512_dictionary,     &avx512_icelake_bits,          &avx512_text,
    &avx2_checksum,   &avx512_icelake_codes,  &avx512_icelake_rabitq};

#endif

std::vector<const KernelTable*> find_tables() {
    std::vector<const KernelTable*> tables = {&kScalar};
#if defined(__x86_64__)
    const CpuFeatures features = detect_cpu();
    if (features.avx2) tables.push_back(&kAvx2);
    if (features.avx512) tables.push_back(&kAvx512);
    if (features.avx512_icelake) tables.push_back(&kAvx512Icelake);
#endif
    return tables;
}

std::atomic<const KernelTable*>& active() {
    static std::atomic<const KernelTable*> table{available_tables().back()};
    return table;
}

}  // namespace

const std::vector<const KernelTable*>& available_tables() {
    static const std::vector<const KernelTable*> tables = find_tables();
    return tables;
}

const std::vector<std::string_view>& built_levels() {
    static const std::vector<std::string_view> levels = {
        "scalar",
#if defined(__x86_64__)
        "avx2",
        "avx512",
        "avx512_icelake",
#endif
    };
    return levels;
}

const KernelTable& active_table() { return *active().load(std::memory_order_acquire); }

bool use_level(std::string_view level) {
    for (const KernelTable* table : available_tables()) {
        if (table->level == level) {
            active().store(table, std::memory_order_release);
            return true;
        }
    }
    return false;
}

}  // namespace elanus
