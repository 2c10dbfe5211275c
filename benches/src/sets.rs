//! The benchmark sets, made from integers alone so that every program makes the same ones.
//!
//! `u64(seed, i)` is the `SplitMix64` finaliser at `seed·0xD1342543DE82EF95 + (i+1)·golden`;
//! `unif` its top 53 bits; `norm` the sum of its four 16-bit parts, centred and scaled
//! (Irwin–Hall(4): variance 1, |z| ≤ 3.47). Values are computed in f64 and rounded once.

/// Rows of f32 with a name.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    /// Short name, also the name of its file.
    pub(crate) name: String,
    /// n × dim, row-major.
    pub(crate) data: Vec<f32>,
    /// Elements per row.
    pub(crate) dim: usize,
    /// How many clusters to ask for.
    pub(crate) k: usize,
    /// The component each row was drawn from.
    pub(crate) labels: Vec<u32>,
}

impl Set {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.data.len() / self.dim
    }
}

fn bits(seed: u64, i: u64) -> u64 {
    let step = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut z = seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Uniform in [0, 1).
pub(crate) fn unif(seed: u64, i: usize) -> f64 {
    (bits(seed, i as u64) >> 11) as f64 / (1u64 << 53) as f64
}

/// Mean 0, variance 1.
pub(crate) fn norm(seed: u64, i: usize) -> f64 {
    let v = bits(seed, i as u64);
    let sum = (v & 65535) + ((v >> 16) & 65535) + ((v >> 32) & 65535) + (v >> 48);
    let scale = (4.0 * (65536.0f64 * 65536.0 - 1.0) / 12.0).sqrt();
    (sum as f64 - 131_070.0) / scale
}

/// A mixture of spherical clusters: its shape and the way it arrives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixture {
    /// Rows.
    pub(crate) n: usize,
    /// Elements per row.
    pub(crate) dim: usize,
    /// Components.
    pub(crate) components: usize,
    /// Seed.
    pub(crate) seed: u64,
    /// Centres are uniform in [−spread, spread].
    pub(crate) spread: f64,
    /// Component j has weight (j+1)^−power.
    pub(crate) power: f64,
    /// Sorted by component.
    pub(crate) sorted: bool,
}

impl Mixture {
    fn new(n: usize, dim: usize, components: usize, seed: u64, spread: f64) -> Self {
        Self { n, dim, components, seed, spread, power: 0.0, sorted: false }
    }

    fn labels(&self) -> Vec<u32> {
        let weights: Vec<f64> =
            (0..self.components).map(|j| (j as f64 + 1.0).powf(-self.power)).collect();
        let total: f64 = weights.iter().sum();
        let mut cumulated = 0.0;
        let ends: Vec<f64> = weights
            .iter()
            .map(|w| {
                cumulated += w / total;
                cumulated
            })
            .collect();
        let pick = |i| {
            let u = unif(self.seed + 2, i);
            ends.partition_point(|&end| end <= u).min(self.components - 1) as u32
        };
        let mut labels: Vec<u32> = (0..self.n).map(pick).collect();
        if self.sorted {
            labels.sort_unstable();
        }
        labels
    }

    /// Coordinate `t` of the centre of component `c`.
    fn center(&self, c: usize, t: usize) -> f64 {
        (unif(self.seed + 1, c * self.dim + t) * 2.0 - 1.0) * self.spread
    }

    /// Element `at = i·dim + t` for component `c`.
    fn value(&self, c: usize, at: usize, t: usize) -> f64 {
        self.center(c, t) + norm(self.seed + 3, at)
    }

    fn make(&self, name: &str, k: usize, shape: impl Fn(usize, f64, usize) -> f64) -> Set {
        let labels = self.labels();
        let centers: Vec<f64> = (0..self.components * self.dim)
            .map(|at| self.center(at / self.dim, at % self.dim))
            .collect();
        let value = |at: usize| {
            let (i, t) = (at / self.dim, at % self.dim);
            let c = labels[i] as usize;
            shape(i, centers[c * self.dim + t] + norm(self.seed + 3, at), c * self.dim + t) as f32
        };
        let data = (0..self.n * self.dim).map(value).collect();
        Set { name: name.into(), data, dim: self.dim, k, labels }
    }

    fn plain(&self, name: &str, k: usize) -> Set {
        self.make(name, k, |_, v, _| v)
    }
}

/// Spherical clusters, shuffled, with their components as labels.
pub(crate) fn mixture(n: usize, dim: usize, components: usize, seed: u64) -> Set {
    Mixture::new(n, dim, components, seed, 4.0).plain("mixture", components)
}

fn drift() -> Set {
    let m = Mixture::new(60_000, 16, 50, 24, 4.0);
    let raw: Vec<f64> = (0..50 * 16).map(|at| norm(m.seed + 4, at)).collect();
    let unit: Vec<f64> = (0..50 * 16)
        .map(|at| {
            let row = &raw[at / 16 * 16..at / 16 * 16 + 16];
            raw[at] / row.iter().map(|v| v * v).sum::<f64>().sqrt()
        })
        .collect();
    m.make("q_drift", 50, |i, v, at| f64::from(v as f32) + 6.0 * (i as f64 / m.n as f64) * unit[at])
}

fn heavy() -> Set {
    let m = Mixture::new(60_000, 16, 50, 23, 4.0);
    m.make("q_heavy", 50, |i, v, _| f64::from(v as f32) * unif(m.seed + 5, i).max(1e-6).powf(-0.4))
}

/// 26 columns shaped like GDELT events: tone, article count, two places, a one-hot event code.
fn gdelt() -> Set {
    const N: usize = 100_000;
    const SEED: u64 = 31;
    let ends = |count: usize| -> Vec<f64> {
        let total: f64 = (0..count).map(|j| 1.0 / (j as f64 + 1.0)).sum();
        let mut sum = 0.0;
        (0..count)
            .map(|j| {
                sum += 1.0 / (j as f64 + 1.0) / total;
                sum
            })
            .collect()
    };
    let pick = |ends: &[f64], u: f64| ends.partition_point(|&e| e < u).min(ends.len() - 1);
    let (places, codes) = (ends(60), ends(20));
    let mut data = vec![0f32; N * 26];
    let mut labels = vec![0u32; N];
    for (i, row) in data.chunks_exact_mut(26).enumerate() {
        let first = pick(&places, unif(SEED + 2, i));
        let other = pick(&places, unif(SEED + 3, i));
        let second = if unif(SEED + 4, i) < 2.0 / 3.0 { first } else { other };
        let lat = |p| unif(SEED, p) * 120.0 - 50.0;
        let lon = |p| unif(SEED + 1, p) * 340.0 - 170.0;
        row[0] = (5.0 * norm(SEED + 5, i)) as f32;
        row[1] = (4.0 * unif(SEED + 6, i).max(1e-6).powf(-0.6)).floor() as f32;
        row[2] = (lat(first) + 1.5 * norm(SEED + 7, i)) as f32;
        row[3] = (lon(first) + 1.5 * norm(SEED + 8, i)) as f32;
        row[4] = (lat(second) + 1.5 * norm(SEED + 9, i)) as f32;
        row[5] = (lon(second) + 1.5 * norm(SEED + 10, i)) as f32;
        row[6 + pick(&codes, unif(SEED + 11, i)).min(19)] = 1.0;
        labels[i] = first as u32;
    }
    Set { name: "q_gdelt".into(), data, dim: 26, k: 7, labels }
}

/// The same columns at mean 0 and deviation 1.
fn gdelt_standardised() -> Set {
    let mut set = gdelt();
    let n = set.rows() as f64;
    for t in 0..set.dim {
        let column = || set.data.iter().skip(t).step_by(26).map(|&v| f64::from(v));
        let mean = column().sum::<f64>() / n;
        let deviation = (column().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-6);
        for v in set.data.iter_mut().skip(t).step_by(26) {
            *v = ((f64::from(*v) - mean) / deviation) as f32;
        }
    }
    Set { name: "q_gdelt_std".into(), k: 20, ..set }
}

/// The five shapes that assignment is timed on.
pub(crate) const SHAPES: [&str; 5] =
    ["s1_200k_32_64", "s2_100k_128_256", "s3_50k_400_500", "s4_1m_2_16", "s5_1m_8_16"];

/// The made sets that one-pass quality is judged on.
pub(crate) const QUALITY: [&str; 7] =
    ["q_blobs", "q_skew", "q_heavy", "q_drift", "q_sorted", "q_gdelt", "q_gdelt_std"];

/// Makes a set by name.
pub(crate) fn make(name: &str) -> Option<Set> {
    let blobs = Mixture::new(60_000, 16, 50, 21, 4.0);
    Some(match name {
        "s1_200k_32_64" => Mixture::new(200_000, 32, 64, 11, 2.0).plain(SHAPES[0], 64),
        "s2_100k_128_256" => Mixture::new(100_000, 128, 256, 12, 1.5).plain(SHAPES[1], 256),
        "s3_50k_400_500" => Mixture::new(50_000, 400, 500, 13, 1.0).plain(SHAPES[2], 500),
        "s4_1m_2_16" => Mixture::new(1_000_000, 2, 16, 14, 8.0).plain(SHAPES[3], 16),
        "s5_1m_8_16" => Mixture::new(1_000_000, 8, 16, 15, 3.0).plain(SHAPES[4], 16),
        "q_blobs" => blobs.plain("q_blobs", 50),
        "q_sorted" => Mixture { sorted: true, ..blobs }.plain("q_sorted", 50),
        "q_skew" => Mixture { power: 1.5, seed: 22, ..blobs }.plain("q_skew", 50),
        "q_heavy" => heavy(),
        "q_drift" => drift(),
        "q_wide" => Mixture::blobs(200_000, 400, 500).plain("q_wide", 500),
        "q_gdelt" => gdelt(),
        "q_gdelt_std" => gdelt_standardised(),
        _ => return None,
    })
}

impl Mixture {
    /// A large mixture with the density of `s3_50k_400_500`.
    pub(crate) fn blobs(n: usize, dim: usize, components: usize) -> Self {
        Self::new(n, dim, components, 13, 1.0)
    }

    /// Writes rows `first..` without making the rest; components at random.
    pub(crate) fn fill(&self, first: usize, out: &mut [f32]) {
        use rayon::prelude::*;
        out.par_chunks_exact_mut(self.dim).enumerate().for_each(|(i, row)| {
            let i = first + i;
            let c = (unif(self.seed + 2, i) * self.components as f64) as usize;
            for (t, v) in row.iter_mut().enumerate() {
                *v = self.value(c, i * self.dim + t, t) as f32;
            }
        });
    }
}
