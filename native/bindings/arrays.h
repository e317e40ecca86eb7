// Arrays that cross the border between Python and the kernels: arguments checked, results allocated by NumPy.
//
// The buffer protocol is used directly because it is three times as quick as a general array converter, and because its
// errors can name the argument, what it is and what was expected.

#pragma once

#include <Python.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <memory>
#include <string>

namespace elanus {

namespace nb = nanobind;

enum class Dtype { bool8, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, float32, float64, other };

const char* dtype_name(Dtype dtype);

[[noreturn]] void raise_type_error(const std::string& message);
[[noreturn]] void raise_value_error(const std::string& message);

// A C-contiguous array argument, held until destruction. Construct and destroy with the GIL.
class ArrayArgument {
public:
    // Raises TypeError if `object` is no array, ValueError if it has other than `dimension_count` dimensions or is not
    // C-contiguous.
    ArrayArgument(nb::handle object, const char* name, int dimension_count);
    ~ArrayArgument();
    ArrayArgument(const ArrayArgument&) = delete;
    ArrayArgument& operator=(const ArrayArgument&) = delete;

    const char* name() const { return name_; }
    Dtype dtype() const { return dtype_; }
    int64_t size(int dimension = 0) const { return view_.shape[dimension]; }

    // Raises TypeError unless the elements are of that dtype.
    void expect(Dtype dtype) const;
    // Raises TypeError that says which dtypes would do.
    [[noreturn]] void refuse_dtype(const char* expected) const;

    // The elements at any address.
    const void* bytes() const { return view_.buf; }
    // The elements aligned as T; misaligned ones are copied once.
    template <class T>
    const T* data() {
        return static_cast<const T*>(aligned_to(alignof(T)));
    }

private:
    const void* aligned_to(size_t alignment);

    const char* name_;
    Dtype dtype_ = Dtype::other;
    Py_buffer view_;
    std::unique_ptr<max_align_t[]> copy_;
};

// A set of rows as packed words, or null for None.
class AllowArgument {
public:
    // Raises ValueError unless there are exactly ceil(row_count / 64) words.
    AllowArgument(nb::handle object, int64_t row_count);
    const uint64_t* words() const { return words_; }

private:
    std::unique_ptr<ArrayArgument> array_;
    const uint64_t* words_ = nullptr;
};

// The bytes of any C-contiguous buffer.
class BytesArgument {
public:
    BytesArgument(nb::handle object, const char* name);
    ~BytesArgument() { PyBuffer_Release(&view_); }
    BytesArgument(const BytesArgument&) = delete;
    BytesArgument& operator=(const BytesArgument&) = delete;

    const uint8_t* data() const { return static_cast<const uint8_t*>(view_.buf); }
    int64_t size() const { return view_.len; }

private:
    Py_buffer view_;
};

// A new NumPy array, uninitialised.
class ResultArray {
public:
    ResultArray(Dtype dtype, int64_t size);
    ResultArray(Dtype dtype, int64_t rows, int64_t columns);
    ~ResultArray() { PyBuffer_Release(&view_); }
    ResultArray(const ResultArray&) = delete;
    ResultArray& operator=(const ResultArray&) = delete;

    template <class T>
    T* data() {
        return static_cast<T*>(view_.buf);
    }
    nb::object object() const { return array_; }

private:
    void allocate(Dtype dtype, nb::handle shape);

    nb::object array_;
    Py_buffer view_;
};

// Looks up what `ResultArray` needs of NumPy; to be called when the module is loaded.
void load_numpy();

inline int64_t word_count(int64_t bit_count) { return (bit_count + 63) / 64; }

// Raises ValueError if k is negative.
void check_k(int64_t k);

void bind_distance(nb::module_& module);
void bind_sparse(nb::module_& module);
void bind_topk(nb::module_& module);
void bind_bits(nb::module_& module);
void bind_compare(nb::module_& module);
void bind_strings(nb::module_& module);
void bind_checksum(nb::module_& module);
void bind_json(nb::module_& module);
void bind_graph(nb::module_& module);
void bind_ivf(nb::module_& module);
void bind_rabitq(nb::module_& module);
void bind_disk(nb::module_& module);

}  // namespace elanus
