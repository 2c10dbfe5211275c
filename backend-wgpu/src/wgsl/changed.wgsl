// Counts the numbers of two lists that differ; each workgroup looks at p.a times 64 of them. The
// count is two words, as every sum is.
@group(0) @binding(1) var<storage, read> earlier: array<u32>;
@group(0) @binding(2) var<storage, read> later: array<u32>;
@group(0) @binding(3) var<storage, read_write> count: array<atomic<u32>>;
var<workgroup> found: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = p.x0 + (group.x + group.y * p.wide) * 64u * p.a + lane;
    var own = 0u;
    for (var turn = 0u; turn < p.a; turn++) {
        let i = first + turn * 64u;
        if (i < p.x1 && earlier[i - p.xb] != later[i - p.xb]) { own++; }
    }
    if (own > 0u) { atomicAdd(&found, own); }
    workgroupBarrier();
    if (lane == 0u) {
        let all = atomicLoad(&found);
        let old = atomicAdd(&count[0], all);
        if (old + all < old) { atomicAdd(&count[1], 1u); }
    }
}
