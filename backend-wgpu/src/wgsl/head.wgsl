// What every shader starts with. Row numbers are those of the buffers; a binding starts at row
// xb (yb), so that buffers longer than a binding are walked in windows.
struct Params {
    wide: u32,                     // workgroups along the first side of the dispatch
    x0: u32, x1: u32, xb: u32,     // rows of x: from, to, first of the binding
    y0: u32, y1: u32, yb: u32,
    dim: u32,
    zero: f32,                     // 0, which no compiler knows
    off: u32,                      // 1: leave the diagonal out
    // What these are is said where they are used. In folds over pairs, j is the number of jobs.
    a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32, i: u32, j: u32,
}
@group(0) @binding(0) var<uniform> p: Params;

const NONE = 0xffffffffu;
// Bits of infinity. A distance is never negative, so distances are kept and compared as their
// bits: the order is that of the numbers, and NaN is beyond infinity whatever a compiler assumes.
const INF = 0x7f800000u;
