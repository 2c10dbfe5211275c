//! An embedding as bytes.
//!
//! ```text
//! bytes of an element u32 · components, neighbors, start, began, negatives, epochs, options of
//! epochs and curve u32 each · metric u32, power f64 · a, b and seven more options f64 ·
//! seed u64 · rows u64 · points
//! ```

use alloc::vec;
use alloc::vec::Vec;

use super::{Model, Start, Umap};
use crate::element::Element;
use crate::error::SnapshotError;
use crate::metric::{Metric, Power};
use crate::snapshot::{FRAME, Reader, Writer};

const KIND: u16 = 5;
const VERSION: u16 = 1;
/// Bytes before the points.
const HEAD: usize = 9 * 4 + 10 * 8 + 2 * 8;
/// A metric by its place here; Minkowski's comes after them, and has its power besides.
const METRICS: [Metric; 11] = [
    Metric::SqEuclidean,
    Metric::Euclidean,
    Metric::Cosine,
    Metric::Manhattan,
    Metric::Chebyshev,
    Metric::Correlation,
    Metric::Hamming,
    Metric::Jaccard,
    Metric::Canberra,
    Metric::BrayCurtis,
    Metric::Haversine,
];
const MINKOWSKI: u32 = METRICS.len() as u32;

impl<T: Element> Model<T> {
    /// The model as bytes: little-endian, versioned, with a checksum; about as long as its points.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let payload = HEAD + size_of::<T>() * self.embedding.len();
        let mut out = vec![0; payload + FRAME];
        let written = self.write(&mut out, payload);
        debug_assert_eq!(written, Ok(payload + FRAME));
        out
    }

    fn write(&self, out: &mut [u8], payload: usize) -> Result<usize, SnapshotError> {
        let (mut to, umap) = (Writer::start(out, KIND, VERSION, payload)?, &self.umap);
        let began = self.began.map_or(0, |start| 1 + code(start));
        let given = u32::from(umap.epochs.is_some()) | u32::from(umap.curve.is_some()) << 1;
        let wanted = umap.epochs.unwrap_or(0);
        let counts = [size_of::<T>() as u32, umap.components as u32, umap.neighbors as u32];
        for word in counts.into_iter().chain([code(umap.start), began, umap.negatives, wanted]) {
            to.u32(word)?;
        }
        to.u32(given)?;
        let (metric, power) = metric_code(umap.metric);
        to.u32(metric)?;
        let (a, b) = umap.curve.unwrap_or_default();
        let shape = [power, a, b, umap.recall, umap.min_dist, umap.spread];
        for value in
            shape.into_iter().chain([umap.rate, umap.repulsion, umap.mix, umap.connectivity])
        {
            to.f64(value)?;
        }
        to.u64(umap.seed)?;
        to.u32(self.epochs)?;
        to.u32((self.embedding.len() / umap.components) as u32)?;
        to.elements(&self.embedding)?;
        to.finish()
    }

    /// A model from [`to_bytes`](Self::to_bytes). Any bytes are safe.
    ///
    /// # Errors
    /// Why the bytes are no model of such elements.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut from = Reader::open(bytes, KIND, VERSION)?;
        let mut words = [0; 9];
        for word in &mut words {
            *word = from.u32()?;
        }
        let [size, components, neighbors, start, began, negatives, wanted, given, metric] = words;
        if size != size_of::<T>() as u32 {
            return Err(SnapshotError::Shape);
        }
        let mut values = [0.0; 10];
        for value in &mut values {
            *value = from.f64()?;
        }
        let [power, a, b, recall, min_dist, spread, rate, repulsion, mix, connectivity] = values;
        let seed = from.u64()?;
        let umap = Umap {
            components: components as usize,
            neighbors: neighbors as usize,
            metric: metric_of(metric, power)?,
            curve: (given & 2 != 0).then_some((a, b)),
            epochs: (given & 1 != 0).then_some(wanted),
            start: start_of(start)?,
            ..Umap {
                recall,
                min_dist,
                spread,
                rate,
                negatives,
                repulsion,
                mix,
                connectivity,
                seed,
                ..Umap::new(1)
            }
        };
        umap.check::<core::convert::Infallible>().map_err(|_| SnapshotError::Value)?;
        let (epochs, rows) = (from.u32()?, from.u32()? as usize);
        let began = began.checked_sub(1).map(start_of).transpose()?;
        if from.left() / umap.components / size_of::<T>() != rows || rows == 0 {
            return Err(SnapshotError::Length);
        }
        let mut embedding = vec![T::of_f64(0.0); rows * umap.components];
        from.elements(&mut embedding)?;
        from.end()?;
        let finite = embedding.iter().all(|v| v.is_finite());
        if finite { Ok(Self { umap, embedding, epochs, began }) } else { Err(SnapshotError::Value) }
    }
}

fn code(start: Start) -> u32 {
    match start {
        Start::Spectral => 0,
        Start::Principal => 1,
        Start::Random => 2,
    }
}

fn start_of(code: u32) -> Result<Start, SnapshotError> {
    let starts = [Start::Spectral, Start::Principal, Start::Random];
    starts.get(code as usize).copied().ok_or(SnapshotError::Value)
}

fn metric_code(metric: Metric) -> (u32, f64) {
    match metric {
        Metric::Minkowski(power) => (MINKOWSKI, power.get()),
        other => (METRICS.iter().position(|m| *m == other).unwrap_or(0) as u32, 0.0),
    }
}

fn metric_of(code: u32, power: f64) -> Result<Metric, SnapshotError> {
    if code == MINKOWSKI {
        return Power::new(power).map(Metric::Minkowski).map_err(|_| SnapshotError::Value);
    }
    METRICS.get(code as usize).copied().ok_or(SnapshotError::Value)
}
