#include "arrays.h"

#include <cstring>

namespace elanus {

namespace {

// Borrowed for the life of the process; destroying them after the interpreter has gone would crash.
PyObject* numpy_empty = nullptr;
PyObject* numpy_float32 = nullptr;
PyObject* numpy_int64 = nullptr;
PyObject* numpy_uint64 = nullptr;
PyObject* numpy_uint32 = nullptr;
PyObject* numpy_int32 = nullptr;
PyObject* numpy_uint8 = nullptr;

PyObject* numpy_dtype(Dtype dtype) {
    switch (dtype) {
        case Dtype::float32:
            return numpy_float32;
        case Dtype::int64:
            return numpy_int64;
        case Dtype::uint64:
            return numpy_uint64;
        case Dtype::int32:
            return numpy_int32;
        case Dtype::uint8:
            return numpy_uint8;
        default:
            return numpy_uint32;
    }
}

Dtype integer_dtype(bool is_signed, Py_ssize_t size) {
    switch (size) {
        case 1:
            return is_signed ? Dtype::int8 : Dtype::uint8;
        case 2:
            return is_signed ? Dtype::int16 : Dtype::uint16;
        case 4:
            return is_signed ? Dtype::int32 : Dtype::uint32;
        case 8:
            return is_signed ? Dtype::int64 : Dtype::uint64;
        default:
            return Dtype::other;
    }
}

// Format strings are those of Python's struct module; a foreign byte order has a prefix of its own and is not known
// here.
Dtype parse_format(const char* format, Py_ssize_t size) {
    if (format == nullptr) return Dtype::uint8;
    if (*format == '@' || *format == '=' || *format == '<') ++format;
    if (format[0] == '\0' || format[1] != '\0') return Dtype::other;
    switch (*format) {
        case '?':
            return Dtype::bool8;
        case 'e':
            return Dtype::float16;
        case 'f':
            return Dtype::float32;
        case 'd':
            return Dtype::float64;
        default:
            break;
    }
    if (std::strchr("bhilq", *format) != nullptr) return integer_dtype(true, size);
    if (std::strchr("BHILQ", *format) != nullptr) return integer_dtype(false, size);
    return Dtype::other;
}

std::string type_label(nb::handle object) { return nb::cast<std::string>(nb::str(object.type().attr("__name__"))); }

PyObject* attribute_for_good(nb::handle object, const char* name) {
    return nb::object(object.attr(name)).release().ptr();
}

}  // namespace

const char* dtype_name(Dtype dtype) {
    static const char* const names[] = {"bool",   "int8",   "int16",   "int32",   "int64",   "uint8",         "uint16",
                                        "uint32", "uint64", "float16", "float32", "float64", "something else"};
    return names[static_cast<int>(dtype)];
}

void raise_type_error(const std::string& message) { throw nb::type_error(message.c_str()); }
void raise_value_error(const std::string& message) { throw nb::value_error(message.c_str()); }

ArrayArgument::ArrayArgument(nb::handle object, const char* name, int dimension_count) : name_(name) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
        PyErr_Clear();
        raise_type_error(std::string(name) + " is a " + type_label(object) + ", expected an array");
    }
    std::string problem;
    if (view_.ndim != dimension_count) {
        problem = " has " + std::to_string(view_.ndim) + " dimensions, expected " + std::to_string(dimension_count);
    } else if (PyBuffer_IsContiguous(&view_, 'C') == 0) {
        problem = " is not C-contiguous; pass np.ascontiguousarray of it";
    }
    if (!problem.empty()) {
        PyBuffer_Release(&view_);
        raise_value_error(name + problem);
    }
    dtype_ = parse_format(view_.format, view_.itemsize);
}

ArrayArgument::~ArrayArgument() { PyBuffer_Release(&view_); }

void ArrayArgument::expect(Dtype dtype) const {
    if (dtype_ != dtype) refuse_dtype(dtype_name(dtype));
}

void ArrayArgument::refuse_dtype(const char* expected) const {
    const std::string found = dtype_ == Dtype::other ? std::string("format ") + view_.format : dtype_name(dtype_);
    raise_type_error(std::string(name_) + " has elements of " + found + ", expected " + expected);
}

const void* ArrayArgument::aligned_to(size_t alignment) {
    if (reinterpret_cast<uintptr_t>(view_.buf) % alignment == 0) return view_.buf;
    if (copy_ == nullptr) {
        const auto bytes = static_cast<size_t>(view_.len);
        copy_.reset(new max_align_t[bytes / sizeof(max_align_t) + 1]);
        std::memcpy(copy_.get(), view_.buf, bytes);
    }
    return copy_.get();
}

AllowArgument::AllowArgument(nb::handle object, int64_t row_count) {
    if (object.is_none()) return;
    array_ = std::make_unique<ArrayArgument>(object, "allow", 1);
    array_->expect(Dtype::uint64);
    if (array_->size() != word_count(row_count)) {
        raise_value_error("allow has " + std::to_string(array_->size()) + " words, expected " +
                          std::to_string(word_count(row_count)) + " for " + std::to_string(row_count) + " rows");
    }
    words_ = array_->data<uint64_t>();
}

BytesArgument::BytesArgument(nb::handle object, const char* name) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) == 0) return;
    PyErr_Clear();
    if (PyObject_CheckBuffer(object.ptr()) != 0) {
        raise_value_error(std::string(name) + " is not C-contiguous; pass a contiguous copy");
    }
    raise_type_error(std::string(name) + " is a " + type_label(object) + ", expected bytes or another buffer");
}

ResultArray::ResultArray(Dtype dtype, int64_t size) { allocate(dtype, nb::int_(size)); }

ResultArray::ResultArray(Dtype dtype, int64_t rows, int64_t columns) {
    allocate(dtype, nb::make_tuple(nb::int_(rows), nb::int_(columns)));
}

void ResultArray::allocate(Dtype dtype, nb::handle shape) {
    array_ = nb::steal(PyObject_CallFunctionObjArgs(numpy_empty, shape.ptr(), numpy_dtype(dtype), nullptr));
    if (!array_.is_valid()) throw nb::python_error();
    if (PyObject_GetBuffer(array_.ptr(), &view_, PyBUF_WRITABLE | PyBUF_STRIDES) != 0) throw nb::python_error();
}

void load_numpy() {
    const nb::module_ numpy = nb::module_::import_("numpy");
    const nb::object dtype = numpy.attr("dtype");
    numpy_empty = attribute_for_good(numpy, "empty");
    numpy_float32 = dtype("float32").release().ptr();
    numpy_int64 = dtype("int64").release().ptr();
    numpy_uint64 = dtype("uint64").release().ptr();
    numpy_uint32 = dtype("uint32").release().ptr();
    numpy_int32 = dtype("int32").release().ptr();
    numpy_uint8 = dtype("uint8").release().ptr();
}

void check_k(int64_t k) {
    if (k < 0) raise_value_error("k is " + std::to_string(k) + ", expected 0 or more");
}

}  // namespace elanus
