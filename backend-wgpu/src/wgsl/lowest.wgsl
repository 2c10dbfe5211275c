// The lowest value of the rows within the radius: the bits of their distance are below p.a.
//! bindings
var<storage, read> values: array<u32>;
var<storage, read_write> lowest: array<u32>;
//! begin
    let at = i - p.xb;
    var low = lowest[at];
//! fold
    if (d < p.a) { low = min(low, values[j - p.yb]); }
//! end
    lowest[at] = low;
