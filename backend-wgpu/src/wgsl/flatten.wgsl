// Every row of a forest to its root. Nobody changes a root meanwhile.
@group(0) @binding(1) var<storage, read_write> parent: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = (group.x + group.y * p.wide) * 64u + lane;
    if (row >= p.x1) { return; }
    var at = row;
    loop {
        let up = atomicLoad(&parent[at]);
        if (up == at) { break; }
        at = up;
    }
    atomicStore(&parent[row], at);
}
