// The kernel tables this CPU can run, and the one in use.

#pragma once

#include <string_view>
#include <vector>

#include "elanus/kernels.h"

namespace elanus {

// Supported tables, the best last; `scalar` is always the first.
const std::vector<const KernelTable*>& available_tables();

// Names of every level this library was built with, supported or not, the best last.
const std::vector<std::string_view>& built_levels();

// The table in use: the best one until another is chosen.
const KernelTable& active_table();

// Makes the level of that name the one in use, for all threads; false when this CPU has no such level.
bool use_level(std::string_view level);

}  // namespace elanus
