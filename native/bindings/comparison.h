// The six comparison operators by the names Python gives them.

#pragma once

#include <string>
#include <string_view>

#include "algo/strings.h"
#include "arrays.h"

namespace elanus {

// Raises ValueError for anything but ==, !=, <, <=, > and >=.
inline Comparison parse_comparison(std::string_view op) {
    if (op == "==") return Comparison::equal;
    if (op == "!=") return Comparison::not_equal;
    if (op == "<") return Comparison::less;
    if (op == "<=") return Comparison::less_equal;
    if (op == ">") return Comparison::greater;
    if (op == ">=") return Comparison::greater_equal;
    raise_value_error("op is '" + std::string(op) + "', expected ==, !=, <, <=, > or >=");
}

}  // namespace elanus
