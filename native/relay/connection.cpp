#include "connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace elanus::relay {

namespace {

// Rounds of reading and writing before other connections get their turn.
constexpr int kRoundsMax = 8;

constexpr int kBackendBufferBytes = 1 << 20;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// recv and send that are not disturbed by signals.
ssize_t receive(int fd, unsigned char* into, size_t size) {
    ssize_t count = 0;
    do {
        count = recv(fd, into, size, 0);
    } while (count < 0 && errno == EINTR);
    return count;
}

ssize_t transmit(int fd, const unsigned char* from, size_t size) {
    ssize_t count = 0;
    do {
        count = send(fd, from, size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count;
}

// Reads into the flow's empty block; true when something changed.
bool fill(Flow& flow, BlockPool& pool) {
    Endpoint& from = *flow.from;
    if (!flow.is_empty() || from.ended || !from.readable) return false;
    if (!flow.block) flow.block = pool.take();
    const ssize_t count = receive(from.fd.get(), flow.block.get(), kBlockBytes);
    flow.head = flow.tail = 0;
    if (count > 0) {
        flow.tail = static_cast<size_t>(count);
        if (flow.tail < kBlockBytes && !from.hung_up) from.readable = false;
        return true;
    }
    if (count < 0 && would_block(errno)) {
        from.readable = false;
        return false;
    }
    // The end; or an error, after which nothing can be sent there either.
    if (count < 0) from.broken = true;
    from.ended = true;
    return true;
}

// Writes what the flow holds; true when something changed.
bool drain(Flow& flow, uint64_t& bytes) {
    Endpoint& to = *flow.to;
    if (flow.is_empty() || !to.writable || to.broken) return false;
    const size_t waiting = flow.tail - flow.head;
    const ssize_t count = transmit(to.fd.get(), flow.block.get() + flow.head, waiting);
    if (count >= 0) {
        flow.head += static_cast<size_t>(count);
        bytes += static_cast<uint64_t>(count);
        if (static_cast<size_t>(count) < waiting) to.writable = false;
        return count > 0;
    }
    if (would_block(errno)) {
        to.writable = false;
        return false;
    }
    to.broken = true;
    return true;
}

}  // namespace

Connection::Connection(uint64_t id, OwnedFd client_fd, Clock::time_point deadline) : id_(id), deadline_(deadline) {
    client_.connection = backend_.connection = this;
    client_.fd = std::move(client_fd);
    client_.writable = true;
    up_.from = down_.to = &client_;
    up_.to = down_.from = &backend_;
}

void Connection::release(BlockPool& pool) {
    for (Flow* flow : {&up_, &down_}) {
        if (flow->block) pool.give(std::move(flow->block));
    }
}

Progress Connection::advance(int epoll_fd, const Backends& backends, BlockPool& pool, uint64_t& bytes) {
    if (!is_relaying()) {
        const Progress progress = read_first_bytes(epoll_fd, backends, pool);
        if (progress != Progress::kMore) return progress;
    }
    return relay(pool, bytes);
}

Progress Connection::relay(BlockPool& pool, uint64_t& bytes) {
    for (int round = 0; round < kRoundsMax; ++round) {
        const bool up = pump(up_, pool, bytes);
        const bool down = pump(down_, pool, bytes);
        // A client that was reset takes nothing any more, whatever its server has still to say.
        if (client_.broken || (up_.is_done() && down_.is_done())) return Progress::kFinished;
        if (up || down) continue;
        if (!backend_.broken || !down_.is_done() || lingering_) return Progress::kWaiting;
        // To close now, with bytes of the client unread, would reset the connection and could take the server's last
        // words away. So what still comes is read and dropped for a while.
        lingering_ = true;
        return Progress::kLinger;
    }
    return Progress::kMore;
}

// kMore when the protocol is known and its server connected.
Progress Connection::read_first_bytes(int epoll_fd, const Backends& backends, BlockPool& pool) {
    while (protocol_ == Protocol::kUndecided) {
        if (!client_.readable) return Progress::kWaiting;
        if (!up_.block) up_.block = pool.take();
        const ssize_t count = receive(client_.fd.get(), up_.block.get() + up_.tail, kBlockBytes - up_.tail);
        if (count < 0 && would_block(errno)) {
            client_.readable = false;
            return Progress::kWaiting;
        }
        if (count <= 0) return Progress::kFinished;
        up_.tail += static_cast<size_t>(count);
        protocol_ = sniff(up_.block.get(), up_.tail);
    }
    return connect_backend(epoll_fd, protocol_ == Protocol::kHttp2 ? backends.http2_path : backends.http1_path);
}

Progress Connection::connect_backend(int epoll_fd, const char* path) {
    OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.is_open()) return Progress::kRetry;
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        // A full backlog is said with EAGAIN; anything else will not get better by waiting.
        return would_block(errno) || errno == EINTR ? Progress::kRetry : Progress::kFinished;
    }
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kBackendBufferBytes, sizeof(kBackendBufferBytes));
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &backend_;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd.get(), &event) != 0) return Progress::kFinished;
    backend_.fd = std::move(fd);
    backend_.writable = true;
    return Progress::kMore;
}

// Passes bytes on, or drops them when nobody takes them any more; true when something changed.
bool Connection::pump(Flow& flow, BlockPool& pool, uint64_t& bytes) {
    bool changed = false;
    if (flow.to->broken && !flow.is_empty()) {
        flow.head = flow.tail;
        changed = true;
    }
    changed |= fill(flow, pool);
    changed |= drain(flow, bytes);
    if (flow.is_empty() && flow.block) pool.give(std::move(flow.block));
    if (flow.from->ended && flow.is_empty() && !flow.to->shut && !flow.to->broken) {
        shutdown(flow.to->fd.get(), SHUT_WR);
        flow.to->shut = true;
        changed = true;
    }
    return changed;
}

}  // namespace elanus::relay
