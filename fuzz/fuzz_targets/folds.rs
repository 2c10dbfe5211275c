//! Folds of the CPU backend on arbitrary bits, shapes, visits and states, against the provided
//! bodies: the same bits, no panic, nothing touched outside.
#![no_main]

use arbitrary::Arbitrary;
use enfold::{Backend, Block, Cpu, Metric, NONE, Nearest, Pairs, Rows, Visit};
use enfold_core::conformance::decorators::Bare;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    dim: u8,
    metric: u8,
    visit: u8,
    k: u8,
    cut: (u8, u8, u8, u8),
    radius: u32,
    /// Small values often, any bits sometimes.
    rows: Vec<Value>,
    copies: u8,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Value {
    Small(i8),
    Fine(i16),
    Bits(u32),
}

impl Value {
    fn get(self) -> f32 {
        match self {
            Self::Small(v) => f32::from(v),
            Self::Fine(v) => f32::from(v) / 1024.0 + 1e5,
            Self::Bits(v) => f32::from_bits(v),
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| if v.is_nan() { NONE } else { v.to_bits() }).collect()
}

fuzz_target!(|input: Input| {
    let dim = usize::from(input.dim % 70) + 1;
    let mut data: Vec<f32> = input.rows.iter().map(|v| v.get()).collect();
    // Enough rows for the paths that take many together.
    for _ in 0..input.copies % 5 {
        data.extend_from_within(..data.len().min(4000));
    }
    data.truncate(data.len() / dim * dim);
    if data.is_empty() {
        return;
    }
    let all = Rows::new(&data[..], dim).expect("whole rows");
    let at = |v: u8| usize::from(v) % (all.len() + 1);
    let range = |a: u8, b: u8| all.range(at(a).min(at(b)), at(a).max(at(b))).expect("in range");
    let (x, y) = (range(input.cut.0, input.cut.1), range(input.cut.2, input.cut.3));
    let half = |r: Rows<'_, [f32]>| (r.start() + r.len() / 2) as u32;
    let (xs, ys) = ((x.start() as u32, x.end() as u32), (y.start() as u32, y.end() as u32));
    let blocks = [
        Block { x: (half(x), xs.1), y: (ys.0, half(y)) },
        Block { x: xs, y: (half(y), ys.1) },
        Block { x: (xs.0, half(x)), y: (ys.0, half(y)) },
    ];
    let metrics: Vec<Metric> = Metric::of_dim(dim).collect();
    let metric = metrics[usize::from(input.metric) % metrics.len()];
    let visit = match input.visit % 3 {
        0 => Visit::All,
        1 => Visit::OffDiagonal,
        _ => Visit::Blocks(&blocks),
    };
    let pairs = Pairs::new(x, y, metric).and_then(|p| p.visit(visit)).expect("checked shapes");
    let (cpu, bare) = (Cpu::<f32>::new(), Bare(Cpu::<f32>::new()));
    let (n, k) = (all.len(), usize::from(input.k % 20) + 1);

    let mut found = [(); 2].map(|()| (vec![f32::INFINITY; n * k], vec![NONE; n * k]));
    for (i, (dist, index)) in found.iter_mut().enumerate() {
        let best = Nearest { k, dist: &mut dist[..], index: &mut index[..] };
        if i == 0 { cpu.nearest(pairs, best) } else { bare.nearest(pairs, best) }.unwrap();
    }
    assert_eq!(found[0].1, found[1].1);
    assert_eq!(bits(&found[0].0), bits(&found[1].0));

    let radius = f32::from_bits(input.radius & 0x7fff_ffff);
    let radii = vec![radius; n];
    let mut counts = [vec![0u32; n], vec![0u32; n]];
    cpu.count_within(pairs, &radii, 1, &mut counts[0]).unwrap();
    bare.count_within(pairs, &radii, 1, &mut counts[1]).unwrap();
    assert_eq!(counts[0], counts[1]);

    let values: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 8).collect();
    let mut lowest = [vec![NONE; n], vec![NONE; n]];
    cpu.lowest_within(pairs, radius, &values, &mut lowest[0]).unwrap();
    bare.lowest_within(pairs, radius, &values, &mut lowest[1]).unwrap();
    assert_eq!(lowest[0], lowest[1]);

    let member: Vec<u32> = values.iter().map(|v| v % 3).collect();
    let mut parent = [(); 2].map(|()| (0..n as u32).collect::<Vec<u32>>());
    cpu.join_within(pairs, radius, &member, &mut parent[0]).unwrap();
    bare.join_within(pairs, radius, &member, &mut parent[1]).unwrap();
    let root = |parent: &[u32], mut i: u32| {
        while parent[i as usize] != i {
            i = parent[i as usize];
        }
        i
    };
    for i in 0..n as u32 {
        assert_eq!(root(&parent[0], i), root(&parent[1], i));
    }
});
