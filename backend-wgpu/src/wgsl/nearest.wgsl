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
