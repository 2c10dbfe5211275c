//! Every algorithm with every call of its backend failing once: the failure comes back as it is,
//! nothing panics, and the same machine gives the right answer when asked again.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use core::borrow::{Borrow, BorrowMut};
use core::convert::Infallible;
use core::fmt::Debug;
use core::ops::ControlFlow;

use enfold_core::conformance::decorators::{Bare, Fault, Faulty};
use enfold_core::kmeans::{EmptyCluster, Init, MiniBatch, init::plus_plus};
use enfold_core::neighbors::{Neighbors, Search, count_within, k_distances, list_within};
use enfold_core::order::{Placed, cells::Cells};
use enfold_core::scores::{
    Silhouette, calinski_harabasz, davies_bouldin, inertia, trustworthiness,
};
use enfold_core::umap::Start;
use enfold_core::{
    Alloc, Dbscan, Error, ErrorKind, KMeans, Metric, Rows, Sharded, Umap, Values, rows,
};
use enfold_cpu::Cpu;

const DIM: usize = 3;
const KINDS: [ErrorKind; 3] = [ErrorKind::OutOfMemory, ErrorKind::DeviceLost, ErrorKind::Other];

type Machine = Faulty<Cpu<f32>>;
type Failed = Error<Fault<Infallible>>;
/// An answer, written out: two answers are the same where their texts are.
type Answer<E> = Result<String, Error<E>>;

/// Small integers, so that duplicates and ties are many.
fn cell(at: usize) -> f32 {
    (at * at % 11 + at / DIM % 5 * 9) as f32
}

fn upload<B: Alloc<Elem = f32>>(b: &B, data: &[f32]) -> Result<B::Owned<f32>, Error<B::Error>> {
    let mut buffer = b.alloc::<f32>(data.len()).map_err(Error::Backend)?;
    b.write(buffer.borrow_mut(), 0, data).map_err(Error::Backend)?;
    Ok(buffer)
}

/// Lets `run` have `n` rows on the machine.
fn with<B: Alloc<Elem = f32>, R: Debug>(
    b: &B,
    n: usize,
    run: impl FnOnce(Rows<'_, Values<B>>) -> Result<R, Error<B::Error>>,
) -> Answer<B::Error> {
    let data: Vec<f32> = (0..n * DIM).map(cell).collect();
    let buffer = upload(b, &data)?;
    Ok(format!("{:?}", run(rows::<B>(buffer.borrow(), DIM)?)?))
}

/// Fails every `step`-th call of `run` in turn, in turning ways; `wrap` stands between the failing
/// machine and the algorithm.
fn failures_come_back<B: Alloc<Elem = f32, Error = Fault<Infallible>>>(
    step: usize,
    wrap: impl Fn(Machine) -> B,
    run: impl Fn(&B) -> Result<String, Failed>,
) {
    let counter = Faulty::never(Cpu::new());
    let answer = run(&wrap(counter.clone())).unwrap();
    assert!(counter.calls() > 2, "nothing was asked of the machine");
    for (failing, kind) in (0..counter.calls()).step_by(step).zip(KINDS.into_iter().cycle()) {
        let b = wrap(Faulty::new(Cpu::new(), failing, kind));
        let planned = Err(Error::Backend(Fault::Planned(kind)));
        let told = format!("call {failing} of {}, {kind:?}", counter.calls());
        assert_eq!(run(&b), planned, "{told}");
        let again = if kind == ErrorKind::DeviceLost { planned } else { Ok(answer.clone()) };
        assert_eq!(run(&b), again, "once more after {told}");
    }
}

/// One test for each algorithm: on the machine, with the provided body of every fold, and split
/// over two machines.
macro_rules! survive {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            failures_come_back(1, |b| b, super::$name);
            failures_come_back(1, Bare, super::$name);
            failures_come_back(1, |b| Sharded::new(b.clone(), [b]), super::$name);
        }
    )*};
}

mod failing {
    use super::*;

    survive! {
        k_means k_means_weighted k_means_parallel k_means_drop k_means_of_cosines
        mini_batches batches models seeds
        nearest_of_all nearest_by_tree nearest_by_cells nearest_of_others
        counts_and_lists curves cells_and_trees
        density density_weighted
        silhouettes cluster_scores trust
        embedding embedding_of_principal
    }

    /// Sketches take thousands of rows, and so some time: every tenth call.
    #[test]
    fn nearest_roughly() {
        failures_come_back(10, |b| b, super::nearest_roughly);
    }
}

fn k_means<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 24, |rows| KMeans::new(4).swaps(1).restarts(2).max_iter(4).fit(b, rows))
}

fn k_means_weighted<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let weights = upload(b, &(0..24).map(|i| (i % 3) as f32).collect::<Vec<f32>>())?;
    let options = KMeans::new(3).init(Init::Random).bounds(false).max_iter(3);
    with(b, 24, |rows| options.fit_weighted(b, rows, Some(weights.borrow())))
}

fn k_means_parallel<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let init = Init::Parallel { rounds: 2, oversampling: 2.0 };
    let mut on = |_| ControlFlow::Continue(());
    with(b, 30, |rows| KMeans::new(5).init(init).max_iter(2).fit_with(b, rows, None, &mut on))
}

fn k_means_drop<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let far = [[0.0f32; DIM], [1.0; DIM], [900.0; DIM]].concat();
    let options = KMeans::new(3).init(Init::given(&far)).max_iter(3);
    with(b, 20, |rows| {
        let dropped = options.clone().empty(EmptyCluster::Drop).fit(b, rows)?;
        Ok((dropped, options.fit(b, rows)?))
    })
}

fn k_means_of_cosines<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 20, |rows| KMeans::new(2).metric(Metric::Cosine).max_iter(3).fit(b, rows))
}

fn mini_batches<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 24, |rows| MiniBatch::new(3).batch(8).epochs(1).fit(b, rows, None))
}

fn batches<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let mut state = MiniBatch::new(3).reassign(0.2).start::<f32>();
    with(b, 36, |rows| {
        for part in 0..3 {
            let before = state.clone();
            if let Err(e) = state.partial_fit(b, rows.range(12 * part, 12 * part + 12)?, None) {
                assert_eq!(state, before, "nothing is taken in");
                return Err(e);
            }
        }
        Ok(state.model())
    })
}

fn models<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let weights = upload(b, &[0.5; 16])?;
    with(b, 16, |rows| {
        let model = KMeans::new(3).max_iter(1).fit(b, rows.range(0, 8)?)?.model;
        let (assigned, labels) = (model.assign(b, rows)?, model.predict(b, rows)?);
        let score = model.score(b, rows, Some(weights.borrow()))?;
        Ok((assigned, labels, score, model.distances(b, rows)?))
    })
}

fn seeds<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let weights = upload(b, &(0..24).map(|i| (i % 3) as f32).collect::<Vec<f32>>())?;
    with(b, 24, |rows| plus_plus(b, rows, Some(weights.borrow()), 5, Some(3), 7))
}

fn nearest_of_all<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let few = Neighbors::new(4).metric(Metric::Manhattan).search(Search::All);
    with(b, 30, |rows| few.within(b, rows))
}

fn nearest_by_tree<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 80, |rows| Neighbors::new(3).search(Search::Ordered).within(b, rows))
}

fn nearest_by_cells<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 30, |rows| Neighbors::new(3).search(Search::Cells).within(b, rows))
}

fn nearest_of_others<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 90, |rows| {
        let (queries, rows) = (rows.range(0, 15)?, rows.range(10, 90)?);
        let tree = Neighbors::new(3).search(Search::Ordered).among(b, queries, rows)?;
        Ok((tree, Neighbors::new(300).among(b, queries, rows)?))
    })
}

/// Rows enough for sketches, in blobs that these can tell apart.
fn nearest_roughly<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let (n, dim) = (2048, 16);
    let at = |i: usize| (i / dim % 7 * (i % dim) * 40 + i * i % 13) as f32;
    let buffer = upload(b, &(0..n * dim).map(at).collect::<Vec<f32>>())?;
    let found = Neighbors::new(3).roughly(b, rows::<B>(buffer.borrow(), dim)?, 0.9)?;
    assert!(found.visited < 1.0, "the sketches were not used");
    Ok(format!("{found:?}"))
}

fn counts_and_lists<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 40, |rows| {
        let (some, metric) = (rows.range(5, 25)?, Metric::Chebyshev);
        let counts = count_within(b, some, rows, false, metric, 9.0)?;
        Ok((counts, list_within(b, rows, rows, true, (metric, 9.0), 1600)?))
    })
}

fn curves<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 20, |rows| k_distances(b, rows, Metric::Euclidean, 3))
}

fn cells_and_trees<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 60, |rows| {
        let cells = Cells::new(b, rows, 4, 1)?;
        let placed = Placed::kd(b, rows, 8)?;
        Ok((cells.nearest(b, rows, 2)?, cells.numbers().to_vec(), placed.order.rows().to_vec()))
    })
}

fn density<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 50, |rows| {
        let fit = Dbscan::new(4.5, 4).fit(b, rows)?;
        let labels = fit.model.predict(b, rows.range(20, 30)?)?;
        Ok((fit, labels))
    })
}

fn density_weighted<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let weights = upload(b, &(0..80).map(|i| (i % 4) as f32 - 0.5).collect::<Vec<f32>>())?;
    with(b, 80, |rows| Dbscan::new(6.0, 3).fit_weighted(b, rows, Some(weights.borrow())))
}

fn labels(n: u32, k: u32) -> Vec<u32> {
    (0..n).map(|i| i % k).collect()
}

fn silhouettes<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 25, |rows| {
        let each = Silhouette::new().per_row(b, rows, &labels(25, 3))?;
        Ok((each, Silhouette::new().metric(Metric::Chebyshev).score(b, rows, &labels(25, 2))?))
    })
}

fn cluster_scores<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 25, |rows| {
        let labels = labels(25, 3);
        let scores = [calinski_harabasz(b, rows, &labels)?, davies_bouldin(b, rows, &labels)?];
        Ok((scores, inertia(b, rows, rows.range(2, 5)?)?))
    })
}

fn trust<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 30, |rows| trustworthiness(b, rows, Metric::Manhattan, rows, 4))
}

fn embedding<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    with(b, 12, |rows| {
        let model = Umap::new(2).neighbors(3).epochs(3).fit(b, rows)?;
        let more = model.transform(b, rows, rows.range(3, 5)?)?;
        Ok((model, more))
    })
}

fn embedding_of_principal<B: Alloc<Elem = f32>>(b: &B) -> Answer<B::Error> {
    let options = Umap::new(2).neighbors(3).epochs(2).start_from(Start::Principal);
    with(b, 12, |rows| options.fit(b, rows))
}
