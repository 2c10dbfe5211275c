// The nearest row, in registers.
//! bindings
var<storage, read_write> dist: array<u32>;
var<storage, read_write> index: array<u32>;
//! begin
    let at = i - p.xb;
    var low = dist[at];
    var low_row = index[at];
//! fold
    if (d < low || (d == low && j < low_row && d < INF)) {
        low = d;
        low_row = j;
    }
//! end
    dist[at] = low;
    index[at] = low_row;
//! several
// Rows of y ascend, so the first of equals is the lowest; the buffers are met in the end.
fn merge(at: u32, low: u32, row: u32) {
    let before = dist[at];
    if (low < INF && (low < before || (low == before && row < index[at]))) {
        dist[at] = low;
        index[at] = row;
    }
}
//! each
    let d# = select(pair(own#, j), INF, j == but#);
    low_row# = select(low_row#, j, d# < low#);
    low# = min(low#, d#);
//! merge
    if (i# >= p.x0 && i# < p.x1) { merge(i# - p.xb, low#, low_row#); }
