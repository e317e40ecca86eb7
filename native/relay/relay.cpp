#include "relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <stdexcept>
#include <system_error>

namespace elanus::relay {

namespace {

constexpr int kEventsMax = 256;
// Connections taken in one turn, so that a storm of them does not starve those that work.
constexpr int kAcceptsMax = 64;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kRetryPause{5};
constexpr std::chrono::milliseconds kLinger{5000};

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof(value)); }

[[noreturn]] void raise_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void add_to_epoll(int epoll_fd, int fd, uint32_t events, void* data) {
    epoll_event event = {};
    event.events = events;
    event.data.ptr = data;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) raise_errno("epoll_ctl");
}

}  // namespace

Relay::Relay(int listen_fd, Options options)
    : options_(std::move(options)),
      backends_{options_.http2_path.c_str(), options_.http1_path.c_str()},
      listen_fd_(listen_fd),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    constexpr size_t kPathMax = sizeof(sockaddr_un::sun_path) - 1;
    if (options_.http2_path.size() > kPathMax || options_.http1_path.size() > kPathMax) {
        throw std::invalid_argument("the path of a unix socket is too long");
    }
    if (!epoll_fd_.is_open() || !wake_fd_.is_open()) raise_errno("epoll_create1 or eventfd");
    add_to_epoll(epoll_fd_.get(), wake_fd_.get(), EPOLLIN, &wake_fd_);
    add_to_epoll(epoll_fd_.get(), listen_fd_.get(), EPOLLIN, &listen_fd_);
    thread_ = std::thread(&Relay::run, this);
}

Relay::~Relay() { stop(); }

void Relay::stop_accepting() {
    stop_accepting_ = true;
    wake();
}

void Relay::stop() {
    stop_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
}

Counts Relay::counts() const { return {accepted_, refused_, active_, bytes_}; }

void Relay::wake() {
    const uint64_t one = 1;
    // The counter cannot overflow in practice, and a full one wakes as well.
    [[maybe_unused]] const ssize_t written = write(wake_fd_.get(), &one, sizeof(one));
}

void Relay::run() {
    pthread_setname_np(pthread_self(), "elanus-relay");
    // Signals are for the interpreter's main thread.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);

    epoll_event events[kEventsMax];
    while (!stop_) {
        const int count = epoll_wait(epoll_fd_.get(), events, kEventsMax, wait_ms(Clock::now()));
        for (int i = 0; i < count; ++i) {
            void* source = events[i].data.ptr;
            if (source == &wake_fd_) {
                handle_wake();
            } else if (source == &listen_fd_) {
                accept_all();
            } else {
                auto& endpoint = *static_cast<Endpoint*>(source);
                const uint32_t mask = events[i].events;
                if (mask & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) endpoint.readable = true;
                if (mask & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) endpoint.hung_up = true;
                if (mask & (EPOLLOUT | EPOLLHUP | EPOLLERR)) endpoint.writable = true;
                // A unix socket hangs up when its other end is closed; a TCP socket also when both sides have said
                // that they send no more, with bytes still on their way.
                if ((mask & EPOLLERR) || ((mask & EPOLLHUP) && endpoint.connection->is_backend(endpoint))) {
                    endpoint.broken = true;
                }
                queue(*endpoint.connection);
            }
        }
        advance_ready();
        expire(Clock::now());
    }
    close_listener();
    ready_.clear();
    connections_.clear();
    active_ = 0;
}

void Relay::handle_wake() {
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t count = read(wake_fd_.get(), &ignored, sizeof(ignored));
    if (stop_accepting_) close_listener();
}

void Relay::close_listener() {
    listen_fd_.reset();
    resume_at_ = Clock::time_point::max();
}

void Relay::accept_all() {
    for (int i = 0; i < kAcceptsMax && listen_fd_.is_open(); ++i) {
        OwnedFd fd(accept4(listen_fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd.is_open()) {
            accept_one(std::move(fd));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting();
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

// A connection that cannot be served is closed at once, which its client sees sooner than silence.
void Relay::accept_one(OwnedFd fd) {
    if (connections_.size() < options_.connection_count_max) {
        try {
            take(std::move(fd));
            ++accepted_;
            ++active_;
            return;
        } catch (const std::bad_alloc&) {
        } catch (const std::system_error&) {
        }
    }
    ++refused_;
}

void Relay::take(OwnedFd fd) {
    const int number = fd.get();
    set_option(number, IPPROTO_TCP, TCP_NODELAY, 1);
    // Clients that vanish without a word are noticed after some minutes.
    set_option(number, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(number, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(number, IPPROTO_TCP, TCP_KEEPINTVL, 30);
    set_option(number, IPPROTO_TCP, TCP_KEEPCNT, 4);
    const uint64_t id = next_id_++;
    const auto deadline = Clock::now() + std::chrono::milliseconds(options_.decision_ms_max);
    // An id without a connection is skipped when its time comes.
    undecided_.push_back(id);
    auto connection = std::make_unique<Connection>(id, std::move(fd), deadline);
    Endpoint& client = connection->client();
    const auto place = connections_.emplace(id, std::move(connection)).first;
    try {
        add_to_epoll(epoll_fd_.get(), number, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &client);
    } catch (...) {
        connections_.erase(place);
        throw;
    }
}

// Without descriptors or memory the port would report itself again and again.
void Relay::pause_accepting() {
    epoll_event event = {};
    event.data.ptr = &listen_fd_;
    epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, listen_fd_.get(), &event);
    accepting_ = false;
    resume_at_ = Clock::now() + kAcceptPause;
}

void Relay::queue(Connection& connection) {
    if (connection.queued) return;
    connection.queued = true;
    ready_.push_back(&connection);
}

// Without memory a connection ends; the others and the process go on.
Progress Relay::advance(Connection& connection, uint64_t& bytes) {
    try {
        return connection.advance(epoll_fd_.get(), backends_, pool_, bytes);
    } catch (const std::bad_alloc&) {
        return Progress::kFinished;
    }
}

void Relay::advance_ready() {
    std::vector<Connection*> turn;
    turn.swap(ready_);
    uint64_t bytes = 0;
    for (Connection* connection : turn) {
        connection->queued = false;
        switch (advance(*connection, bytes)) {
            case Progress::kWaiting:
                break;
            case Progress::kMore:
                queue(*connection);
                break;
            case Progress::kRetry:
                if (retries_.empty()) retry_at_ = Clock::now() + kRetryPause;
                retries_.push_back(connection->id());
                break;
            case Progress::kLinger:
                lingering_.emplace_back(connection->id(), Clock::now() + kLinger);
                break;
            case Progress::kFinished:
                finish(*connection);
                break;
        }
    }
    bytes_ += bytes;
}

void Relay::finish(Connection& connection) {
    connection.release(pool_);
    connections_.erase(connection.id());
    --active_;
}

// Ends connections that took too long to begin, and their leave.
void Relay::expire_undecided(Clock::time_point now) {
    for (; !undecided_.empty(); undecided_.pop_front()) {
        const auto found = connections_.find(undecided_.front());
        if (found == connections_.end() || found->second->is_relaying()) continue;
        // What is queued may not be destroyed; its turn comes at once, and then here again.
        if (found->second->deadline() > now || found->second->queued) return;
        finish(*found->second);
    }
}

void Relay::expire_lingering(Clock::time_point now) {
    for (; !lingering_.empty(); lingering_.pop_front()) {
        const auto found = connections_.find(lingering_.front().first);
        if (found == connections_.end()) continue;
        if (lingering_.front().second > now || found->second->queued) return;
        finish(*found->second);
    }
}

// Does what no event announces: ends connections, tries busy servers again, opens the port after a pause.
void Relay::expire(Clock::time_point now) {
    expire_undecided(now);
    expire_lingering(now);
    if (!retries_.empty() && now >= retry_at_) {
        std::vector<uint64_t> again;
        again.swap(retries_);
        for (const uint64_t id : again) {
            const auto found = connections_.find(id);
            if (found != connections_.end()) queue(*found->second);
        }
    }
    if (!accepting_ && listen_fd_.is_open() && now >= resume_at_) {
        epoll_event event = {};
        event.events = EPOLLIN;
        event.data.ptr = &listen_fd_;
        epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, listen_fd_.get(), &event);
        accepting_ = true;
        resume_at_ = Clock::time_point::max();
    }
}

// Milliseconds until the next thing that no event announces; -1 when there is none.
int Relay::wait_ms(Clock::time_point now) const {
    if (!ready_.empty()) return 0;
    auto next = resume_at_;
    if (!retries_.empty()) next = std::min(next, retry_at_);
    if (!undecided_.empty()) {
        const auto found = connections_.find(undecided_.front());
        if (found != connections_.end()) next = std::min(next, found->second->deadline());
    }
    if (!lingering_.empty()) next = std::min(next, lingering_.front().second);
    if (next == Clock::time_point::max()) return -1;
    if (next <= now) return 0;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - now).count() + 1;
    return static_cast<int>(std::min<int64_t>(left, 60'000));
}

}  // namespace elanus::relay
