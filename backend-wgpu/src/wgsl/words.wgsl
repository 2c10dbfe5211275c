// Integers of 64 bits in two words, low word first.
fn plus(a: vec2u, b: vec2u) -> vec2u {
    let low = a.x + b.x;
    return vec2u(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn negated(a: vec2u) -> vec2u { return plus(~a, vec2u(1u, 0u)); }

fn extended(a: i32) -> vec2u { return vec2u(bitcast<u32>(a), bitcast<u32>(a >> 31u)); }

// The whole product of two words.
fn product(a: u32, b: u32) -> vec2u {
    let al = a & 0xffffu;
    let ah = a >> 16u;
    let bl = b & 0xffffu;
    let bh = b >> 16u;
    let low = al * bl;
    let mid = ah * bl + (low >> 16u);
    let mid2 = al * bh + (mid & 0xffffu);
    return vec2u((mid2 << 16u) | (low & 0xffffu), ah * bh + (mid >> 16u) + (mid2 >> 16u));
}

// The low 64 bits of a product.
fn times(a: vec2u, b: vec2u) -> vec2u {
    let low = product(a.x, b.x);
    return vec2u(low.x, low.y + a.x * b.y + a.y * b.x);
}

fn left(a: vec2u, by: u32) -> vec2u {
    if (by == 0u) { return a; }
    if (by >= 64u) { return vec2u(); }
    if (by >= 32u) { return vec2u(0u, a.x << (by - 32u)); }
    return vec2u(a.x << by, (a.y << by) | (a.x >> (32u - by)));
}

fn right(a: vec2u, by: u32) -> vec2u {
    if (by == 0u) { return a; }
    if (by >= 64u) { return vec2u(); }
    if (by >= 32u) { return vec2u(a.y >> (by - 32u), 0u); }
    return vec2u((a.x >> by) | (a.y << (32u - by)), a.y >> by);
}
