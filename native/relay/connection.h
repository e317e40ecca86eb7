// One accepted connection and its connection to a server behind the relay.

#pragma once

#include <chrono>
#include <cstdint>

#include "buffers.h"
#include "owned_fd.h"
#include "preface.h"

namespace elanus::relay {

class Connection;

// One of the two sockets of a connection, and what is known of it. Events are edges: a flag stays set until a call says
// otherwise.
struct Endpoint {
    Connection* connection = nullptr;
    OwnedFd fd;
    bool readable = false;
    bool writable = false;
    bool hung_up = false;  // the peer will send no more; a short read does not mean that all was read
    bool ended = false;    // its last byte was read
    bool shut = false;     // told that no more bytes come
    bool broken = false;   // takes no more bytes
};

// Bytes from one endpoint to the other. Reads only when everything read before has been passed on, which is what holds
// back a fast sender.
struct Flow {
    Endpoint* from = nullptr;
    Endpoint* to = nullptr;
    Block block;
    size_t head = 0;
    size_t tail = 0;

    bool is_empty() const { return head == tail; }
    bool is_done() const { return from->ended && (to->broken || (is_empty() && to->shut)); }
};

// What became of a connection after some work on it.
enum class Progress {
    kWaiting,  // nothing to do before the next event
    kMore,     // its share of the thread is used up; there is more to do
    kRetry,    // the server behind does not take connections at the moment
    kLinger,   // the server has said all and gone; only the client's end is waited for. Told once.
    kFinished  // both directions have ended, or it is of no use any more
};

// The servers behind the relay: paths of unix sockets.
struct Backends {
    const char* http2_path;
    const char* http1_path;
};

class Connection {
public:
    using Clock = std::chrono::steady_clock;

    // `client_fd` is non-blocking.
    Connection(uint64_t id, OwnedFd client_fd, Clock::time_point deadline);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    uint64_t id() const { return id_; }
    Endpoint& client() { return client_; }
    bool is_backend(const Endpoint& endpoint) const { return &endpoint == &backend_; }
    bool is_relaying() const { return backend_.fd.is_open(); }
    Clock::time_point deadline() const { return deadline_; }

    // Does what can be done without waiting. `epoll_fd` is where the second socket is registered once there is one;
    // `bytes` counts what was passed on.
    Progress advance(int epoll_fd, const Backends& backends, BlockPool& pool, uint64_t& bytes);

    // Gives memory back before destruction.
    void release(BlockPool& pool);

    bool queued = false;

private:
    Progress read_first_bytes(int epoll_fd, const Backends& backends, BlockPool& pool);
    Progress connect_backend(int epoll_fd, const char* path);
    Progress relay(BlockPool& pool, uint64_t& bytes);
    bool pump(Flow& flow, BlockPool& pool, uint64_t& bytes);

    uint64_t id_;
    Clock::time_point deadline_;
    Protocol protocol_ = Protocol::kUndecided;
    bool lingering_ = false;
    Endpoint client_;
    Endpoint backend_;
    Flow up_;
    Flow down_;
};

}  // namespace elanus::relay
