//! The k nearest by cells, exactly: what the triangle inequality leaves of all pairs.
//!
//! Every row first meets the rows that enter its cell because it is one of the nearest few to
//! them; the k-th distance there is a radius. Then the rows of a cell meet those that may be
//! within the largest radius of the cell (see `order::reach`), gathered by ascending number, so
//! that ties go to the lower number by themselves. One neighbour more than wanted is kept, for
//! the row itself is among its guests.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;

use num_traits::{Float, One, Zero};

use super::guests::{Guests, Hosts};
use super::search::Held;
use super::{Lists, Neighbors, Search};
use crate::backend::{Alloc, Values, upload};
use crate::distance::accuracy;
use crate::element::Element;
use crate::error::Error;
use crate::kmeans::Model;
use crate::metric::Metric;
use crate::order::cells::{self, Cells};
use crate::order::reach::Reach;
use crate::rows::Rows;

/// Cells for each root of the number of rows.
const CELLS: f64 = 2.0;
/// Cells that a row enters for a first look, at least.
const DEPTH: usize = 4;
/// Guests of a cell for each neighbour that is looked for, in a first look, at least.
const ROOM: usize = 4;
/// Sampled rows for each centre, and rounds of k-means on them: not many, for bounds may not pay.
const TRAINING: (usize, u32) = (24, 4);
/// Rows that bounds are tried on before they are taken for all.
const TRIED: usize = 128;
/// The share of pairs that bounds may leave for cells to pay.
const WORTH: f64 = 0.2;

/// The k nearest within finite rows, more than k, under a Euclidean metric; none where the choice
/// is automatic and cells would not pay.
pub(super) fn within<B: Alloc>(
    backend: &B,
    rows: Rows<'_, Values<B>>,
    options: &Neighbors,
) -> Result<Option<Lists<B::Elem>>, Error<B::Error>> {
    let centres = (CELLS * libm::sqrt(rows.len() as f64)) as usize;
    let (sampled, rounds) = TRAINING;
    let sample = cells::sample(backend, rows, sampled * centres)?;
    let sample = crate::rows::rows::<B>(sample.borrow(), rows.dim())?;
    let model = cells::train(backend, sample, (centres, rounds), 0)?;
    let host = cells::centres(&model);
    let centres = upload(backend, &host)?;
    let centres = (crate::rows::rows::<B>(centres.borrow(), rows.dim())?, &host[..]);
    let celled = Celled { backend, rows, options, model, centres };
    let auto = options.search == Search::Auto;
    if auto && celled.left(sample)? > WORTH {
        return Ok(None);
    }
    celled.lists(if auto { WORTH } else { 1.0 })
}

/// Rows and the centres of their cells.
struct Celled<'a, B: Alloc> {
    backend: &'a B,
    rows: Rows<'a, Values<B>>,
    options: &'a Neighbors,
    model: Model<B::Elem>,
    centres: (Rows<'a, Values<B>>, &'a [B::Elem]),
}

impl<B: Alloc> Celled<'_, B> {
    /// The share of sampled rows that bounds leave, where the radius of a cell is the k-th
    /// distance of a few of its rows.
    fn left(&self, sample: Rows<'_, Values<B>>) -> Result<f64, Error<B::Error>> {
        let step = sample.len().div_ceil(TRIED);
        let some = cells::sample(self.backend, sample, TRIED.min(sample.len()))?;
        let some = crate::rows::rows::<B>(some.borrow(), sample.dim())?;
        let homes = self.model.predict(self.backend, sample)?;
        let search = Neighbors { k: self.options.k + 1, search: Search::All, ..*self.options };
        let lists = search.among(self.backend, some, self.rows)?;
        let mut radii = vec![None; self.model.k()];
        for (at, &home) in homes.iter().step_by(step).enumerate().take(lists.len()) {
            let far = lists.row(at).0[self.options.k];
            let radius: &mut Option<B::Elem> = &mut radii[home as usize];
            *radius = Some(radius.map_or(far, |other| other.max(far)));
        }
        let known = radii.iter().flatten().count();
        let limits: Vec<B::Elem> =
            radii.iter().map(|r| self.square(r.unwrap_or_else(B::Elem::zero))).collect();
        let mut entered = 0;
        self.reach(sample, &homes)?.entered(sample, &homes, &limits, |_, cell| {
            entered += usize::from(radii[cell as usize].is_some());
        })?;
        Ok(entered as f64 / (known * sample.len()) as f64)
    }

    fn reach(
        &self,
        rows: Rows<'_, Values<B>>,
        homes: &[u32],
    ) -> Result<Reach<'_, B>, Error<B::Error>> {
        Reach::new(self.backend, self.centres, rows, homes)
    }

    /// A squared distance not below that of a radius.
    fn square(&self, radius: B::Elem) -> B::Elem {
        let up = B::Elem::one() + B::Elem::of_f64(8.0 * B::Elem::ROUNDOFF);
        if self.options.metric == Metric::Euclidean { radius * radius * up } else { radius }
    }

    /// The lists; none where more than `most` of the pairs of rows and cells are left.
    fn lists(&self, most: f64) -> Result<Option<Lists<B::Elem>>, Error<B::Error>> {
        let &Self { backend, rows, options, .. } = self;
        let (n, dim) = (rows.len(), rows.dim());
        let mut host = vec![B::Elem::zero(); n * dim];
        backend.read(rows.data(), rows.start() * dim, &mut host).map_err(Error::Backend)?;
        let cells = Cells::of(backend, rows, &self.model)?;
        let hosts = Hosts::new(backend, &cells, (&host, dim), options.metric)?;
        let mut held = Held::new(backend, n, options.k + 1)?;
        hosts.meet(&self.nearest(&cells)?, &mut held, |_, _, _| Ok(()))?;
        let worst = self.widened(held.worst(0..n)?);
        let Some(guests) = self.guests(&cells, &worst, most)? else { return Ok(None) };
        held.restart(&worst)?;
        let mut out = Lists::empty(n, options.k);
        hosts.meet(&guests, &mut held, |mine, who, held| {
            let found = held.read(mine.clone())?;
            for (at, &row) in cells.numbers()[mine].iter().enumerate() {
                self.name(found.row(at), (row, who), &mut out);
            }
            Ok(())
        })?;
        Ok(Some(out))
    }

    /// Distances, and room for a machine whose number of a pair hangs on who asks.
    fn widened(&self, mut worst: Vec<B::Elem>) -> Vec<B::Elem> {
        let wide = 4.0 * accuracy::<B::Elem>(self.options.metric, self.rows.dim());
        let up = B::Elem::of_f64(1.0 + wide);
        worst.iter_mut().for_each(|d| *d = *d * up + B::Elem::min_positive_value());
        worst
    }

    /// Guests for a first look: those for whom a cell is among their nearest.
    fn nearest(&self, cells: &Cells<B>) -> Result<Guests, Error<B::Error>> {
        let room = ROOM * (self.options.k + 1) * cells.len() / self.rows.len();
        let near = cells.nearest(self.backend, self.rows, DEPTH.max(room + 1))?;
        Ok(Guests::by_rank(cells.len(), near.k(), near.indices()))
    }

    /// Guests of which none is missing, by the k-th distances by position.
    fn guests(
        &self,
        cells: &Cells<B>,
        worst: &[B::Elem],
        most: f64,
    ) -> Result<Option<Guests>, Error<B::Error>> {
        let (n, k) = (self.rows.len(), cells.len());
        let widest = |cell| worst[cells.cell(cell)].iter().fold(B::Elem::zero(), |a, &b| a.max(b));
        let radii: Vec<B::Elem> = (0..k).map(|cell| self.square(widest(cell))).collect();
        let (mut entered, mut ends) = (Vec::new(), vec![0; n]);
        let full = libm::ceil(most * (n * k) as f64) as usize;
        let reach = self.reach(self.rows, cells.homes())?;
        reach.entered(self.rows, cells.homes(), &radii, |row, cell| {
            if entered.len() <= full {
                entered.push(cell);
            }
            ends[row] = entered.len();
        })?;
        let fits = entered.len() <= full;
        Ok(fits.then(|| Guests::by_row(k, &entered, &ends)))
    }

    /// Writes a list by position among guests as the list of a row, without itself.
    fn name(
        &self,
        (dist, index): (&[B::Elem], &[u32]),
        (row, who): (u32, &[u32]),
        out: &mut Lists<B::Elem>,
    ) {
        let (k, first) = (self.options.k, self.rows.start() as u32);
        let named = index.iter().map(|&at| who[at as usize]);
        let others = dist.iter().zip(named).filter(|e| e.1 != row).take(k);
        for (at, (&d, number)) in others.enumerate() {
            (out.dist[row as usize * k + at], out.index[row as usize * k + at]) =
                (d, number + first);
        }
    }
}
