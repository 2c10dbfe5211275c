// The k nearest rows found so far: ascending entries in memory, the last of them in registers. Few
// rows come before the last entry once the first of y have passed, so entering may be slow.
#pragma once
#include "metric.cuh"

struct Entries {
    f32* dist;
    u32* index;
    u64 k;
    u32 worst, worst_row;

    METHOD void open(u64 i) {
        worst = bits(dist[i * k + k - 1]);
        worst_row = index[i * k + k - 1];
    }
    METHOD void meet(u64 i, u64 j, u32 d) {
        if (d < worst || (d == worst && (u32)j < worst_row && d < INF)) {
            enter(i * k, d, (u32)j);
            open(i);
        }
    }
    METHOD void close(u64) {}

    // Enters a row that comes before the last entry, unless it is there.
    METHOD void enter(u64 first, u32 d, u32 j) {
        u64 at = first + k - 1;
        for (; at > first; at--) {
            u32 before = bits(dist[at - 1]), row = index[at - 1];
            if (before == d && row == j) return;
            if (before < d || (before == d && row < j)) break;
        }
        for (u64 to = first + k - 1; to > at; to--) {
            dist[to] = dist[to - 1];
            index[to] = index[to - 1];
        }
        dist[at] = number(d);
        index[at] = j;
    }
};
