#include "algo/block_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "algo/read_ring.h"

namespace elanus {

namespace {

[[noreturn]] void fail(int error) { throw std::system_error(error, std::generic_category(), "reading blocks"); }

void read_whole(int descriptor, int64_t offset, int64_t size, uint8_t* into) {
    while (size > 0) {
        const ssize_t got = pread(descriptor, into, static_cast<size_t>(size), offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(errno);
        if (got == 0) fail(EIO);
        offset += got;
        size -= got;
        into += got;
    }
}

}  // namespace

void BlockSource::read(const BlockRead* reads, int64_t count) const {
    if (descriptor < 0) {
        for (int64_t i = 0; i < count; ++i) {
            std::memcpy(reads[i].into, memory + reads[i].offset, static_cast<size_t>(reads[i].size));
        }
        return;
    }
    if (count == 1) return read_whole(descriptor, start + reads[0].offset, reads[0].size, reads[0].into);
    std::vector<BlockRead> waiting;
    for (int64_t i = 0; i < count; ++i) {
        const BlockRead one = {start + reads[i].offset, reads[i].size, reads[i].into};
        if (!read_if_cached(descriptor, one)) waiting.push_back(one);
    }
    if (waiting.empty()) return;
    if (waiting.size() > 1 && read_by_ring(descriptor, waiting)) return;
#ifdef POSIX_FADV_WILLNEED
    // Without a ring the kernel's own reading ahead makes the disk work on all of them at once.
    for (const BlockRead& one : waiting) posix_fadvise(descriptor, one.offset, one.size, POSIX_FADV_WILLNEED);
#endif
    for (const BlockRead& one : waiting) read_whole(descriptor, one.offset, one.size, one.into);
}

}  // namespace elanus
