#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "algo/membership.h"
#include "arrays.h"
#include "comparison.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

// Wide enough for every integer of 64 bits, signed or not, and its neighbours.
using Wide = __int128;
constexpr Wide kBeyond = Wide{1} << 100;

// What every operator comes down to: low <= x <= high, or its opposite. Nothing is within when low > high.
template <class T>
struct Interval {
    T low, high;
    bool invert;
};

template <class T>
constexpr Interval<T> kNothing = {std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), false};

// A Python integer of any size; those beyond 64 bits become +-kBeyond, which compares alike with every element.
Wide parse_integer(nb::handle scalar, const char* name) {
    const nb::object integer = nb::steal(PyNumber_Index(scalar.ptr()));
    if (!integer.is_valid()) {
        PyErr_Clear();
        raise_type_error(std::string(name) + " is " + nb::cast<std::string>(nb::repr(scalar)) +
                         ", expected an integer for integer values");
    }
    int overflow = 0;
    const int64_t value = PyLong_AsLongLongAndOverflow(integer.ptr(), &overflow);
    if (overflow == 0) return value;
    if (overflow < 0) return -kBeyond;
    const uint64_t unsigned_value = PyLong_AsUnsignedLongLong(integer.ptr());
    if (PyErr_Occurred() == nullptr) return unsigned_value;
    PyErr_Clear();
    return kBeyond;
}

// A Python number rounded to T; integers too large for double become infinite.
template <class T>
T parse_float(nb::handle scalar, const char* name) {
    const double value = PyFloat_AsDouble(scalar.ptr());
    if (value != -1.0 || PyErr_Occurred() == nullptr) return static_cast<T>(value);
    if (PyErr_ExceptionMatches(PyExc_OverflowError) != 0) {
        PyErr_Clear();
        const bool is_negative = parse_integer(scalar, name) < 0;
        return is_negative ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    }
    PyErr_Clear();
    raise_type_error(std::string(name) + " is " + nb::cast<std::string>(nb::repr(scalar)) + ", expected a number");
}

template <class T>
Interval<T> clamp_to(Wide low, Wide high) {
    low = std::max<Wide>(low, std::numeric_limits<T>::min());
    high = std::min<Wide>(high, std::numeric_limits<T>::max());
    if (low > high) return kNothing<T>;
    return {static_cast<T>(low), static_cast<T>(high), false};
}

template <class T>
Interval<T> make_interval(nb::handle low, nb::handle high, bool low_inclusive, bool high_inclusive) {
    low_inclusive |= low.is_none();
    high_inclusive |= high.is_none();
    if constexpr (std::is_floating_point_v<T>) {
        constexpr T kInfinity = std::numeric_limits<T>::infinity();
        const T from = low.is_none() ? -kInfinity : parse_float<T>(low, "low");
        const T to = high.is_none() ? kInfinity : parse_float<T>(high, "high");
        const bool is_empty = (!low_inclusive && from == kInfinity) || (!high_inclusive && to == -kInfinity);
        if (is_empty) return kNothing<T>;
        return {low_inclusive ? from : std::nextafter(from, kInfinity),
                high_inclusive ? to : std::nextafter(to, -kInfinity), false};
    } else {
        const Wide from = low.is_none() ? -kBeyond : parse_integer(low, "low") + (low_inclusive ? 0 : 1);
        const Wide to = high.is_none() ? kBeyond : parse_integer(high, "high") - (high_inclusive ? 0 : 1);
        return clamp_to<T>(from, to);
    }
}

template <class T>
Interval<T> make_interval(Comparison op, nb::handle scalar) {
    const nb::object none = nb::none();
    switch (op) {
        case Comparison::equal:
            return make_interval<T>(scalar, scalar, true, true);
        case Comparison::not_equal: {
            Interval<T> interval = make_interval<T>(scalar, scalar, true, true);
            interval.invert = true;
            return interval;
        }
        case Comparison::less:
            return make_interval<T>(none, scalar, true, false);
        case Comparison::less_equal:
            return make_interval<T>(none, scalar, true, true);
        case Comparison::greater:
            return make_interval<T>(scalar, none, false, true);
        case Comparison::greater_equal:
            return make_interval<T>(scalar, none, true, true);
    }
    return kNothing<T>;
}

void run(const CompareKernels& k, const int8_t* v, int64_t n, Interval<int8_t> i, uint64_t* w) {
    k.between_i8(v, n, i.low, i.high, i.invert, w);
}
void run(const CompareKernels& k, const int16_t* v, int64_t n, Interval<int16_t> i, uint64_t* w) {
    k.between_i16(v, n, i.low, i.high, i.invert, w);
}
void run(const CompareKernels& k, const int32_t* v, int64_t n, Interval<int32_t> i, uint64_t* w) {
    k.between_i32(v, n, i.low, i.high, i.invert, w);
}
void run(const CompareKernels& k, const int64_t* v, int64_t n, Interval<int64_t> i, uint64_t* w) {
    k.between_i64(v, n, i.low, i.high, i.invert, w);
}
void run(const CompareKernels& k, const uint64_t* v, int64_t n, Interval<uint64_t> i, uint64_t* w) {
    k.between_u64(v, n, i.low, i.high, i.invert, w);
}
void run(const CompareKernels& k, const float* v, int64_t n, Interval<float> i, uint64_t* w) {
    k.between_f32(v, n, i.low, i.high, i.invert, w);
}
void run(const CompareKernels& k, const double* v, int64_t n, Interval<double> i, uint64_t* w) {
    k.between_f64(v, n, i.low, i.high, i.invert, w);
}

// Calls `visit` with a null pointer to the array's element type.
template <class Visit>
void with_element_type(const ArrayArgument& array, const Visit& visit) {
    switch (array.dtype()) {
        case Dtype::int8:
            return visit(static_cast<const int8_t*>(nullptr));
        case Dtype::int16:
            return visit(static_cast<const int16_t*>(nullptr));
        case Dtype::int32:
            return visit(static_cast<const int32_t*>(nullptr));
        case Dtype::int64:
            return visit(static_cast<const int64_t*>(nullptr));
        case Dtype::uint64:
            return visit(static_cast<const uint64_t*>(nullptr));
        case Dtype::float32:
            return visit(static_cast<const float*>(nullptr));
        case Dtype::float64:
            return visit(static_cast<const double*>(nullptr));
        default:
            array.refuse_dtype("int8, int16, int32, int64, uint64, float32 or float64");
    }
}

template <class MakeInterval>
nb::object evaluate(nb::handle values, const MakeInterval& make) {
    ArrayArgument array(values, "values", 1);
    ResultArray words(Dtype::uint64, word_count(array.size()));
    auto* const out = words.data<uint64_t>();
    with_element_type(array, [&](auto* type) {
        using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
        const Interval<T> interval = make(type);
        const T* data = array.data<T>();
        const nb::gil_scoped_release release;
        run(*active_table().compare, data, array.size(), interval, out);
    });
    return words.object();
}

nb::object compare(nb::handle values, const char* op, nb::handle scalar) {
    const Comparison comparison = parse_comparison(op);
    return evaluate(values, [&](auto* type) {
        return make_interval<std::remove_const_t<std::remove_pointer_t<decltype(type)>>>(comparison, scalar);
    });
}

nb::object between(nb::handle values, nb::handle low, nb::handle high, bool low_inclusive, bool high_inclusive) {
    return evaluate(values, [&](auto* type) {
        return make_interval<std::remove_const_t<std::remove_pointer_t<decltype(type)>>>(low, high, low_inclusive,
                                                                                         high_inclusive);
    });
}

template <class T>
void check_ascending(const T* list, int64_t size) {
    for (int64_t j = 0; j < size; ++j) {
        if (list[j] != list[j] || (j > 0 && !(list[j - 1] < list[j]))) {
            raise_value_error("sorted_unique_values[" + std::to_string(j) + "] is " + std::to_string(list[j]) +
                              ", expected a number above the one before it");
        }
    }
}

nb::object is_in_list(nb::handle values, nb::handle sorted_unique_values) {
    ArrayArgument array(values, "values", 1);
    ArrayArgument list(sorted_unique_values, "sorted_unique_values", 1);
    ResultArray words(Dtype::uint64, word_count(array.size()));
    auto* const out = words.data<uint64_t>();
    with_element_type(array, [&](auto* type) {
        using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
        list.expect(array.dtype());
        const T* data = array.data<T>();
        const T* items = list.data<T>();
        check_ascending(items, list.size());
        const nb::gil_scoped_release release;
        is_in(active_table(), data, array.size(), items, list.size(), out);
    });
    return words.object();
}

nb::object dictionary_in(nb::handle codes, nb::handle table) {
    ArrayArgument code_array(codes, "codes", 1);
    code_array.expect(Dtype::int32);
    ArrayArgument flags(table, "table", 1);
    flags.expect(Dtype::bool8);
    ResultArray words(Dtype::uint64, word_count(code_array.size()));
    const auto* code_data = code_array.data<int32_t>();
    const auto* flag_data = static_cast<const uint8_t*>(flags.bytes());
    auto* const out = words.data<uint64_t>();
    {
        const nb::gil_scoped_release release;
        active_table().dictionary->dictionary_in(code_data, code_array.size(), flag_data, flags.size(), out);
    }
    return words.object();
}

}  // namespace

void bind_compare(nb::module_& module) {
    module.def("compare", &compare, nb::arg("values"), nb::arg("op"), nb::arg("scalar"));
    module.def("between", &between, nb::arg("values"), nb::arg("low").none(), nb::arg("high").none(), nb::kw_only(),
               nb::arg("low_inclusive"), nb::arg("high_inclusive"));
    module.def("is_in", &is_in_list, nb::arg("values"), nb::arg("sorted_unique_values"));
    module.def("dictionary_in", &dictionary_in, nb::arg("codes"), nb::arg("table"));
}

}  // namespace elanus
