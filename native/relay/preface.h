// Which protocol a connection speaks, by its first bytes.

#pragma once

#include <cstddef>
#include <cstring>

namespace elanus::relay {

enum class Protocol { kUndecided, kHttp2, kHttp1 };

// Every HTTP/2 client with prior knowledge sends these bytes first (RFC 9113, section 3.4).
inline constexpr char kHttp2Preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr size_t kHttp2PrefaceBytes = sizeof(kHttp2Preface) - 1;

// kUndecided only while the bytes are a true prefix of the preface. Whatever is not HTTP/2 is for the HTTP/1 server to
// answer, garbage included.
inline Protocol sniff(const unsigned char* data, size_t size) {
    const size_t compared = size < kHttp2PrefaceBytes ? size : kHttp2PrefaceBytes;
    if (std::memcmp(data, kHttp2Preface, compared) != 0) return Protocol::kHttp1;
    return compared == kHttp2PrefaceBytes ? Protocol::kHttp2 : Protocol::kUndecided;
}

}  // namespace elanus::relay
