#include <algorithm>

#include "arrays.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

uint32_t crc32c(nb::handle buffer, uint32_t initial) {
    const BytesArgument bytes(buffer, "buffer");
    const nb::gil_scoped_release release;
    return active_table().checksum->crc32c(initial, bytes.data(), bytes.size());
}

nb::object blocks_crc32c(nb::handle buffer, int64_t block_bytes) {
    const BytesArgument bytes(buffer, "buffer");
    if (block_bytes <= 0) raise_value_error("block_bytes is " + std::to_string(block_bytes) + ", expected at least 1");
    const int64_t block_count = bytes.size() / block_bytes + (bytes.size() % block_bytes != 0 ? 1 : 0);
    ResultArray checksums(Dtype::uint32, block_count);
    auto* const out = checksums.data<uint32_t>();
    {
        const nb::gil_scoped_release release;
        for (int64_t i = 0; i < block_count; ++i) {
            const int64_t start = i * block_bytes;
            const int64_t size = std::min(block_bytes, bytes.size() - start);
            out[i] = active_table().checksum->crc32c(0, bytes.data() + start, size);
        }
    }
    return checksums.object();
}

}  // namespace

void bind_checksum(nb::module_& module) {
    module.def("crc32c", &crc32c, nb::arg("buffer"), nb::arg("initial"));
    module.def("blocks_crc32c", &blocks_crc32c, nb::arg("buffer"), nb::arg("block_bytes"));
}

}  // namespace elanus
