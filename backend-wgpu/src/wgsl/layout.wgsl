// One epoch of a layout: every vertex gathers its forces from the positions before. The words are the
// curve's a, b, repulsion and rate (as bits, p.a to p.d), how many rows push for each that pulls (p.e),
// the number of the epoch (p.f), the seed (p.g, p.h) and how many rows may push (p.i).
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> strengths: array<u32>;
@group(0) @binding(4) var<storage, read> place: array<f32>;
@group(0) @binding(5) var<storage, read_write> moved: array<f32>;

struct Curve { a: f32, b: f32, repulsion: f32, rate: f32 }

fn curve() -> Curve {
    return Curve(bitcast<f32>(p.a), bitcast<f32>(p.b), bitcast<f32>(p.c), bitcast<f32>(p.d));
}

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011).
fn philox(seed: vec2u, counter: vec4u) -> vec4u {
    var key = seed;
    var c = counter;
    for (var turn = 0; turn < 10; turn++) {
        let a = product(0xD2511F53u, c.x);
        let b = product(0xCD9E8D57u, c.z);
        c = vec4u(b.y ^ c.y ^ key.x, b.x, a.y ^ c.w ^ key.y, a.x);
        key += vec2u(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// The shift of a turn in this epoch, below the pool.
fn shift(turn: u32) -> u32 {
    let words = philox(vec2u(p.g, p.h), vec4u(p.f, 0u, turn, 0x756d6170u));
    let low = product(words.y, p.i);
    return plus(product(words.x, p.i), vec2u(low.y, 0u)).y;
}

// The row that pushes row `i` in a turn.
fn drawn(i: u32, turn: u32) -> u32 {
    let far = shift(turn);
    if (i >= p.i) { return far; }
    // i + far − pool without a sum that could overflow.
    return select(i + far, i - (p.i - far), i >= p.i - far);
}

// floor(e * w) for w of at most 1, to the bit.
fn turns(e: u32, w: u32) -> u32 {
    if (w == 0u) { return 0u; }
    let v = split(w);
    return right(product(e, v.m), u32(23 - v.e)).x;
}

// Adds coefficient * (a - b), clipped.
fn push(force: f32, coefficient: f32, gap: f32) -> f32 {
    return force + clamp(coefficient * gap, -4.0, 4.0);
}

fn pull_of(d2: f32) -> f32 {
    let c = curve();
    if (d2 <= 0.0) { return 0.0; }
    let power = pow(d2, c.b - 1.0);
    return -2.0 * c.a * c.b * power / (1.0 + c.a * power * d2);
}

fn push_of(d2: f32) -> f32 {
    let c = curve();
    var power = 0.0;
    if (d2 > 0.0) { power = pow(d2, c.b); }
    return 2.0 * c.repulsion * c.b / ((0.001 + d2) * (1.0 + c.a * power));
}

fn squared(a: u32, b: u32) -> f32 {
    var sum = 0.0;
    for (var t = 0u; t < p.dim; t++) {
        let gap = place[a + t] - place[b + t];
        sum += gap * gap;
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = p.x0 + (group.x + group.y * p.wide) * 64u + lane;
    if (i >= p.x1) { return; }
    let own = i * p.dim;
    var force: array<f32, 32>;
    var met = 0u;
    for (var edge = offsets[i]; edge < offsets[i + 1u]; edge++) {
        if (turns(p.f + 1u, strengths[edge]) <= turns(p.f, strengths[edge])) { continue; }
        met++;
        let other = targets[edge] * p.dim;
        let pull = pull_of(squared(own, other));
        for (var t = 0u; t < p.dim; t++) {
            force[t] = push(force[t], pull, place[own + t] - place[other + t]);
        }
    }
    if (p.i == 0u) { met = 0u; }
    for (var turn = 0u; turn < met * p.e; turn++) {
        let other = drawn(i, turn) * p.dim;
        let away = push_of(squared(own, other));
        for (var t = 0u; t < p.dim; t++) {
            force[t] = push(force[t], away, place[own + t] - place[other + t]);
        }
    }
    for (var t = 0u; t < p.dim; t++) {
        moved[own + t] = place[own + t] + curve().rate * force[t];
    }
}
