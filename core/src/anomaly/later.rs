//! What a row leaves to do that takes longer than a score, in steps of about a score each.
//!
//! ```text
//! fit    every cell into deviations of the old fit · the scales · every line of L · every cell
//!        into the new coordinates                                  2·cells + D + 1 steps
//! room   for every cell, the later one that is cheapest to merge it with; the last step merges
//!        the cheapest pair and opens the cell                      cells steps
//! ```
//!
//! Steps depend on nothing but the state when the work began, so how many are done at a time does
//! not change a bit.

use super::cells::{Cheapest, Row};
use super::histogram::level;
use super::{Cell, DEAREST, Detector, front};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Nothing,
    /// The front is fitted anew.
    Fit,
    /// A cell is wanted where there is no room.
    Room,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Later<const D: usize> {
    pub(super) task: Task,
    /// Steps done.
    done: u32,
    /// Room is made, and then comes a fit.
    then_fit: bool,
    /// Fit: 1/σ of the old fit. Room: the row that wants a cell.
    held: [f32; D],
    cheapest: Cheapest,
}

impl<const D: usize> Later<D> {
    pub(super) const NOTHING: Self = Self {
        task: Task::Nothing,
        done: 0,
        then_fit: false,
        held: [0.0; D],
        cheapest: Cheapest::NONE,
    };
}

impl<T: Cell, const K: usize, const D: usize> Detector<T, K, D> {
    /// Does at most `budget` steps of what [`begin`](Self::begin) left to do; returns how many are
    /// left. A step is `O(D² + K·D)`, about a [`score`](Self::score); a fit has at most 2·K + D + 1
    /// of them, room for a cell K.
    ///
    /// ```
    /// use enfold_core::anomaly::{Detector, Options};
    /// let mut detector = Detector::<i16, 4, 2>::new(Options::new());
    /// for t in 0..500u32 {
    ///     detector.begin(&[(t * 37 % 100) as f32, (t % 7) as f32])?;
    ///     while detector.finish_step(2) > 0 {
    ///         // The next sample is awaited, other tasks have their turn …
    ///     }
    /// }
    /// # Ok::<(), enfold_core::anomaly::Reject>(())
    /// ```
    pub fn finish_step(&mut self, budget: u32) -> u32 {
        for _ in 0..budget {
            match self.later.task {
                Task::Nothing => return 0,
                Task::Fit => self.fit_step(self.later.done as usize),
                Task::Room => self.room_step(self.later.done as usize),
            }
            self.later.done += 1;
            if self.later.done >= self.steps() {
                self.next_task();
            }
        }
        let fit = if self.later.then_fit { self.fit_steps() } else { 0 };
        self.steps() + fit - self.later.done
    }

    fn next_task(&mut self) {
        let fit = self.later.then_fit;
        self.later = Later::NOTHING;
        if fit {
            self.begin_fit();
        }
    }

    /// Steps of the task in hand.
    fn steps(&self) -> u32 {
        match self.later.task {
            Task::Nothing => 0,
            Task::Fit => self.fit_steps(),
            Task::Room => K as u32,
        }
    }

    fn fit_steps(&self) -> u32 {
        (2 * self.cells.len() + D + 1) as u32
    }

    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.later.task, Task::Nothing)
    }

    /// A copy with nothing left to do.
    pub(super) fn finished(&self) -> Self {
        let mut copy = self.clone();
        copy.finish_step(u32::MAX);
        copy
    }

    /// Begins to fit the front and to take the cells along into the new coordinates.
    pub(super) fn begin_fit(&mut self) {
        if self.later.task == Task::Room {
            self.later.then_fit = true;
        } else {
            self.later = Later { task: Task::Fit, held: self.front.inverse, ..Later::NOTHING };
        }
    }

    fn fit_step(&mut self, at: usize) {
        let cells = self.cells.len();
        let lines = cells + 1;
        if at < cells {
            let z = self.front.deviations(&self.cells.values(at));
            self.cells.place(at, &z);
        } else if at < lines {
            self.front.scale();
        } else if at < lines + D {
            self.front.factor_line(at - lines, self.options.ridge);
        } else {
            self.move_cell(at - lines - D);
        }
        if at + 1 >= lines + D + cells {
            self.carry_over();
            self.front.accept();
            self.cells.refine_scale();
        }
    }

    /// After training, what is known in the old coordinates – the price, the levels of normal rows –
    /// is carried over into the new ones, as the cells are.
    fn carry_over(&mut self) {
        if self.rows <= self.options.train {
            return;
        }
        let stretch = self.front.stretch(&self.later.held);
        let least = self.options.price * D as f32;
        self.price = (self.price * stretch).max(least).min(DEAREST);
        self.normal.shift(level(stretch));
        self.measure();
    }

    /// From deviations of the old fit to coordinates of the new one.
    fn move_cell(&mut self, cell: usize) {
        let front = &self.front;
        let x = front::features(&self.cells.values(cell), &front.mean, &self.later.held);
        let y = front.project(&x, &front.running);
        self.cells.place(cell, &y);
    }

    /// Begins to make room for a cell at a row.
    pub(super) fn begin_room(&mut self, y: &Row<T, D>) {
        self.later = Later { task: Task::Room, ..Later::NOTHING };
        self.later.held = y.values();
    }

    fn room_step(&mut self, at: usize) {
        self.cells.compare(at, &mut self.later.cheapest);
        if at + 1 >= K {
            self.cells.merge(self.later.cheapest);
            self.cells.refine_scale();
            self.cells.open_at(&self.cells.row(&self.later.held));
        }
    }

    /// Whether cells and front do not fit together at the moment.
    pub(super) const fn is_refitting(&self) -> bool {
        matches!(self.later.task, Task::Fit) || self.later.then_fit
    }
}
