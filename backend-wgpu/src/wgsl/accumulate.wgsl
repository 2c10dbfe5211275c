// Integer sums by label; each workgroup takes p.a times 64 rows, p.b is the bits of the scale, p.c the
// number of labels. A sum is two words: adding to the low one tells by its old value whether to carry,
// so any order gives the same sums.
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> origins: array<f32>;
@group(0) @binding(4) var<storage, read_write> offsets: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read_write> mass: array<atomic<u32>>;
//! weights
@group(0) @binding(6) var<storage, read> weights: array<f32>;
fn weight(at: u32) -> vec2u { return fixed(weights[at]); }
//! unweighted
fn weight(at: u32) -> vec2u { return ONE; }
//! scatter
@group(0) @binding(SCATTER) var<storage, read_write> scatter: array<atomic<u32>>;
//! common
const ONE = vec2u(65536u, 0u);

// A weight in units of 2^-16, to the nearest, ties to even.
fn fixed(w: f32) -> vec2u {
    let v = w * 65536.0;
    let bits = bitcast<u32>(v);
    let size = bits & 0x7fffffffu;
    if (size < 0x4b000000u) { return extended(i32(round(v))); }
    if (size > INF) { return vec2u(); }
    let e = (size >> 23u) - 150u;
    var whole = left(vec2u((size & 0x7fffffu) | 0x800000u, 0u), e);
    if (e > 39u) { whole = vec2u(NONE, 0x7fffffffu); }
    if (bits >= 0x80000000u) { return negated(whole); }
    return whole;
}

// One offset times a weight.
fn weighted(q: i32, m: vec2u) -> vec2u {
    if (all(m == ONE)) { return extended(q); }
    let v = plus(times(extended(q), m), vec2u(0x8000u, 0u));
    return vec2u((v.x >> 16u) | (v.y << 16u), bitcast<u32>(bitcast<i32>(v.y) >> 16u));
}

// (squares * m + 2^39) >> 40, of a product of 128 bits.
fn scattered(squares: vec2u, m: vec2u) -> vec2u {
    let minus = m.y >= 0x80000000u;
    let w = select(m, negated(m), minus);
    let a = product(squares.x, w.x);
    let b = product(squares.x, w.y);
    let c = product(squares.y, w.x);
    let d = product(squares.y, w.y);
    var low = vec2u(a.x, 0u);
    let mid = plus(plus(vec2u(a.y, 0u), vec2u(b.x, 0u)), vec2u(c.x, 0u));
    low.y = mid.x;
    var high = plus(plus(plus(vec2u(b.y, 0u), vec2u(c.y, 0u)), d), vec2u(mid.y, 0u));
    if (minus) {
        low = negated(low);
        high = plus(~high, vec2u(select(0u, 1u, all(low == vec2u())), 0u));
    }
    let rounded = plus(low, vec2u(0u, 128u));
    high = plus(high, vec2u(select(0u, 1u, rounded.y < low.y), 0u));
    return vec2u((rounded.y >> 8u) | (high.x << 24u), (high.x >> 8u) | (high.y << 24u));
}
//! add
fn NAME(at: u32, v: vec2u) {
    let old = atomicAdd(&PLACE[BASE 2u * at], v.x);
    let high = v.y + select(0u, 1u, old + v.x < old);
    if (high != 0u) { atomicAdd(&PLACE[BASE 2u * at + 1u], high); }
}
//! held
// Sums of one workgroup: offsets, masses, scatters.
var<workgroup> held: array<atomic<u32>, HELD>;
//! give
fn give(at: u32, v: vec2u) {
    let n = p.c * p.dim;
    if (at < n) {
        give_offsets(at, v);
    } else if (at < n + p.c) {
        give_mass(at - n, v);
    } else {
        LAST
    }
}
//! row
fn row(i: u32) {
    let label = labels[i - p.xb];
    if (label == NONE) { return; }
    let m = weight(i - p.xb);
    let own = (i - p.xb) * p.dim;
    var squares = vec2u();
    for (var t = 0u; t < p.dim; t++) {
        let q = i32(round((x[own + t] - origins[label * p.dim + t]) * bitcast<f32>(p.b)));
        add_offsets(label * p.dim + t, weighted(q, m));
        let size = u32(abs(q));
        squares = plus(squares, product(size, size));
    }
    add_mass(label, m);
    SCATTERED
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = p.x0 + (group.x + group.y * p.wide) * 64u * p.a;
    for (var turn = 0u; turn < p.a; turn++) {
        let i = first + turn * 64u + lane;
        if (i < p.x1) { row(i); }
    }
    END
}
//! end
    workgroupBarrier();
    for (var at = lane; at < HELD / 2u; at += 64u) {
        let v = vec2u(atomicLoad(&held[2u * at]), atomicLoad(&held[2u * at + 1u]));
        if (any(v != vec2u())) { give(at, v); }
    }
