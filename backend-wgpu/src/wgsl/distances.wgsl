// The distances themselves, row by row of a rectangle.
//! bindings
var<storage, read_write> out: array<u32>;
//! main
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let at = (group.x + group.y * p.wide) * 64u + lane;
    let width = p.y1 - p.y0;
    if (at >= (p.x1 - p.x0) * width) { return; }
    out[at] = pair(load_x(p.x0 + at / width), p.y0 + at % width);
}
