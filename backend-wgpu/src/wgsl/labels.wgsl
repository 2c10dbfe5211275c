// Adds distances up by label, p.a of them, each sum in two numbers: what the first rounds away is in
// the second. The sums of a call are in `parts`, which begins with row p.b, and join `sums`, which begins
// with row p.c.
//! bindings
var<storage, read> labels: array<u32>;
var<storage, read_write> parts: array<vec2f>;
var<storage, read_write> sums: array<f32>;
//! functions
// What no compiler can see through, so that none takes a rounding error for 0.
fn opaque(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) ^ bitcast<u32>(p.zero)); }

fn add(sum: vec2f, v: f32) -> vec2f {
    let s = opaque(sum.x + v);
    let t = opaque(s - sum.x);
    return vec2f(s, sum.y + (opaque(sum.x - opaque(s - t)) + opaque(v - t)));
}
//! begin
    let own = (i - p.b) * p.a;
    for (var c = 0u; c < p.a; c++) { parts[own + c] = vec2f(); }
//! fold
    let label = labels[j - p.yb];
    if (label != NONE && d < INF) {
        parts[own + label] = add(parts[own + label], bitcast<f32>(d));
    }
//! end
    let to = (i - p.c) * p.a;
    for (var c = 0u; c < p.a; c++) {
        let whole = add(parts[own + c], sums[to + c]);
        let over = bitcast<u32>(whole.x) >= INF;
        sums[to + c] = select(whole.x + whole.y, whole.x, over);
    }
