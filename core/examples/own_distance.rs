//! A distance of one's own: hours on a clock, where 23 and 1 are two hours apart.
//!
//! A backend is memory and a distance. Four functions over slices are all there is to write, and
//! every fold comes with a body over them: slow, and right. Neighbours, radius counts and lists,
//! silhouettes and trustworthiness are folds over the numbers that the backend gives. Ask for them
//! under a metric without [bounds](Metric::has_bounds), here Hamming, so that no tree prunes by
//! another distance than this one. DBSCAN and k-means decide by their metric's own definition.
//!
//! ```sh
//! cargo run -p enfold-core --example own_distance
//! ```

use std::convert::Infallible;

use bytemuck::Pod;
use enfold_core::neighbors::{Neighbors, count_within};
use enfold_core::scores::Silhouette;
use enfold_core::{Alloc, Backend, Metric, Pairs, Rows, Visit};

/// Rows of hours, on a clock of twenty-four.
#[derive(Debug, Clone)]
struct Clock;

impl Clock {
    /// Never negative, 0 for equal rows, the same both ways, NaN for what is not finite.
    fn distance(x: &[f32], y: &[f32]) -> f32 {
        let apart = |(a, b): (&f32, &f32)| {
            let gap = (a - b).abs() % 24.0;
            if gap > 12.0 { 24.0 - gap } else { gap }
        };
        x.iter().zip(y).map(apart).sum()
    }
}

impl Backend for Clock {
    type Elem = f32;
    type Error = Infallible;
    type Buf<T: Pod> = [T];

    fn len<T: Pod>(buf: &[T]) -> usize {
        buf.len()
    }

    fn write<T: Pod>(&self, dst: &mut [T], at: usize, src: &[T]) -> Result<(), Infallible> {
        dst[at..at + src.len()].copy_from_slice(src);
        Ok(())
    }

    fn read<T: Pod>(&self, src: &[T], at: usize, dst: &mut [T]) -> Result<(), Infallible> {
        dst.copy_from_slice(&src[at..at + dst.len()]);
        Ok(())
    }

    fn distances(&self, pairs: Pairs<'_, [f32]>, out: &mut [f32]) -> Result<(), Infallible> {
        let (x, y) = (pairs.x(), pairs.y());
        let apart = matches!(pairs.visited(), Visit::OffDiagonal);
        for block in pairs.rectangles() {
            for i in block.x.0 as usize..block.x.1 as usize {
                for j in (block.y.0 as usize..block.y.1 as usize).filter(|&j| !apart || i != j) {
                    out[(i - x.start()) * y.len() + j - y.start()] =
                        Self::distance(x.row(i), y.row(j));
                }
            }
        }
        Ok(())
    }
}

impl Alloc for Clock {
    type Owned<T: Pod> = Vec<T>;

    fn alloc<T: Pod>(&self, len: usize) -> Result<Vec<T>, Infallible> {
        Ok(vec![T::zeroed(); len])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hours = [23.5f32, 0.25, 1.0, 11.0, 12.5, 13.0];
    let rows = Rows::new(&hours[..], 1)?;
    let lists = Neighbors::new(2).metric(Metric::Hamming).within(&Clock, rows)?;
    assert_eq!(lists.row(0), (&[0.75, 1.5][..], &[1, 2][..]), "midnight is no border");
    let near = count_within(&Clock, rows, rows, true, Metric::Hamming, 1.5)?;
    assert_eq!(near, [2, 2, 2, 1, 2, 1]);
    let labels = [0, 0, 0, 1, 1, 1];
    let score = Silhouette::new().metric(Metric::Hamming).score(&Clock, rows, &labels)?;
    assert!(score > 0.8);
    for (i, hour) in hours.iter().enumerate() {
        println!("{hour:>5}: nearest {:?}, {} within 1.5 hours", lists.row(i).1, near[i]);
    }
    println!("silhouette of night and noon: {score:.3}");
    Ok(())
}
