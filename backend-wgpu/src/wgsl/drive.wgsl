// The driver of the folds: one invocation walks the visited rows of y for one row of x.
//! all
fn span(group: u32) -> vec4u { return vec4u(p.x0 + group * 64u, p.x1, 0u, 1u); }
fn range(at: u32) -> vec2u { return vec2u(p.y0, p.y1); }
//! blocks
@group(0) @binding(3) var<storage, read> jobs: array<u32>;
// Rows of a job, and where its ranges of y stand; jobs beyond the last have no rows.
fn span(group: u32) -> vec4u {
    if (group >= p.j) { return vec4u(); }
    let at = 4u * group;
    return vec4u(jobs[at], jobs[at + 1u], jobs[at + 2u], jobs[at + 3u]);
}
fn range(at: u32) -> vec2u { return vec2u(jobs[2u * at], jobs[2u * at + 1u]); }
//! direct
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let job = span(group.x + group.y * p.wide);
    let i = job.x + lane;
    if (i >= job.y) { return; }
    let own_row = load_x(i);
    BEGIN
    for (var at = job.z; at < job.w; at++) {
        let rows = range(at);
        for (var j = rows.x; j < rows.y; j++) {
            if (p.off == 1u && j == i) { continue; }
            let d = pair(own_row, j);
            FOLD
        }
    }
    END
}
//! staged
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let job = span(group.x + group.y * p.wide);
    if (job.x >= job.y) { return; }
    // Every invocation helps to bring rows, also where it has no row of its own.
    let i = min(job.x + lane, job.y - 1u);
    let live = job.x + lane < job.y;
    let own_row = load_x(i);
    BEGIN
    for (var at = job.z; at < job.w; at++) {
        let rows = range(at);
        for (var tile = rows.x; tile < rows.y; tile += 64u) {
            let size = min(64u, rows.y - tile);
            workgroupBarrier();
            if (lane < size) { hold(lane, tile + lane); }
            workgroupBarrier();
            for (var t = 0u; t < size; t++) {
                let j = tile + t;
                if (!live || (p.off == 1u && j == i)) { continue; }
                let d = pair(own_row, t);
                FOLD
            }
        }
    }
    if (live) {
        END
    }
}
//! several
// Several rows of x, 64 apart, share what is brought of y. Every row that an invocation names is inside
// its bank, wanted or not, so no load needs a branch: a driver on the CPU would take a branch lane by
// lane.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = p.xb + (group.x + group.y * p.wide) * HALF + lane;
    ROWS
    for (var j = p.y0; j < p.y1; j++) {
        FOLD
    }
    END
}
//! row
    let i# = first + PLACE;
    let own# = load_BANK(i#);
    let but# = select(NONE, i#, p.off == 1u);
    var low# = INF;
    var low_row# = NONE;
