// Counts within RADII of the p.a radii that each row has, from radius p.b on.
//! bindings
var<storage, read> radii: array<u32>;
var<storage, read_write> counts: array<u32>;
//! functions
// The least bits that are not within: 0 for a radius that is NaN or negative.
fn limit(radius: u32) -> u32 {
    if ((radius & 0x7fffffffu) == 0u) { return 1u; }
    if (radius > INF) { return 0u; }
    return min(radius + 1u, INF);
}
//! begin
    let at = (i - p.xb) * p.a + p.b;
    var limits: array<u32, RADII>;
    var found: array<u32, RADII>;
    for (var s = 0u; s < RADII; s++) { limits[s] = limit(radii[at + s]); }
//! fold
    for (var s = 0u; s < RADII; s++) { found[s] += select(0u, 1u, d < limits[s]); }
//! end
    for (var s = 0u; s < RADII; s++) {
        let old = counts[at + s];
        let sum = old + found[s];
        counts[at + s] = select(sum, NONE, sum < old);
    }
