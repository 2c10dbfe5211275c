// Every row of a forest to its root, or 2^12 rows up. Nobody changes a root meanwhile.
@group(0) @binding(1) var<storage, read_write> parent: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = (group.x + group.y * p.wide) * 64u + lane;
    if (row >= p.x1) { return; }
    var at = row;
    for (var turn = 0u; turn < 4096u; turn++) {
        let up = atomicLoad(&parent[at]);
        if (up == at) { break; }
        at = up;
    }
    atomicStore(&parent[row], at);
}
