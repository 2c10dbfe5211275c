// Sums of chunks in IEEE numbers of 64 bits, made of words: lane l of 16 adds terms l, l + 16, ...
// Products of two f32 are exact; every sum is rounded to nearest even. Numbers of this size come
// nowhere near the smallest normal one.
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> lanes: array<vec2u>;
//! weights
@group(0) @binding(3) var<storage, read> weights: array<u32>;
fn term(at: u32) -> vec2u { return double(values[at], weights[at]); }
//! unweighted
fn term(at: u32) -> vec2u { return double(values[at], 0x3f800000u); }
//! common
const NAN64 = vec2u(0u, 0x7ff80000u);

// The product of two f32.
fn double(a: u32, b: u32) -> vec2u {
    let sign = (a ^ b) & 0x80000000u;
    let u = a & 0x7fffffffu;
    let v = b & 0x7fffffffu;
    if (u >= INF || v >= INF) {
        if (u > INF || v > INF || u == 0u || v == 0u) { return NAN64; }
        return vec2u(0u, sign | 0x7ff00000u);
    }
    if (u == 0u || v == 0u) { return vec2u(0u, sign); }
    let f = split(u);
    let g = split(v);
    var m = product(f.m, g.m);
    var e = f.e + g.e + 1023;
    // The leading bit stands in place 46 or 47 and goes to place 52.
    if ((m.y & 0x8000u) != 0u) {
        m = left(m, 5u);
        e += 1;
    } else {
        m = left(m, 6u);
    }
    return vec2u(m.x, sign | (u32(e) << 20u) | (m.y & 0xfffffu));
}

// Shifts to the right; bits that fall out set the last one.
fn sticky(a: vec2u, by: u32) -> vec2u {
    let kept = right(a, by);
    let lost = any(left(kept, by) != a) || by >= 64u;
    return vec2u(kept.x | select(0u, 1u, lost), kept.y);
}

fn add(a: vec2u, b: vec2u) -> vec2u {
    let sa = vec2u(a.x, a.y & 0x7fffffffu);
    let sb = vec2u(b.x, b.y & 0x7fffffffu);
    if (all(sb == vec2u())) { return select(a, vec2u(0u, a.y & b.y), all(sa == vec2u())); }
    if (all(sa == vec2u())) { return b; }
    if (sa.y >= 0x7ff00000u || sb.y >= 0x7ff00000u) { return special(a, b, sa, sb); }
    let swap = sa.y < sb.y || (sa.y == sb.y && sa.x < sb.x);
    let big = select(a, b, swap);
    let small = select(b, a, swap);
    var e = i32((big.y >> 20u) & 0x7ffu);
    let gap = u32(e - i32((small.y >> 20u) & 0x7ffu));
    // Three more bits: guard, round, sticky.
    let m = left(vec2u(big.x, (big.y & 0xfffffu) | 0x100000u), 3u);
    let n = sticky(left(vec2u(small.x, (small.y & 0xfffffu) | 0x100000u), 3u), gap);
    var sum: vec2u;
    if (((a.y ^ b.y) & 0x80000000u) == 0u) {
        sum = plus(m, n);
        if ((sum.y & 0x1000000u) != 0u) {
            sum = sticky(sum, 1u);
            e += 1;
        }
    } else {
        sum = plus(m, negated(n));
        if (all(sum == vec2u())) { return sum; }
        let zeros = select(countLeadingZeros(sum.y), 32u + countLeadingZeros(sum.x), sum.y == 0u);
        sum = left(sum, zeros - 8u);
        e -= i32(zeros - 8u);
    }
    return rounded(sum, e, big.y & 0x80000000u);
}

fn special(a: vec2u, b: vec2u, sa: vec2u, sb: vec2u) -> vec2u {
    let infinity = vec2u(0u, 0x7ff00000u);
    let over_a = sa.y >= 0x7ff00000u;
    let over_b = sb.y >= 0x7ff00000u;
    if (over_a && any(sa != infinity)) { return NAN64; }
    if (over_b && any(sb != infinity)) { return NAN64; }
    if (over_a && over_b && any(a != b)) { return NAN64; }
    return select(b, a, over_a);
}

// Rounds three bits away, to nearest even.
fn rounded(sum: vec2u, exponent: i32, sign: u32) -> vec2u {
    let rest = sum.x & 7u;
    var m = right(sum, 3u);
    var e = exponent;
    if (rest > 4u || (rest == 4u && (m.x & 1u) == 1u)) { m = plus(m, vec2u(1u, 0u)); }
    if ((m.y & 0x200000u) != 0u) {
        m = right(m, 1u);
        e += 1;
    }
    return vec2u(m.x, sign | (u32(e) << 20u) | (m.y & 0xfffffu));
}

// The terms x0..x1 in chunks of p.a; sixteen invocations to a chunk.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let at = (group.x + group.y * p.wide) * 64u + lane;
    let first = p.x0 + at / 16u * p.a;
    if (first >= p.x1) { return; }
    let end = min(first + p.a, p.x1);
    var sum = vec2u();
    for (var t = first + at % 16u; t < end; t += 16u) { sum = add(sum, term(t - p.xb)); }
    lanes[at] = sum;
}
