//! Rows within a radius by blocks of ordered rows: only blocks whose boxes come near are met.

use alloc::vec;
use alloc::vec::Vec;

use num_traits::Zero;

use super::radius::{Request, TILE, counted};
use super::{Csr, LEAF};
use crate::backend::Alloc;
use crate::error::Error;
use crate::host::within;
use crate::order::{Order, Placed};
use crate::rows::{Block, Pairs, Visit};

/// Rectangles to a fold.
const BATCH: usize = 1 << 8;

/// Queries and rows in order.
pub(super) struct Near<'a, 'b, B: Alloc> {
    asked: &'a Request<'b, B>,
    x: Placed<B>,
    /// Absent where the rows are the queries.
    y: Option<Placed<B>>,
}

impl<'a, 'b, B: Alloc> Near<'a, 'b, B> {
    pub(super) fn new(asked: &'a Request<'b, B>) -> Result<Self, Error<B::Error>> {
        let (queries, rows) = (asked.queries, asked.rows);
        let same =
            asked.one_buffer() && (queries.start(), queries.end()) == (rows.start(), rows.end());
        let placed = |rows| Placed::kd(asked.backend, rows, LEAF);
        let y = if same { None } else { Some(placed(rows)?) };
        Ok(Self { asked, x: placed(queries)?, y })
    }

    fn y(&self) -> &Placed<B> {
        self.y.as_ref().unwrap_or(&self.x)
    }

    /// How many rows are within the radius of each query.
    pub(super) fn counts(&self) -> Result<Vec<u32>, Error<B::Error>> {
        let &Request { backend, rows, metric, radius, .. } = self.asked;
        let (x, y) = (self.x.rows()?, self.y().rows()?);
        let pairs = Pairs::new(x, y, metric)?;
        let by_position = counted(backend, (0, x.len()), radius, |radii, counts| {
            self.batches(|blocks| {
                let pairs = pairs.visit(Visit::Blocks(blocks))?;
                backend.count_within(pairs, radii, 1, counts).map_err(Error::Backend)
            })
        })?;
        let mut out = vec![0; x.len()];
        for (&row, count) in self.x.order.rows().iter().zip(by_position) {
            // A row is within every radius of itself.
            let number = self.asked.queries.start() + row as usize;
            let own = self.asked.apart && (rows.start()..rows.end()).contains(&number);
            out[row as usize] = count - u32::from(own);
        }
        Ok(out)
    }

    /// Writes the edges to their places, ascending by row number.
    pub(super) fn fill(&self, graph: &mut Csr<B::Elem>) -> Result<(), Error<B::Error>> {
        let mut next = graph.offsets.clone();
        let mut tile = vec![B::Elem::zero(); TILE.0.max(LEAF) * TILE.1];
        self.batches(|blocks| {
            for &block in blocks {
                self.edges(block, &mut tile, &mut next, graph)?;
            }
            Ok(())
        })?;
        sort(graph);
        Ok(())
    }

    /// Adds the edges of one rectangle.
    fn edges(
        &self,
        block: Block,
        tile: &mut [B::Elem],
        next: &mut [usize],
        graph: &mut Csr<B::Elem>,
    ) -> Result<(), Error<B::Error>> {
        let &Request { backend, queries, rows, apart, metric, radius } = self.asked;
        let (numbers, others) = (self.x.order.rows(), self.y().order.rows());
        let x = self.x.rows()?.range(block.x.0 as usize, block.x.1 as usize)?;
        for start in (block.y.0 as usize..block.y.1 as usize).step_by(TILE.1) {
            let y = self.y().rows()?.range(start, (start + TILE.1).min(block.y.1 as usize))?;
            let tile = &mut tile[..x.len() * y.len()];
            backend.distances(Pairs::new(x, y, metric)?, tile).map_err(Error::Backend)?;
            for (&row, dist) in numbers[x.start()..].iter().zip(tile.chunks_exact(y.len())) {
                let (me, next) = (queries.start() + row as usize, &mut next[row as usize]);
                for (&d, &other) in dist.iter().zip(&others[start..]) {
                    let number = rows.start() + other as usize;
                    if within(d, radius) && !(apart && number == me) {
                        (graph.targets[*next], graph.weights[*next]) = (number as u32, d);
                        *next += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Hands the rectangles that hold every pair within the radius to `work`, many at a time.
    fn batches(
        &self,
        mut work: impl FnMut(&[Block]) -> Result<(), Error<B::Error>>,
    ) -> Result<(), Error<B::Error>> {
        let (mut batch, mut failed) = (Vec::new(), None);
        let (x, y): (&Order<B::Elem>, &Order<B::Elem>) = (&self.x.order, &self.y().order);
        x.pairs_within(y, self.asked.metric, self.asked.radius, |block| {
            batch.push(block);
            if batch.len() == BATCH {
                failed = failed.take().or_else(|| work(&batch).err());
                batch.clear();
            }
        });
        match failed {
            Some(error) => Err(error),
            None => work(&batch),
        }
    }
}

/// Sorts the edges of every row by their targets.
fn sort<T: Copy>(graph: &mut Csr<T>) {
    let mut edges = Vec::new();
    for row in graph.offsets.windows(2) {
        let (targets, weights) =
            (&mut graph.targets[row[0]..row[1]], &mut graph.weights[row[0]..row[1]]);
        edges.clear();
        edges.extend(targets.iter().copied().zip(weights.iter().copied()));
        edges.sort_unstable_by_key(|edge| edge.0);
        for ((target, weight), edge) in targets.iter_mut().zip(weights).zip(&edges) {
            (*target, *weight) = *edge;
        }
    }
}
