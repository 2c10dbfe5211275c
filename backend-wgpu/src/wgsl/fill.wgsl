// Sets words to p.b and p.c in turn where p.a is 2, all of them to p.b where it is 1.
@group(0) @binding(1) var<storage, read_write> to: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = ((group.x + group.y * p.wide) * 64u + lane) * 16u;
    for (var at = first; at < min(first + 16u, p.x1); at++) {
        to[at] = select(p.b, p.c, p.a == 2u && (at & 1u) == 1u);
    }
}
