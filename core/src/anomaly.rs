//! Anomalies of sensors, learned and scored where they happen: no heap, bounded work per sample.
//!
//! ```text
//! samples → Window: mean, deviation, slope … of the last W         Feature
//!         → front: uncorrelated coordinates of deviation 1          learned from the first rows
//!         → Cells: the nearest of K centres, learned as rows pass   f32, or i16 without an FPU
//!         → score: where the distance lies between two quantiles    0 = typical, 1 = edge of normal
//!         → alarm: hysteresis, hold-off
//! ```
//!
//! # What a score means
//!
//! Let ℓ be the logarithm of a row's distance to the nearest cell, and q, e the median and an
//! upper quantile of ℓ over normal rows – a stated share of them lies above it
//! ([`Options::beyond`], 1 % unless told). The score is `(ℓ − q)/(e − q)`: **0 is a typical row, 1
//! the edge of normal**, and what is as far beyond the edge as the edge is from a typical row
//! scores 2. It has no unit, is finite, negative for rows that are more usual than most, and is
//! never a magic number: what cannot be scored is a [`Reject`].
//!
//! # Phases
//!
//! 1. Until [`Options::front`] rows have passed, only mean and covariance are learned; then the front
//!    is fitted for the first time.
//! 2. Until [`Options::train`] rows have passed, cells and quantiles are learned too. The front is
//!    fitted anew whenever the number of rows has doubled, and once at the end.
//! 3. From then on rows have scores. A row that scores above [`Options::gate`] is not learned. With a
//!    gate of 1 or more, which lets all normal rows in, the front goes on learning, too: it is fitted
//!    anew whenever the rows it has learned have doubled, up to a million. Cells, price and quantiles
//!    are carried over into the new coordinates each time.
//!
//! # Laws
//!
//! - A rejected row changes nothing.
//! - The state is a function of the rows in order and the options: the same bytes on every machine,
//!   for `f32` because every operation is rounded on its own, for `i16` besides because the cells
//!   are integers.
//! - Work per row is `O(D² + K·D)`; where a cell opens without room `O(K²·D)`; a fit is
//!   `O(D³ + K·D²)`, at most 32 times in a detector's life. Both can be done in steps
//!   ([`Detector::begin`], [`Detector::finish_step`]), with the same bits. Stack: a few rows.
//!
//! Sources: Welford 1962; Mahalanobis 1936; Ward 1963; Meyerson 2001 (opening at a price).

mod alarm;
mod bytes;
mod cell;
mod cells;
mod front;
mod histogram;
mod later;
mod window;

pub use alarm::AlarmOptions;
pub use cell::{Cell, Digits};
pub use cells::{Cells, Near};
pub use window::{Feature, Window};

use alarm::Alarm;
use cells::Row;
use front::Front;
use histogram::Histogram;
use later::Later;

/// Larger numbers are not scored: their squares would overflow.
pub(crate) const LARGEST: f32 = 1e12;

/// The highest price of a cell of its own.
pub(crate) const DEAREST: f32 = 1e32;

/// Whether all are finite, and small enough to be squared and summed.
pub(crate) fn all_usable(values: &[f32]) -> bool {
    // NaN fails the comparison.
    values.iter().all(|v| v.abs() <= LARGEST)
}

/// Why a row has no score. A rejected row changes nothing.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// A number is NaN, infinite, or larger than 10¹².
    NonFinite,
    /// Another number of features than the detector was made for.
    DimMismatch,
    /// Not enough rows were seen.
    Untrained,
}

impl core::fmt::Display for Reject {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NonFinite => "a number is not finite, or too large",
            Self::DimMismatch => "not the number of features that the detector was made for",
            Self::Untrained => "not enough rows were seen for a score",
        })
    }
}

impl core::error::Error for Reject {}

/// What a detector can be told.
///
/// ```
/// use enfold_core::anomaly::Options;
/// const OPTIONS: Options = Options::new().front(128).train(256).gate(1.5);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Rows before the first fit of mean and covariance, at least 2.
    pub front: u32,
    /// Rows before the first score; at least twice as many as `front`.
    pub train: u32,
    /// The share of normal rows that score above 1, in units of 2⁻¹⁶.
    pub beyond: u16,
    /// After training, rows that score above this are not learned: 1 learns what is normal, ∞
    /// everything, −∞ nothing. Typical rows score 0, so a gate of 0 learns the more usual half of
    /// the normal rows. From 1 on mean and covariance go on being learned, too. Not NaN.
    pub gate: f32,
    /// How long cells remember, in 1..=20: a cell moves towards each of its rows by at least
    /// 2^−memory of the gap, so it follows a change within about 2^memory rows.
    pub memory: u32,
    /// What is added to the diagonal of the correlation matrix, in 0.0001..=1.
    pub ridge: f32,
    /// A row opens a cell of its own where its squared distance to the nearest cell is above this
    /// for each coordinate. When cells run out, the two that are cheapest to merge make room, and
    /// the price rises by half.
    pub price: f32,
    /// When alarms are raised.
    pub alarm: AlarmOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// 96 rows before the first fit, 384 in training, 1 % beyond the edge, gate at 1, memory 10,
    /// ridge 0.025, price 1: chosen from made signals, see DESIGN.md.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            front: 96,
            train: 384,
            beyond: 655,
            gate: 1.0,
            memory: 10,
            ridge: 0.025,
            price: 1.0,
            alarm: AlarmOptions::new(),
        }
    }

    /// Sets [`front`](Self::front).
    #[must_use]
    pub const fn front(self, front: u32) -> Self {
        Self { front, ..self }
    }

    /// Sets [`train`](Self::train).
    #[must_use]
    pub const fn train(self, train: u32) -> Self {
        Self { train, ..self }
    }

    /// Sets [`beyond`](Self::beyond).
    #[must_use]
    pub const fn beyond(self, beyond: u16) -> Self {
        Self { beyond, ..self }
    }

    /// Sets [`gate`](Self::gate).
    #[must_use]
    pub const fn gate(self, gate: f32) -> Self {
        Self { gate, ..self }
    }

    /// Sets [`memory`](Self::memory).
    #[must_use]
    pub const fn memory(self, memory: u32) -> Self {
        Self { memory, ..self }
    }

    /// Sets [`ridge`](Self::ridge).
    #[must_use]
    pub const fn ridge(self, ridge: f32) -> Self {
        Self { ridge, ..self }
    }

    /// Sets [`price`](Self::price).
    #[must_use]
    pub const fn price(self, price: f32) -> Self {
        Self { price, ..self }
    }

    /// Those of a detector that was not started.
    const NONE: Self = Self {
        front: 0,
        train: 0,
        beyond: 0,
        gate: 0.0,
        memory: 0,
        ridge: 0.0,
        price: 0.0,
        alarm: AlarmOptions { raise: 0.0, clear: 0.0, hold: 0 },
    };

    const fn is_valid(&self) -> bool {
        self.front >= 2
            && self.train / 2 >= self.front
            && self.memory >= 1
            && self.memory <= 20
            && !self.gate.is_nan()
            && self.ridge >= 1e-4
            && self.ridge <= 1.0
            && self.price >= 0.0
            && self.price <= 1e6
            && self.alarm.is_valid()
    }

    /// Sets [`alarm`](Self::alarm).
    #[must_use]
    pub const fn alarm(self, alarm: AlarmOptions) -> Self {
        Self { alarm, ..self }
    }
}

/// The score of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// 0 is typical, 1 the edge of normal; see the [module](self).
    pub value: f32,
    /// The nearest cell.
    pub cell: usize,
}

/// What a watched row amounts to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Its score; `None` while the detector is in training.
    pub score: Option<Score>,
    /// Whether the alarm is on.
    pub alarm: bool,
    /// Whether this row raised it.
    pub raised: bool,
}

/// How far training has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Mean and covariance are being learned.
    Front,
    /// Cells and quantiles are being learned.
    Cells,
    /// Rows have scores.
    Watch,
}

/// Learns what is normal in rows of D features, and scores and watches rows. See the
/// [module](self).
///
/// A plain value of [`Detector::BYTES`]; a `static` of [`Detector::EMPTY`] costs no flash.
///
/// ```
/// use enfold_core::anomaly::{Detector, Options};
///
/// let mut detector = Detector::<f32, 4, 2>::new(Options::new().front(100).train(300));
/// for t in 0..400u32 {
///     let wobble = (t * 37 % 100) as f32 * 0.01;
///     detector.watch(&[wobble, 5.0 - wobble + (t % 7) as f32 * 0.01])?;
/// }
/// assert!(detector.score(&[0.5, 4.5])?.value < 1.0);
/// assert!(detector.score(&[0.5, 6.5])?.value > 1.5);
/// assert!(detector.score(&[f32::NAN, 0.0]).is_err());
/// # Ok::<(), enfold_core::anomaly::Reject>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Detector<T: Cell, const K: usize, const D: usize> {
    options: Options,
    front: Front<D>,
    cells: Cells<T, K, D>,
    normal: Histogram,
    alarm: Alarm,
    /// Median and edge of the levels of normal rows.
    span: [f32; 2],
    /// Squared distance above which a row wants a cell of its own.
    price: f32,
    rows: u32,
    /// Openings wanted, per row, as a running mean in units of 2⁻³².
    novelty: u32,
    /// What the last row left to do.
    later: Later<D>,
}

impl<T: Cell, const K: usize, const D: usize> Detector<T, K, D> {
    /// Bytes of RAM.
    pub const BYTES: usize = size_of::<Self>();

    /// Not yet a detector, and nothing but zeros: a `static` of it costs no flash. Rows are
    /// [`Reject::Untrained`] until [`start`](Self::start) or [`restore`](Self::restore).
    pub const EMPTY: Self = Self {
        options: Options::NONE,
        front: Front::new(),
        cells: Cells::new(),
        normal: Histogram::new(),
        alarm: Alarm::OFF,
        span: [0.0; 2],
        price: 0.0,
        rows: 0,
        novelty: 0,
        later: Later::NOTHING,
    };

    /// A detector that has seen nothing.
    ///
    /// # Panics
    /// An option is out of its range – when the program is compiled, in a `static`.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        assert!(options.is_valid(), "an option is out of its range");
        let price = options.price * D as f32;
        Self { options, span: [0.0, 1.0], price, ..Self::EMPTY }
    }

    /// Makes this a detector that has seen nothing, in place; `false`, and nothing done, where an
    /// option is out of its range.
    pub fn start(&mut self, options: Options) -> bool {
        let good = options.is_valid();
        if good {
            *self = Self::EMPTY;
            self.options = options;
            (self.span, self.price) = ([0.0, 1.0], options.price * D as f32);
        }
        good
    }

    /// How far training has come.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        if !self.front.fitted {
            Phase::Front
        } else if self.rows < self.options.train || self.is_refitting() {
            Phase::Cells
        } else {
            Phase::Watch
        }
    }

    /// Rows taken in.
    #[must_use]
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether the alarm is on.
    #[must_use]
    pub const fn alarm(&self) -> bool {
        self.alarm.on
    }

    /// The drift signal: of the last thousand rows or so, how many wanted a cell of their own.
    #[must_use]
    pub fn novel_per_thousand(&self) -> f32 {
        self.novelty as f32 * (1000.0 / 4_294_967_296.0)
    }

    /// The cells as (rows, mean of their features): what a device has learned, in the units of its
    /// features. Pushed into a [`Stream`](crate::Stream) with the rows as weights, the cells of
    /// many devices make one picture.
    ///
    /// Made from a copy, in which what [`begin`](Self::begin) left to do is done:
    /// [`BYTES`](Self::BYTES) of stack.
    pub fn cells(&self) -> impl Iterator<Item = (u32, [f32; D])> + use<T, K, D> {
        let Self { front, cells, .. } = self.finished();
        (0..cells.len()).zip(cells.mass).map(move |(cell, mass)| {
            let z = front.deviations(&cells.values(cell));
            (mass, front::features(&z, &front.mean, &front.inverse))
        })
    }

    /// The score of a row; learns nothing. `O(D² + K·D)`. A cell that [`begin`](Self::begin) has
    /// yet to open counts only once [`finish_step`](Self::finish_step) has opened it.
    ///
    /// # Errors
    /// [`Reject::Untrained`] before the end of training and while a fit is under way;
    /// [`Reject::NonFinite`], [`Reject::DimMismatch`].
    pub fn score(&self, row: &[f32]) -> Result<Score, Reject> {
        let row = Self::usable(row)?;
        if self.phase() != Phase::Watch {
            return Err(Reject::Untrained);
        }
        let (_, near) = self.look(row)?;
        near.map(|near| self.score_of(near)).ok_or(Reject::Untrained)
    }

    /// Scores a row, steps the alarm, and learns the row – while training always, then where its
    /// score is not above the gate. `O(D² + K·D)`; where a cell opens without room `O(K²·D)`; a fit
    /// `O(D³ + K·D²)`. Where that is too long for one call, see [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`Reject::NonFinite`], [`Reject::DimMismatch`]; the state is as it was.
    pub fn watch(&mut self, row: &[f32]) -> Result<Verdict, Reject> {
        let verdict = self.begin(row)?;
        self.finish_step(u32::MAX);
        Ok(verdict)
    }

    /// [`watch`](Self::watch) in `O(D² + K·D)`: the same verdict at once, the rest of the work in
    /// calls of [`finish_step`](Self::finish_step), and when they are done the same bits. What is
    /// still left when the next row comes is done first.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn begin(&mut self, row: &[f32]) -> Result<Verdict, Reject> {
        let row = Self::usable(row)?;
        if self.options.front == 0 {
            return Err(Reject::Untrained);
        }
        self.finish_step(u32::MAX);
        match self.phase() {
            Phase::Watch => self.judge(row),
            phase => self.train(row, phase),
        }
    }

    fn usable(row: &[f32]) -> Result<&[f32; D], Reject> {
        let row = <&[f32; D]>::try_from(row).map_err(|_| Reject::DimMismatch)?;
        if all_usable(row) { Ok(row) } else { Err(Reject::NonFinite) }
    }

    /// The coordinates of a row and its nearest cell, if there is a cell. One copy, for flash.
    #[inline(never)]
    fn look(&self, row: &[f32; D]) -> Result<(Row<T, D>, Option<Near>), Reject> {
        let y = self.cells.row(&self.front.apply(row)?);
        Ok((y, self.cells.nearest_to(&y)))
    }

    fn score_of(&self, near: Near) -> Score {
        let [median, edge] = self.span;
        Score { value: (level_of::<D>(near) - median) / (edge - median), cell: near.cell }
    }

    fn train(&mut self, row: &[f32; D], phase: Phase) -> Result<Verdict, Reject> {
        if phase == Phase::Cells {
            let (y, near) = self.look(row)?;
            match near {
                Some(near) => self.learn(&y, near),
                None => self.cells.open_at(&y),
            }
        }
        self.rows = self.rows.saturating_add(1);
        self.teach_front(row);
        Ok(Verdict { score: None, alarm: false, raised: false })
    }

    fn teach_front(&mut self, row: &[f32; D]) {
        self.front.add(row);
        if self.fits_now() {
            self.begin_fit();
        }
    }

    /// Whether the rows have doubled since the last fit, or training ends.
    fn fits_now(&self) -> bool {
        // Never 0, which the compiler cannot know.
        let first = self.options.front.max(2);
        let rows = self.front.rows;
        let doubled = rows.is_multiple_of(first) && (rows / first).is_power_of_two();
        doubled || self.front.fitted && self.rows == self.options.train
    }

    fn judge(&mut self, row: &[f32; D]) -> Result<Verdict, Reject> {
        let (y, Some(near)) = self.look(row)? else { return Err(Reject::Untrained) };
        let score = self.score_of(near);
        let (alarm, raised) = self.alarm.step(score.value, &self.options.alarm);
        self.rows = self.rows.saturating_add(1);
        if score.value <= self.options.gate {
            self.learn(&y, near);
            // Of less than all that is normal the moments would be too small.
            if self.options.gate >= 1.0 && self.front.rows < front::MOST_ROWS {
                self.teach_front(row);
            }
        }
        Ok(Verdict { score: Some(score), alarm, raised })
    }

    /// Takes a row into its cell, or opens one; its distance into the quantiles.
    fn learn(&mut self, y: &Row<T, D>, near: Near) {
        self.normal.enter(level_of::<D>(near));
        let novel = near.square > self.price;
        // A running mean over 1024 rows.
        let target = if novel { u32::MAX } else { 0 };
        self.novelty = self.novelty - (self.novelty >> 10) + (target >> 10);
        if novel && self.cells.len() < K {
            self.cells.open_at(y);
        } else if novel {
            self.price = (self.price * 1.5).min(DEAREST);
            self.begin_room(y);
        } else {
            self.cells.take(near.cell, y, self.options.memory);
        }
        // Quantiles change slowly, and a look at all counters costs more than a score.
        if self.rows & 15 == 15 || self.phase() == Phase::Cells {
            self.measure();
        }
    }

    /// Median and edge of normal, a quarter octave apart at least.
    fn measure(&mut self) {
        let half = self.normal.quantile(1 << 15);
        if let Some((median, edge)) = half.zip(self.normal.quantile(self.options.beyond)) {
            self.span = [median, if edge > median + 0.25 { edge } else { median + 0.25 }];
        }
    }
}

/// The level of a squared distance per coordinate.
fn level_of<const D: usize>(near: Near) -> f32 {
    histogram::level(near.square * (1.0 / D as f32))
}
