//! Shader text, assembled from pieces: rows × metric × visit × fold.

mod every;
mod rows;

use enfold_core::Metric;

pub use every::{banks_of_x, every, nearest_and_unfused};

/// Coordinates up to which a row of x is kept in registers.
pub(crate) const NARROW: usize = 32;
/// Vectors of four in a bank: 64 KiB, what WebGPU lets every shader see as a uniform.
pub(crate) const BANK: u64 = 4096;
/// Rows of x that an invocation takes at a time, where it takes several: half of them from one bank –
/// a uniform full of rows –, half from another.
pub(crate) const TOGETHER: u64 = 16;
/// Rows of x that a workgroup takes from one bank.
pub(crate) const HALF: u64 = 64 * TOGETHER / 2;
/// Radii that one pass of `count_within` looks at.
pub(crate) const RADII: usize = 8;

/// What is done with the distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// Written down.
    Distances,
    /// The nearest row.
    Nearest,
    /// The k nearest rows.
    Select,
    /// Counts within so many radii per row.
    Count(u8),
    /// The lowest value within a radius.
    Lowest,
    /// Union-find within a radius.
    Join,
    /// Sums by label.
    Labels,
}

/// Metrics that have a piece of shader text; others go to the provided bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Σ (x−y)².
    Squares,
    /// √Σ (x−y)².
    Root,
    /// 1 − x·y / (|x| |y|).
    Cosine,
    /// Σ |x−y|.
    Sizes,
    /// max |x−y|.
    Most,
}

/// How rows are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// So many coordinates, in registers: a shader for each number.
    Narrow(u8),
    /// A multiple of 16 bytes, sixteen coordinates at a time.
    Wide,
    /// Any number, four at a time: slow, and one shader for all.
    Any,
}

/// A shader over pairs of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pairs {
    /// What is done.
    pub fold: Fold,
    /// The distance.
    pub form: Form,
    /// The rows.
    pub width: Width,
    /// Whether only listed rectangles are visited.
    pub blocks: bool,
    /// Where an invocation finds rows of y.
    pub from: From,
}

/// Where an invocation finds rows of y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum From {
    /// In their buffer.
    Buffer,
    /// In workgroup memory, 64 at a time.
    Staged,
    /// In a uniform of 64 KiB; rows of x as well, where an invocation takes several.
    Bank,
}

impl From {
    /// Rows of x that an invocation takes: several share what is brought of y.
    pub(crate) fn together(self, fold: Fold) -> u64 {
        if fold == Fold::Nearest && self == Self::Bank { TOGETHER } else { 1 }
    }
}

/// Rows of `dim` coordinates that are seen in a bank of x: a multiple of a workgroup's.
pub(crate) fn rows_of_a_bank(dim: usize) -> u64 {
    4 * BANK / dim as u64 / HALF * HALF
}

/// A shader of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shader {
    /// A fold over pairs.
    Pairs(Pairs),
    /// Integer sums by label.
    Accumulate {
        /// Rows have weights.
        weighted: bool,
        /// Scatters are wanted.
        scatter: bool,
        /// Words of workgroup memory, 0 for none.
        held: u32,
    },
    /// Sums of chunks.
    Sums {
        /// Terms have weights.
        weighted: bool,
    },
    /// A layout epoch.
    Layout,
    /// One value everywhere.
    Fill,
    /// Rows of a forest to their roots.
    Flatten,
    /// How many numbers of two lists differ.
    Changed,
}

impl Form {
    /// Every piece.
    pub const ALL: [Self; 5] = [Self::Squares, Self::Root, Self::Cosine, Self::Sizes, Self::Most];

    /// The piece of a metric, if there is one.
    pub(crate) fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::SqEuclidean => Some(Self::Squares),
            Metric::Euclidean => Some(Self::Root),
            Metric::Cosine => Some(Self::Cosine),
            Metric::Manhattan => Some(Self::Sizes),
            Metric::Chebyshev => Some(Self::Most),
            _ => None,
        }
    }

    /// One term, and the type of it.
    fn term(self) -> (&'static str, &'static str) {
        match self {
            Self::Squares | Self::Root => ("let g = a - b; return fma(g, g, vec4f(p.zero));", "f"),
            Self::Cosine => ("return fma(a, b, vec4f(p.zero));", "f"),
            Self::Sizes => ("return abs(a - b);", "f"),
            Self::Most => ("return bitcast<vec4u>(a - b) & vec4u(0x7fffffffu);", "u"),
        }
    }

    /// The bits of the distance from the sum of the terms.
    fn finish(self) -> &'static str {
        match self {
            Self::Root => "root(sum(own, j))",
            Self::Cosine => "cosine(sum(own, j), own.size, size(j))",
            Self::Most => "sum(own, j)",
            Self::Squares | Self::Sizes => "bitcast<u32>(sum(own, j))",
        }
    }
}

impl Width {
    /// The fastest for rows of `dim` coordinates.
    pub(crate) fn of(dim: usize) -> Self {
        match u8::try_from(dim) {
            Ok(narrow) if dim <= NARROW => Self::Narrow(narrow),
            _ if dim.is_multiple_of(4) => Self::Wide,
            _ => Self::Any,
        }
    }

    /// Whether rows are vectors of four.
    fn whole(self) -> bool {
        match self {
            Self::Narrow(dim) => dim.is_multiple_of(4),
            Self::Wide => true,
            Self::Any => false,
        }
    }

    /// Vectors of four that a narrow row has.
    fn vectors(self) -> u32 {
        match self {
            Self::Narrow(dim) => u32::from(dim).div_ceil(4),
            Self::Wide | Self::Any => 0,
        }
    }
}

/// The section `name` of a text whose sections begin with `//! name`; the whole where it has none.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let mut parts = text.split("//! ").filter_map(|part| part.split_once('\n'));
    parts.find(|(title, _)| title.trim() == name).map_or("", |(_, body)| body)
}

const HEAD: &str = include_str!("wgsl/head.wgsl");
const EXACT: &str = include_str!("wgsl/exact.wgsl");
const COSINE: &str = include_str!("wgsl/cosine.wgsl");
const DRIVE: &str = include_str!("wgsl/drive.wgsl");
const WORDS: &str = include_str!("wgsl/words.wgsl");
const ACCUMULATE: &str = include_str!("wgsl/accumulate.wgsl");
const SUMS: &str = include_str!("wgsl/sums.wgsl");

impl Fold {
    fn piece(self) -> &'static str {
        match self {
            Self::Distances => include_str!("wgsl/distances.wgsl"),
            Self::Nearest => include_str!("wgsl/nearest.wgsl"),
            Self::Select => include_str!("wgsl/select.wgsl"),
            Self::Count(_) => include_str!("wgsl/count.wgsl"),
            Self::Lowest => include_str!("wgsl/lowest.wgsl"),
            Self::Join => include_str!("wgsl/join.wgsl"),
            Self::Labels => include_str!("wgsl/labels.wgsl"),
        }
    }

    /// The bindings, numbered after those of the rows and the visit.
    fn bindings(self, first: usize) -> String {
        let lines = section(self.piece(), "bindings").lines().filter(|l| !l.trim().is_empty());
        let number = |(at, line)| format!("@group(0) @binding({}) {line}\n", at + first);
        lines.enumerate().map(number).collect()
    }
}

impl Shader {
    /// The text.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Pairs(pairs) => pairs.text(),
            Self::Accumulate { weighted, scatter, held } => accumulate(weighted, scatter, held),
            Self::Sums { weighted } => {
                let term = section(SUMS, if weighted { "weights" } else { "unweighted" });
                [HEAD, EXACT, WORDS, before(SUMS), term, section(SUMS, "common")].concat()
            }
            Self::Layout => [HEAD, EXACT, WORDS, include_str!("wgsl/layout.wgsl")].concat(),
            Self::Fill => [HEAD, include_str!("wgsl/fill.wgsl")].concat(),
            Self::Flatten => [HEAD, include_str!("wgsl/flatten.wgsl")].concat(),
            Self::Changed => [HEAD, include_str!("wgsl/changed.wgsl")].concat(),
        }
    }
}

/// What stands before the first section.
fn before(text: &str) -> &str {
    text.split("//! ").next().unwrap_or_default()
}

fn accumulate(weighted: bool, scatter: bool, held: u32) -> String {
    let part = |name| section(ACCUMULATE, name);
    let add = |name: &str, place: &str, base: &str| {
        part("add").replace("NAME", name).replace("PLACE", place).replace("BASE", base)
    };
    let mut text = [HEAD, WORDS, before(ACCUMULATE), part("common")].concat();
    text += part(if weighted { "weights" } else { "unweighted" });
    let binding = if weighted { "7" } else { "6" };
    let mut sums = vec![("offsets", ""), ("mass", "2u * p.c * p.dim +")];
    if scatter {
        text += &part("scatter").replace("SCATTER", binding);
        sums.push(("scatter", "2u * p.c * (p.dim + 1u) +"));
    }
    let global = if held > 0 { "give" } else { "add" };
    for (name, _) in &sums {
        text += &add(&format!("{global}_{name}"), name, "");
    }
    if held > 0 {
        text += part("held");
        for (name, base) in &sums {
            text += &add(&format!("add_{name}"), "held", base);
        }
        let last = if scatter { "give_scatter(at - n - p.c, v);" } else { "" };
        text += &part("give").replace("LAST", last);
    }
    let row = part("row").replace(
        "SCATTERED",
        if scatter { "add_scatter(label, scattered(squares, m));" } else { "" },
    );
    text += &row.replace("END", if held > 0 { part("end") } else { "" });
    text.replace("HELD", &format!("{held}u"))
}

impl Pairs {
    fn text(&self) -> String {
        let fold = self.fold;
        let piece = |name| section(fold.piece(), name);
        let mut text = [HEAD, EXACT].concat();
        if self.form == Form::Cosine {
            text += COSINE;
        }
        text += &self.rows();
        text += &fold.bindings(self.bound());
        text += piece("functions");
        if fold == Fold::Distances {
            text += piece("main");
            return text;
        }
        if self.together() == 1 {
            text += section(DRIVE, if self.blocks { "blocks" } else { "all" });
        }
        if self.together() > 1 {
            let rows = |piece| repeated(piece, self.together());
            let main = section(DRIVE, "several").replace("ROWS", &rows(section(DRIVE, "row")));
            let main = main.replace("HALF", &format!("{HALF}u"));
            let main = main.replace("FOLD", &rows(piece("each")));
            return text + piece("several") + &main.replace("END", &rows(piece("merge")));
        }
        let main = section(DRIVE, if self.staged() { "staged" } else { "direct" });
        let main = main.replace("BEGIN", piece("begin")).replace("FOLD", piece("fold"));
        text += &main.replace("END", piece("end"));
        if let Fold::Count(radii) = fold {
            text = text.replace("RADII", &format!("{radii}u"));
        }
        text
    }

    fn staged(&self) -> bool {
        self.from == From::Staged
    }

    /// Where the bindings of the fold begin: after those of the rows, and a list of jobs or a
    /// second bank.
    fn bound(&self) -> usize {
        3 + usize::from(self.blocks || self.together() > 1)
    }

    /// Rows of x that an invocation takes.
    pub(crate) fn together(&self) -> u64 {
        self.from.together(self.fold)
    }

    /// The same fold for rows of any length in buffers of any: slower, and soon compiled.
    pub(crate) fn plain(self) -> Self {
        Self { width: Width::Any, from: From::Buffer, ..self }
    }
}

/// A piece for each of so many rows of x, whose numbers stand for `#`: half of them from the bank x,
/// half from the bank z, whose rows are `p.b` later.
fn repeated(piece: &str, rows: u64) -> String {
    let one = |r: u64| {
        let (bank, later) = if r < rows / 2 { ("x", "0u") } else { ("z", "p.b") };
        let place = format!("{later} + {}u", 64 * (r % (rows / 2)));
        let piece = piece.replace("BANK", bank).replace("PLACE", &place);
        piece.replace('#', &r.to_string())
    };
    (0..rows).map(one).collect()
}
