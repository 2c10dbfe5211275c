//! Whole algorithms on two machines, and what one of them moves between host and device: what the
//! tests of every device tell alike.

use core::borrow::{Borrow, BorrowMut};
use core::ops::ControlFlow;
use std::vec;
use std::vec::Vec;

use crate::backend::{Alloc, NONE, Nearest, Sums, Values};
use crate::dbscan::Dbscan;
use crate::kmeans::lloyd::{Host, Parts, assign, update};
use crate::kmeans::{self, KMeans};
use crate::neighbors::Neighbors;
use crate::random::Draws;
use crate::rows::{Metric, Pairs, Rows, Visit, rows};
use crate::scores::Silhouette;
use crate::state::StreamState;
use crate::store::{Sizes, Slots};
use crate::stream::{Stream, StreamOptions};

use super::bed::{FINE, get, put, view, view_mut};
use super::decorators::{Call, Traced};

/// Rows of [`data`].
pub const ROWS: usize = 3000;
/// Elements of a row of [`data`].
pub const DIM: usize = 5;

/// Uniform numbers in (-1, 1).
pub fn uniform(len: usize, seed: u64) -> Vec<f32> {
    let draws = Draws::new(seed, 1);
    (0..len as u64).map(|at| 2.0 * draws.unit(at, 0) - 1.0).collect()
}

/// `groups` groups of rows around centres in (-10, 10).
pub fn groups(rows: usize, dim: usize, groups: usize, spread: f32, seed: u64) -> Vec<f32> {
    let (draws, centers) = (Draws::new(seed, 2), uniform(groups * dim, seed + 1));
    let cell = |at: usize| {
        let (row, t) = (at / dim, at % dim);
        let group = draws.below(row as u64, u32::MAX, groups as u64) as usize;
        let noise = 2.0 * draws.unit(at as u64, 1) - 1.0;
        10.0 * centers[group * dim + t] + spread * noise
    };
    (0..rows * dim).map(cell).collect()
}

/// The rows of the stories here.
pub fn data() -> Vec<f32> {
    groups(ROWS, DIM, 12, 1.5, 4)
}

/// Distances and rows, k for each row of x.
pub type Found = (Vec<f32>, Vec<u32>);

/// The k nearest rows of y, by squared distance, on any machine.
pub fn nearest_of<B: Alloc<Elem = f32>>(
    b: &B,
    (x, y): (&[f32], &[f32]),
    (dim, k): (usize, usize),
    visit: Visit<'_>,
) -> Found {
    let (n, x, y) = (x.len() / dim, put(b, x), put(b, y));
    let (mut dist, mut index) = (put(b, &vec![f32::INFINITY; n * k]), put(b, &vec![NONE; n * k]));
    let x = rows::<B>(view::<B, f32>(&x), dim).expect(FINE);
    let y = rows::<B>(view::<B, f32>(&y), dim).expect(FINE);
    let pairs = Pairs::new(x, y, Metric::SqEuclidean).and_then(|p| p.visit(visit)).expect(FINE);
    let best = Nearest { k, dist: dist.borrow_mut(), index: index.borrow_mut() };
    b.nearest(pairs, best).expect(FINE);
    (get(b, &dist), get(b, &index))
}

/// Integer sums of rows by label about one origin on any machine: offsets, masses and squares.
pub fn sums_of<B: Alloc<Elem = f32>>(
    b: &B,
    x: &[f32],
    labels: &[u32],
    (dim, k): (usize, usize),
) -> Vec<i64> {
    let (x, labels, origins) = (put(b, x), put(b, labels), put(b, &vec![0.25f32; k * dim]));
    let (mut offsets, mut mass) = (put(b, &vec![0i64; k * dim]), put(b, &vec![0i64; k]));
    let mut scatter = put(b, &vec![0i64; k]);
    let into = Sums::<B> {
        offsets: view_mut::<B, i64>(&mut offsets),
        mass: view_mut::<B, i64>(&mut mass),
        scatter: Some(view_mut::<B, i64>(&mut scatter)),
    };
    let x = rows::<B>(view::<B, f32>(&x), dim).expect(FINE);
    let origins = rows::<B>(view::<B, f32>(&origins), dim).expect(FINE);
    let done = b.accumulate(x, view::<B, u32>(&labels), None, origins, 1048576.0, into);
    done.expect(FINE);
    [get(b, &offsets), get(b, &mass), get(b, &scatter)].concat()
}

/// In how many places two lists of one length are not the same.
///
/// # Panics
/// Their lengths differ.
pub fn differing(a: &[u32], b: &[u32]) -> usize {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// What a machine tells of the rows of [`data`].
fn told<B: Alloc<Elem = f32>, T>(b: &B, tell: impl FnOnce(Rows<'_, Values<B>>) -> T) -> T {
    let x = put(b, &data());
    tell(rows::<B>(view::<B, f32>(&x), DIM).expect(FINE))
}

/// k-means on both machines: the same fit where the second is exact, else costs that agree.
///
/// # Panics
/// They differ.
pub fn kmeans_is_the_same_fit<H, B>(here: &H, there: &B, exact: bool)
where
    H: Alloc<Elem = f32>,
    B: Alloc<Elem = f32>,
{
    for seed in [1, 2] {
        let options = KMeans::new(12).seed(seed);
        let (a, b) = (fitted(here, &options), fitted(there, &options));
        let off = (a.model.cost / b.model.cost - 1.0).abs();
        std::println!("k-means, seed {seed}: costs differ by {off:e}, exact: {exact}");
        assert!(off < 1e-5 && (!exact || a == b), "an exact device gives the same fit");
    }
    let spherical = KMeans::new(5).seed(1).metric(Metric::Cosine);
    assert!(!exact || fitted(here, &spherical) == fitted(there, &spherical), "spherical");
}

fn fitted<B: Alloc<Elem = f32>>(b: &B, options: &KMeans) -> kmeans::Fit<f32> {
    told(b, |x| options.fit(b, x).expect(FINE))
}

/// A stream on both machines: the same bytes where the second is exact, else costs that agree.
///
/// # Panics
/// They differ.
pub fn streams_have_the_same_state<H, B>(here: &H, there: &B, exact: bool)
where
    H: Alloc<Elem = f32> + Clone,
    B: Alloc<Elem = f32> + Clone,
{
    let (bytes_here, a) = one_pass(here);
    let (bytes_there, b) = one_pass(there);
    let off = (a.cost / b.cost - 1.0).abs();
    std::println!("stream: costs differ by {off:e}, exact: {exact}");
    assert!(off < 0.2, "{} and {}", a.cost, b.cost);
    assert!(!exact || (bytes_here == bytes_there && a == b), "the same state");
}

fn one_pass<B: Alloc<Elem = f32> + Clone>(b: &B) -> (Vec<u8>, kmeans::Model<f32>) {
    let sizes = Sizes { capacity: 60, batch: 512, sample: 200, lists: 6 };
    let store = Slots::alloc(b, DIM, sizes).expect(FINE);
    let options = StreamOptions::new().seed(5);
    let mut stream = Stream::new(b.clone(), store, DIM, options).expect(FINE);
    told(b, |x| stream.push(x, None).expect(FINE));
    (stream.to_bytes().expect(FINE), stream.finish(6).expect(FINE).model)
}

/// Neighbours on both machines: the same lists where the second is exact, else near distances.
///
/// # Panics
/// They differ.
pub fn neighbours_are_the_same<H, B>(here: &H, there: &B, exact: bool)
where
    H: Alloc<Elem = f32>,
    B: Alloc<Elem = f32>,
{
    for (k, metric) in [(1, Metric::Euclidean), (15, Metric::SqEuclidean), (7, Metric::Manhattan)] {
        let options = Neighbors::new(k).metric(metric);
        let a = told(here, |x| options.within(here, x).expect(FINE));
        let b = told(there, |x| options.within(there, x).expect(FINE));
        let differ = differing(a.indices(), b.indices());
        std::println!("{k} neighbours, {metric:?}: {differ} of {} entries differ", ROWS * k);
        assert!(!exact || a == b, "{k} {metric:?}");
        for (a, b) in a.distances().iter().zip(b.distances()) {
            assert!((a - b).abs() <= 1e-5 * a, "{a} {b}");
        }
    }
}

/// DBSCAN settles what is near eps on the host in `f64`, so its labels hang on no machine.
///
/// # Panics
/// They do.
pub fn dbscan_has_the_same_labels<H, B>(here: &H, there: &B)
where
    H: Alloc<Elem = f32>,
    B: Alloc<Elem = f32>,
{
    for (eps, metric) in [(0.9, Metric::Euclidean), (1.5, Metric::Manhattan)] {
        let options = Dbscan::new(eps, 5).metric(metric);
        let a = told(here, |x| options.fit(here, x).expect(FINE));
        let b = told(there, |x| options.fit(there, x).expect(FINE));
        assert_eq!(differing(&a.labels, &b.labels), 0, "{eps} {metric:?}");
        assert_eq!(a.cores, b.cores);
        assert!(a.model.clusters() > 1);
    }
}

/// Silhouettes are sums in `f32`: near on both machines.
///
/// # Panics
/// They are not.
pub fn silhouettes_are_near<H, B>(here: &H, there: &B)
where
    H: Alloc<Elem = f32>,
    B: Alloc<Elem = f32>,
{
    let labels = fitted(here, &KMeans::new(6)).labels;
    let a = told(here, |x| Silhouette::new().score(here, x, &labels).expect(FINE));
    let b = told(there, |x| Silhouette::new().score(there, x, &labels).expect(FINE));
    std::println!("silhouette: {a}, off by {:e}", (a - b).abs());
    assert!((a - b).abs() < 1e-5);
}

/// Rows, elements and centres of the stories about traffic.
const MANY: usize = 4096;
const WIDE: usize = 8;
const CENTERS: usize = 16;

/// A second step of Lloyd over explicit buffers reads the sums and the masses in one wait and writes
/// the centres, nothing else, whatever the number of rows. `seen` looks at the device's own count
/// before and after it.
///
/// # Panics
/// More crosses the border.
pub fn a_step_of_lloyd_reads_sums_and_masses_only<B, C>(
    machine: &B,
    count: impl Fn(&B) -> C,
    seen: impl FnOnce(C, C),
) where
    B: Alloc<Elem = f32> + Clone,
{
    let (data, b) = (groups(MANY, WIDE, CENTERS, 1.0, 1), Traced::new(machine.clone()));
    let x = put(&b, &data);
    let x = rows::<Traced<B>>(view::<Traced<B>, f32>(&x), WIDE).expect(FINE);
    let mut centers = data[..CENTERS * WIDE].to_vec();
    let (mut sums, mut masses) = (vec![0i64; CENTERS * WIDE], vec![0i64; CENTERS]);
    let mut on = put(&b, &centers);
    let mut labels = b.alloc::<u32>(MANY).expect(FINE);
    let mut dist = b.alloc::<f32>(MANY).expect(FINE);
    let mut offsets = b.alloc::<i64>(CENTERS * WIDE).expect(FINE);
    let mut mass = b.alloc::<i64>(CENTERS).expect(FINE);
    let mut step = || {
        let mut parts = Parts::<Traced<B>> {
            centers: on.borrow_mut(),
            labels: labels.borrow_mut(),
            dist: dist.borrow_mut(),
            offsets: offsets.borrow_mut(),
            mass: mass.borrow_mut(),
        };
        let mut host = Host { centers: &mut centers, offsets: &mut sums, mass: &mut masses };
        assign(&b, x, &mut parts).expect(FINE);
        update(&b, x, None, 1048576.0, &mut parts, &mut host).expect(FINE);
    };
    step();
    b.reset();
    let before = count(machine);
    step();
    seen(before, count(machine));
    std::println!("a Lloyd step: {} calls, {} read-backs", b.total(), b.calls(Call::ReadAll));
    assert_eq!(b.waits(), 1, "sums and masses");
    assert_eq!(b.bytes_read(), (8 * CENTERS * WIDE + 8 * CENTERS) as u64);
    assert_eq!(b.bytes_written(), (4 * CENTERS * WIDE) as u64);
    assert_eq!(b.bytes_allocated(), 0);
}

/// An iteration of a fit reads how many rows moved in the same wait; a cost, where somebody looks
/// at it, in another. `waits` is the device's own count of them.
///
/// # Panics
/// It waits more often, or reads more.
pub fn an_iteration_of_a_fit_waits_a_fixed_number_of_times<B>(
    machine: &B,
    waits: impl Fn(&B) -> u64,
) where
    B: Alloc<Elem = f32> + Clone,
{
    let x = put(machine, &groups(MANY, WIDE, 40, 6.0, 2));
    for watched in [false, true] {
        let mut counts = Vec::new();
        for iterations in [4, 5, 6] {
            let (b, before) = (Traced::new(machine.clone()), waits(machine));
            let options = KMeans::new(CENTERS).seed(1).max_iter(iterations);
            let options = options.tolerance(0.0).bounds(false);
            let rows = rows::<Traced<B>>(x.borrow(), WIDE).expect(FINE);
            let fit = match watched {
                true => options.fit_with(&b, rows, None, &mut |_| ControlFlow::Continue(())),
                false => options.fit(&b, rows),
            };
            assert_eq!(fit.expect(FINE).model.iterations, iterations, "data that need more");
            counts.push((b.waits(), b.bytes_read(), b.total(), waits(machine) - before));
        }
        check(watched, &counts);
    }
}

/// What one more iteration adds, twice.
fn check(watched: bool, counts: &[(u64, u64, u64, u64)]) {
    let (waits, bytes) = (counts[1].0 - counts[0].0, counts[1].1 - counts[0].1);
    let calls = counts[1].2 - counts[0].2;
    std::println!("an iteration of a fit: {waits} waits, {bytes} bytes, {calls} calls");
    let cost = if watched { MANY.div_ceil(4096) } else { 0 };
    assert_eq!(waits, 1 + u64::from(watched), "sums, masses and moved rows; the cost");
    assert_eq!(bytes, 8 * (CENTERS * WIDE + CENTERS + 1 + cost) as u64);
    // The first fit of a device also waits where it finds its ways.
    assert_eq!(counts[2].3 - counts[1].3, waits, "as the device counts");
    assert_eq!(counts[2].0 - counts[1].0, waits);
    assert_eq!(counts[2].1 - counts[1].1, bytes);
}
