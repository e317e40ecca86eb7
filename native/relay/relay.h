// One public port for two servers: a thread that passes bytes between accepted connections and unix sockets.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "buffers.h"
#include "connection.h"
#include "owned_fd.h"

namespace elanus::relay {

struct Options {
    std::string http2_path;
    std::string http1_path;
    // Connections at a time; further ones are closed as soon as they are accepted.
    size_t connection_count_max;
    // How long a connection may take to show which protocol it speaks.
    int64_t decision_ms_max;
};

// Counts since the start, but for `active`.
struct Counts {
    uint64_t accepted;
    uint64_t refused;
    uint64_t active;
    uint64_t bytes;
};

class Relay {
public:
    // Takes over `listen_fd`, a listening, non-blocking socket, and starts the thread. Throws std::system_error.
    Relay(int listen_fd, Options options);
    // Stops.
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    // Closes the public port; connections stay. Any thread, more than once.
    void stop_accepting();

    // Closes the port and every connection and ends the thread. Any thread, more than once.
    void stop();

    Counts counts() const;

private:
    using Clock = Connection::Clock;

    void run();
    void handle_wake();
    void accept_all();
    void accept_one(OwnedFd fd);
    void take(OwnedFd fd);
    void pause_accepting();
    void close_listener();
    Progress advance(Connection& connection, uint64_t& bytes);
    void advance_ready();
    void finish(Connection& connection);
    void expire(Clock::time_point now);
    void expire_undecided(Clock::time_point now);
    void expire_lingering(Clock::time_point now);
    void queue(Connection& connection);
    int wait_ms(Clock::time_point now) const;
    void wake();

    const Options options_;
    const Backends backends_;
    OwnedFd listen_fd_;
    OwnedFd epoll_fd_;
    OwnedFd wake_fd_;
    bool accepting_ = true;
    Clock::time_point resume_at_ = Clock::time_point::max();

    uint64_t next_id_ = 1;
    std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
    std::vector<Connection*> ready_;
    // Connections whose server was too busy to take them, and when to ask it again.
    std::vector<uint64_t> retries_;
    Clock::time_point retry_at_;
    // Ids in the order of their deadlines.
    std::deque<uint64_t> undecided_;
    std::deque<std::pair<uint64_t, Clock::time_point>> lingering_;
    BlockPool pool_;

    std::atomic<bool> stop_accepting_ = false;
    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> accepted_ = 0;
    std::atomic<uint64_t> refused_ = 0;
    std::atomic<uint64_t> active_ = 0;
    std::atomic<uint64_t> bytes_ = 0;
    std::thread thread_;
};

}  // namespace elanus::relay
