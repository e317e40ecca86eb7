// The loop over a task's rows and queries that every distance shares; compiled once a level.

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

constexpr int kGroupRows = 4;
constexpr int64_t kCacheLineBytes = 64;
// Bytes of listed rows asked for ahead of the one being read: enough to hide a memory access behind the arithmetic.
constexpr int64_t kPrefetchBytes = 12 * 1024;
constexpr int64_t kPrefetchRowsMax = 32;

// Asks for a line in the second-level cache: more of those can be under way than of the first level's, which makes
// rows in no order half as expensive again.
inline void prefetch_line(const uint8_t* line) { __builtin_prefetch(line, 0, 2); }

// Up to four rows to be scored together, and for each the row that will be read a little later.
struct RowGroup {
    const uint8_t* row[kGroupRows];
    const uint8_t* ahead[kGroupRows];
    int count;
};

inline const uint8_t* listed_row(const ScoreTask& task, int64_t i, int64_t row_bytes) {
    return static_cast<const uint8_t*>(task.base) + static_cast<int64_t>(task.rows[i]) * row_bytes;
}

inline void prefetch_bytes(const uint8_t* start, int64_t bytes) {
    for (int64_t offset = 0; offset < bytes; offset += kCacheLineBytes) {
        prefetch_line(start + offset);
    }
}

// Calls `Tile::group<Queries, Listed>(task, query, group, scores)` for every four rows and every `Queries` queries.
template <class Tile, int Queries, bool Listed>
inline void score_queries(const ScoreTask& task, int64_t query, int64_t row_bytes) {
    int64_t distance = 0;
    if constexpr (Listed) {
        distance = row_bytes > 0 ? kPrefetchBytes / row_bytes : 1;
        distance = distance < 1 ? 1 : distance > kPrefetchRowsMax ? kPrefetchRowsMax : distance;
        for (int64_t i = 0; i < distance && i < task.count; ++i) {
            prefetch_bytes(listed_row(task, i, row_bytes), row_bytes);
        }
    }
    const auto* contiguous = static_cast<const uint8_t*>(task.base) + task.first * row_bytes;
    float* scores = task.scores + query * task.scores_stride;
    for (int64_t i = 0; i < task.count; i += kGroupRows) {
        RowGroup group;
        group.count = task.count - i < kGroupRows ? static_cast<int>(task.count - i) : kGroupRows;
        for (int j = 0; j < group.count; ++j) {
            if constexpr (Listed) {
                const int64_t later = i + j + distance;
                group.row[j] = listed_row(task, i + j, row_bytes);
                group.ahead[j] = listed_row(task, later < task.count ? later : task.count - 1, row_bytes);
            } else {
                group.row[j] = contiguous + (i + j) * row_bytes;
            }
        }
        Tile::template group<Queries, Listed>(task, query, group, scores + i);
    }
}

template <class Tile, bool Listed>
inline void score_rows(const ScoreTask& task) {
    const int64_t row_bytes = task.width * Tile::kElementBytes;
    int64_t query = 0;
    for (; query + Tile::kQueries <= task.query_count; query += Tile::kQueries) {
        score_queries<Tile, Tile::kQueries, Listed>(task, query, row_bytes);
    }
    for (; query < task.query_count; ++query) {
        score_queries<Tile, 1, Listed>(task, query, row_bytes);
    }
}

// A `ScoreFunction` for the distance that `Tile` computes.
template <class Tile>
void score(const ScoreTask* task) {
    if (task->rows != nullptr) {
        score_rows<Tile, true>(*task);
    } else {
        score_rows<Tile, false>(*task);
    }
}

}  // namespace
}  // namespace elanus
