#include "algo/read_ring.h"

#if defined(__linux__) && __has_include(<linux/io_uring.h>)
#define ELANUS_HAS_RING 1
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#endif

namespace elanus {

#if defined(ELANUS_HAS_RING)

namespace {

constexpr unsigned kDepth = 64;

// One thread's ring. A child process must not use its parent's, so it remembers whose it is.
class Ring {
public:
    Ring() { open(); }
    ~Ring() { close_ring(); }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    bool is_open() {
        if (owner_ != getpid()) {
            close_ring();
            open();
        }
        return descriptor_ >= 0;
    }

    // Starts `count` reads, at most `kDepth`, and waits for all. What came back of each, as of `read`, in `results`.
    // Buffers are the kernel's until every read has ended, so this ends only then.
    void read(int file, const BlockRead* reads, unsigned count, int* results) {
        unsigned tail = *sq_tail_;
        for (unsigned i = 0; i < count; ++i, ++tail) {
            const unsigned place = tail & *sq_mask_;
            io_uring_sqe& entry = entries_[place];
            std::memset(&entry, 0, sizeof(entry));
            entry.opcode = IORING_OP_READ;
            entry.fd = file;
            entry.addr = reinterpret_cast<uint64_t>(reads[i].into);
            entry.len = static_cast<uint32_t>(reads[i].size);
            entry.off = static_cast<uint64_t>(reads[i].offset);
            entry.user_data = i;
            sq_array_[place] = place;
        }
        std::atomic_ref<unsigned>(*sq_tail_).store(tail, std::memory_order_release);
        unsigned submitted = 0, done = 0;
        while (done < count) {
            const long taken = syscall(__NR_io_uring_enter, descriptor_, count - submitted, count - done,
                                       IORING_ENTER_GETEVENTS, nullptr, 0);
            const bool is_refused = taken < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY;
            if (taken > 0) submitted += static_cast<unsigned>(taken);
            done += reap(results);
            if (is_refused && done == submitted) return close_ring();
        }
    }

private:
    unsigned reap(int* results) {
        unsigned head = *cq_head_, count = 0;
        const unsigned tail = std::atomic_ref<unsigned>(*cq_tail_).load(std::memory_order_acquire);
        for (; head != tail; ++head, ++count) {
            const io_uring_cqe& completion = completions_[head & *cq_mask_];
            results[completion.user_data] = completion.res;
        }
        std::atomic_ref<unsigned>(*cq_head_).store(head, std::memory_order_release);
        return count;
    }

    void open() {
        owner_ = getpid();
        io_uring_params params = {};
        descriptor_ = static_cast<int>(syscall(__NR_io_uring_setup, kDepth, &params));
        if (descriptor_ < 0) return;
        ring_bytes_ = std::max<size_t>(params.sq_off.array + params.sq_entries * sizeof(unsigned),
                                       params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe));
        entry_bytes_ = params.sq_entries * sizeof(io_uring_sqe);
        const bool is_single = (params.features & IORING_FEAT_SINGLE_MMAP) != 0;
        ring_ = is_single ? map(ring_bytes_, IORING_OFF_SQ_RING) : nullptr;
        entries_ = ring_ == nullptr ? nullptr : static_cast<io_uring_sqe*>(map(entry_bytes_, IORING_OFF_SQES));
        if (entries_ == nullptr) return close_ring();
        auto* base = static_cast<uint8_t*>(ring_);
        const auto at = [base](uint32_t offset) { return reinterpret_cast<unsigned*>(base + offset); };
        sq_tail_ = at(params.sq_off.tail);
        sq_mask_ = at(params.sq_off.ring_mask);
        sq_array_ = at(params.sq_off.array);
        cq_head_ = at(params.cq_off.head);
        cq_tail_ = at(params.cq_off.tail);
        cq_mask_ = at(params.cq_off.ring_mask);
        completions_ = reinterpret_cast<io_uring_cqe*>(base + params.cq_off.cqes);
    }

    void* map(size_t size, uint64_t offset) const {
        void* found = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_,
                           static_cast<off_t>(offset));
        return found == MAP_FAILED ? nullptr : found;
    }

    void close_ring() {
        if (entries_ != nullptr) munmap(entries_, entry_bytes_);
        if (ring_ != nullptr) munmap(ring_, ring_bytes_);
        if (descriptor_ >= 0) close(descriptor_);
        entries_ = nullptr;
        ring_ = nullptr;
        descriptor_ = -1;
    }

    pid_t owner_ = 0;
    int descriptor_ = -1;
    void* ring_ = nullptr;
    size_t ring_bytes_ = 0, entry_bytes_ = 0;
    io_uring_sqe* entries_ = nullptr;
    io_uring_cqe* completions_ = nullptr;
    unsigned *sq_tail_ = nullptr, *sq_mask_ = nullptr, *sq_array_ = nullptr;
    unsigned *cq_head_ = nullptr, *cq_tail_ = nullptr, *cq_mask_ = nullptr;
};

}  // namespace

bool read_if_cached(int descriptor, const BlockRead& read) {
    const iovec part = {read.into, static_cast<size_t>(read.size)};
    return preadv2(descriptor, &part, 1, read.offset, RWF_NOWAIT) == read.size;
}

bool read_by_ring(int descriptor, std::vector<BlockRead>& waiting) {
    thread_local Ring ring;
    if (!ring.is_open()) return false;
    std::vector<BlockRead> left_over;
    int results[kDepth];
    for (size_t first = 0; first < waiting.size(); first += kDepth) {
        const auto count = static_cast<unsigned>(std::min<size_t>(kDepth, waiting.size() - first));
        std::fill(results, results + kDepth, -1);
        if (ring.is_open()) ring.read(descriptor, waiting.data() + first, count, results);
        for (unsigned i = 0; i < count; ++i) {
            // The plain read that follows finds out what was wrong, or gets the rest.
            if (results[i] != waiting[first + i].size) left_over.push_back(waiting[first + i]);
        }
    }
    waiting.swap(left_over);
    return waiting.empty();
}

#else

bool read_if_cached(int, const BlockRead&) { return false; }
bool read_by_ring(int, std::vector<BlockRead>&) { return false; }

#endif

}  // namespace elanus
