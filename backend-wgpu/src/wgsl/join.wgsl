// Unites the members whose distance is within the radius: its bits are below p.a. The smaller root wins, so the roots in the end do not
// depend on who came first; a pass over the rows then makes the forest flat.
//! bindings
var<storage, read> member: array<u32>;
var<storage, read_write> parent: array<atomic<u32>>;
//! functions
fn find(row: u32) -> u32 {
    var at = row;
    loop {
        let up = atomicLoad(&parent[at]);
        if (up == at) { return at; }
        let next = atomicLoad(&parent[up]);
        if (next != up) { atomicMin(&parent[at], next); }
        at = next;
    }
    return at;
}

fn unite(a: u32, b: u32) {
    var x = find(a);
    var y = find(b);
    while (x != y) {
        let high = max(x, y);
        let low = min(x, y);
        let met = atomicMin(&parent[high], low);
        if (met == high) { return; }
        // Somebody hung it elsewhere meanwhile, and perhaps now it hangs lower: unite those too.
        x = find(met);
        y = find(low);
    }
}
//! begin
    let own = member[i];
//! fold
    if (own != 0u && d < p.a && member[j] != 0u) { unite(i, j); }
//! end
