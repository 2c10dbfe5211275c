// Bits of the cosine distance from the three products, step by step as it is defined.
fn cosine(xy: f32, xx: f32, yy: f32) -> u32 {
    let b = bitcast<vec3u>(vec3f(xy, xx, yy));
    if (any((b & vec3u(INF)) == vec3u(INF))) { return 0x7fc00000u; }
    if (b.y == 0u || b.z == 0u) { return select(0x3f800000u, 0u, b.y == b.z); }
    if (b.x == b.y && b.x == b.z) { return 0u; }
    let product = bitcast<u32>(xx * yy);
    var norms = bitcast<f32>(root(bitcast<f32>(product)));
    if (product < 0x800000u || product >= INF) {
        norms = bitcast<f32>(root(xx)) * bitcast<f32>(root(yy));
    }
    if (bitcast<u32>(norms) == 0u) { return 0u; }
    let distance = bitcast<u32>(1.0 - quotient(xy, norms));
    return select(distance, 0u, distance >= 0x80000000u);
}
