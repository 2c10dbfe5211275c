// Square root and quotient, rounded as IEEE wants it. Those of a GPU may be off by a few units;
// the integer remainder says by how many.

// Mantissa with its leading bit in place 23, and exponent: |v| = m * 2^(e - 23). v is not 0.
struct Split { m: u32, e: i32 }

fn split(bits: u32) -> Split {
    let m = bits & 0x7fffffu;
    let e = i32((bits >> 23u) & 0xffu);
    if (e == 0) {
        let z = countLeadingZeros(m) - 8u;
        return Split(m << z, -126 - i32(z));
    }
    return Split(m | 0x800000u, e - 127);
}

// Bits of the square root of a number that is not negative.
fn root(s: f32) -> u32 {
    let bits = bitcast<u32>(s);
    if (bits == 0u || bits >= INF) { return bits; }
    var v = split(bits);
    if ((v.e & 1) != 0) {
        v.m <<= 1u;
        v.e -= 1;
    }
    // The nearest r to sqrt(m * 2^23), of 24 bits; m * 2^23 - r * r modulo 2^32 is enough.
    var r = u32(sqrt(f32(v.m) * 0x1p-23f) * 0x1p+23f);
    var left = i32((v.m << 23u) - r * r);
    for (var turn = 0; turn < 6; turn++) {
        if (left > i32(r)) {
            left -= i32(2u * r + 1u);
            r += 1u;
        } else if (left <= -i32(r)) {
            left += i32(2u * r - 1u);
            r -= 1u;
        }
    }
    return (u32((v.e >> 1u) + 127) << 23u) | (r & 0x7fffffu);
}

// a / b for b > 0 where the quotient is about 1 at most; 0 where it is too small to show beside 1.
fn quotient(a: f32, b: f32) -> f32 {
    let bits = bitcast<u32>(a);
    if ((bits & 0x7fffffffu) == 0u) { return 0.0; }
    var v = split(bits);
    let w = split(bitcast<u32>(b));
    if (v.m < w.m) {
        v.m <<= 1u;
        v.e -= 1;
    }
    let e = v.e - w.e;
    if (e < -40) { return 0.0; }
    var q = u32(f32(v.m) / f32(w.m) * 0x1p+23f);
    var left = i32((v.m << 23u) - q * w.m);
    for (var turn = 0; turn < 6; turn++) {
        if (2 * left > i32(w.m)) {
            left -= i32(w.m);
            q += 1u;
        } else if (2 * left < -i32(w.m)) {
            left += i32(w.m);
            q -= 1u;
        }
    }
    let size = (u32(min(e, 120) + 127) << 23u) + (q - 0x800000u);
    return bitcast<f32>(size | (bits & 0x80000000u));
}
