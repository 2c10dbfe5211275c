// The k = p.a nearest rows: ascending entries in the buffers, the last of them in registers.
//! bindings
var<storage, read_write> dist: array<u32>;
var<storage, read_write> index: array<u32>;
//! functions
// Enters a row that comes before the last entry, unless it is there.
fn enter(first: u32, last: u32, d: u32, j: u32) {
    var at = last;
    while (at > first) {
        let before = dist[at - 1u];
        let row = index[at - 1u];
        if (before == d && row == j) { return; }
        if (before < d || (before == d && row < j)) { break; }
        at -= 1u;
    }
    for (var to = last; to > at; to--) {
        dist[to] = dist[to - 1u];
        index[to] = index[to - 1u];
    }
    dist[at] = d;
    index[at] = j;
}
//! begin
    let first = (i - p.xb) * p.a;
    let last = first + p.a - 1u;
    var worst = dist[last];
    var worst_row = index[last];
//! fold
    if (d < worst || (d == worst && j < worst_row && d < INF)) {
        enter(first, last, d, j);
        worst = dist[last];
        worst_row = index[last];
    }
//! end
