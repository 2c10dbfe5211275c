//! Shader text, assembled from pieces: rows × metric × visit × fold.

use enfold_core::Metric;

/// Coordinates up to which a row of x is kept in registers.
pub(crate) const NARROW: usize = 32;
/// Vectors of four in the bank: 64 KiB, what WebGPU lets every shader see as a uniform.
pub(crate) const BANK: u64 = 4096;
/// Rows of x that an invocation takes at a time, where it takes several.
pub(crate) const TOGETHER: u64 = 4;
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

/// Metrics that have a piece; others go to the provided bodies.
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
    /// In a uniform of 64 KiB that they were copied to.
    Bank,
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
    fn bindings(self, blocks: bool) -> String {
        let lines = section(self.piece(), "bindings").lines().filter(|l| !l.trim().is_empty());
        let number =
            |(at, line)| format!("@group(0) @binding({}) {line}\n", at + 3 + usize::from(blocks));
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
        text += &fold.bindings(self.blocks);
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
            let main = main.replace("TOGETHER", &format!("{}u", 64 * self.together()));
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

    /// Rows of x that an invocation takes: several share what is brought of y.
    pub(crate) fn together(&self) -> u64 {
        let several = self.fold == Fold::Nearest && self.from == From::Bank;
        if several { TOGETHER } else { 1 }
    }

    /// The rows and the distance of a pair.
    fn rows(&self) -> String {
        let element = if self.width.whole() { "vec4f" } else { "f32" };
        let (term, kind) = self.form.term();
        let buffer = ("storage, read", format!("array<{element}>"));
        let bank = ("uniform", format!("array<vec4f, {BANK}>"));
        let y = if self.from == From::Bank { &bank } else { &buffer };
        let mut text = String::new();
        for (number, name, (space, kind)) in [(1, "x", &buffer), (2, "y", y)] {
            text += &format!("@group(0) @binding({number}) var<{space}> {name}: {kind};\n");
            text += &self.load(name);
        }
        text += &format!("fn term(a: vec4f, b: vec4f) -> vec4{kind} {{ {term} }}\n");
        text += &self.sums(kind);
        text += &format!("fn pair(own: Own, j: u32) -> u32 {{ return {}; }}\n", self.form.finish());
        text
    }

    /// `x4(i, c)`: coordinates 4c to 4c + 3 of a row, 0 beyond the last.
    fn load(&self, name: &str) -> String {
        let vectors = name == "y" && self.from == From::Bank;
        let body = match self.width {
            Width::Narrow(dim) if dim.is_multiple_of(4) => {
                format!("return {name}[(i - p.{name}b) * {}u + c];", dim / 4)
            }
            Width::Wide => format!("return {name}[(i - p.{name}b) * (p.dim / 4u) + c];"),
            Width::Narrow(dim) => format!("let n = {dim}u; {}", ragged(name, vectors)),
            Width::Any => format!("let n = p.dim; {}", ragged(name, false)),
        };
        format!("fn {name}4(i: u32, c: u32) -> vec4f {{ {body} }}\n")
    }

    fn sums(&self, kind: &str) -> String {
        let both = match self.width {
            Width::Narrow(_) => self.narrow(kind),
            Width::Wide | Width::Any => self.looped(kind),
        };
        both + &folded(kind)
    }

    /// Rows in registers: `own.v0`, `own.v1`, …
    fn narrow(&self, kind: &str) -> String {
        let n = self.width.vectors();
        let cosine = self.form == Form::Cosine;
        let fields: String = (0..n).map(|c| format!("v{c}: vec4f, ")).collect();
        let size = if cosine { "size: f32," } else { "" };
        let loads: String = (0..n).map(|c| format!("    own.v{c} = x4(i, {c}u);\n")).collect();
        let y = |c: u32| {
            if self.staged() { format!("held[j * {n}u + {c}u]") } else { format!("y4(j, {c}u)") }
        };
        let mut text = format!("struct Own {{ {fields}{size} }}\n");
        if self.staged() {
            text += &format!("var<workgroup> held: array<vec4f, {}>;\n", 64 * n);
            let holds: String =
                (0..n).map(|c| format!("held[t * {n}u + {c}u] = y4(j, {c}u); ")).collect();
            text += &format!("fn hold(t: u32, j: u32) {{ {holds} }}\n");
        }
        let own = |c: u32| format!("own.v{c}");
        if let (From::Bank, Width::Narrow(dim)) = (self.from, self.width) {
            return text + &self.nested(kind, dim.into()) + &self.load_narrow(&loads);
        }
        text += &unrolled("sum(own: Own, j: u32)", kind, n, own, y);
        if cosine {
            text += &unrolled("size_of_own(own: Own)", kind, n, own, own);
            text += &unrolled("size(j: u32)", kind, n, y, y);
        }
        text + &self.load_narrow(&loads)
    }

    fn load_narrow(&self, loads: &str) -> String {
        let cosine = self.form == Form::Cosine;
        let measured = if cosine { "    own.size = size_of_own(own);\n" } else { "" };
        format!(
            "fn load_x(i: u32) -> Own {{\n    var own: Own;\n{loads}{measured}    return own;\n}}\n"
        )
    }

    /// Sums as one expression, number by number: a driver on the CPU has few registers, and sixteen
    /// running sums of eight rows would fill them.
    fn nested(&self, kind: &str, dim: u32) -> String {
        let term = self.form.term().0.replace("vec4f(p.zero)", "p.zero");
        let term = term.replace("vec4u(0x7fffffffu)", "0x7fffffffu").replace("vec4u", "u32");
        let one = scalar(kind);
        let both = if kind == "u" { "max(a, b)" } else { "a + b" };
        let at = |name: &str, t: u32| {
            format!("{name}{}.{}", t / 4, ["x", "y", "z", "w"][t as usize % 4])
        };
        let rows: String =
            (0..dim.div_ceil(4)).map(|c| format!("let b{c} = y4(j, {c}u); ")).collect();
        let sum = |head: &str, rows: &str, a: &str, b: &str| {
            let sum = tree(0, 1, dim, &|t| format!("one({}, {})", at(a, t), at(b, t)));
            format!("fn {head} -> {one} {{ {rows} return {}; }}\n", sum.unwrap_or_default())
        };
        let mut text = format!("fn one(a: f32, b: f32) -> {one} {{ {term} }}\n");
        text += &format!("fn two(a: {one}, b: {one}) -> {one} {{ return {both}; }}\n");
        text += &sum("sum(own: Own, j: u32)", &rows, "own.v", "b");
        if self.form == Form::Cosine {
            text += &sum("size_of_own(own: Own)", "", "own.v", "own.v");
            text += &sum("size(j: u32)", &rows, "b", "b");
        }
        text
    }
}

/// The fold of the running sums `i`, `i + half`, `i + 2 · half`, …: None where they have no term.
/// Left out is what would add 0, which changes no sum.
fn tree(i: u32, half: u32, dim: u32, term: &dyn Fn(u32) -> String) -> Option<String> {
    let add = |a: String, b: String| format!("two({a}, {b})");
    if half == 16 {
        return (i..dim).step_by(16).map(term).reduce(add);
    }
    let (a, b) = (tree(i, 2 * half, dim, term), tree(i + half, 2 * half, dim, term));
    match (a, b) {
        (Some(a), Some(b)) => Some(add(a, b)),
        (a, b) => a.or(b),
    }
}

impl Pairs {
    /// Rows of any length: `own.i` is the row.
    fn looped(&self, kind: &str) -> String {
        let (cosine, by) = (self.form == Form::Cosine, if self.width.whole() { 4 } else { 1 });
        let size = if cosine { "size: f32" } else { "" };
        let mut text = format!("struct Own {{ i: u32, {size} }}\n");
        text += &looped("sum(own: Own, j: u32)", kind, by, "x4(own.i, C)", "y4(j, C)");
        let mut own = "Own(i)";
        if cosine {
            text += &looped("size_of_own(i: u32)", kind, by, "x4(i, C)", "x4(i, C)");
            text += &looped("size(j: u32)", kind, by, "y4(j, C)", "y4(j, C)");
            own = "Own(i, size_of_own(i))";
        }
        text + &format!("fn load_x(i: u32) -> Own {{ return {own}; }}\n")
    }
}

/// Loads four coordinates, 0 beyond the last, from an array of numbers or of vectors.
fn ragged(name: &str, vectors: bool) -> String {
    let at = |t: u32| {
        let at = format!("first + min(4u * c + {t}u, n - 1u)");
        let found = if vectors {
            format!("{name}[({at}) / 4u][({at}) % 4u]")
        } else {
            format!("{name}[{at}]")
        };
        format!("select(0.0, {found}, 4u * c + {t}u < n)")
    };
    let all: Vec<String> = (0..4).map(at).collect();
    format!("let first = (i - p.{name}b) * n; return vec4f({});", all.join(", "))
}

/// A piece for each of so many rows of x, whose numbers stand for `#`.
fn repeated(piece: &str, rows: u64) -> String {
    (0..rows).map(|r| piece.replace('#', &r.to_string())).collect()
}

fn scalar(kind: &str) -> &'static str {
    if kind == "u" { "u32" } else { "f32" }
}

/// A sum over `n` vectors: vector c goes to running sums 4 · (c mod 4) and on.
fn unrolled(
    head: &str,
    kind: &str,
    n: u32,
    a: impl Fn(u32) -> String,
    b: impl Fn(u32) -> String,
) -> String {
    let mut text = format!("fn {head} -> {} {{\n", scalar(kind));
    for c in 0..4 {
        text += &format!("    var a{c} = vec4{kind}();\n");
    }
    for c in 0..n {
        let to = c % 4;
        text += &format!("    a{to} = both(a{to}, term({}, {}));\n", a(c), b(c));
    }
    text + "    return folded(a0, a1, a2, a3);\n}\n"
}

/// A sum in a loop over vectors. Where they are taken one at a time the running sums take turns,
/// and what is missing to a multiple of sixteen coordinates is 0, which changes no sum.
fn looped(head: &str, kind: &str, by: u32, a: &str, b: &str) -> String {
    let mut text = format!("fn {head} -> {} {{\n", scalar(kind));
    for c in 0..4 {
        text += &format!("    var a{c} = vec4{kind}();\n");
    }
    let term = |at: &str| format!("term({}, {})", a.replace('C', at), b.replace('C', at));
    if by == 1 {
        let next = term("c");
        return text
            + &format!(
                "    for (var c = 0u; c < (p.dim + 15u) / 16u * 4u; c++) {{
        let next = both(a0, {next});
        a0 = a1; a1 = a2; a2 = a3; a3 = next;
    }}
    return folded(a0, a1, a2, a3);\n}}\n"
            );
    }
    text += "    let whole = p.dim / 16u * 4u;\n    let vectors = p.dim / 4u;\n";
    text += "    for (var c = 0u; c < whole; c += 4u) {\n";
    for c in 0..4 {
        text += &format!("        a{c} = both(a{c}, {});\n", term(&format!("c + {c}u")));
    }
    text += "    }\n";
    for c in 0..3 {
        let rest = term(&format!("whole + {c}u"));
        text += &format!("    if (whole + {c}u < vectors) {{ a{c} = both(a{c}, {rest}); }}\n");
    }
    text + "    return folded(a0, a1, a2, a3);\n}\n"
}

/// Sixteen running sums, folded in half until one is left.
fn folded(kind: &str) -> String {
    let (both, one) = match kind {
        "u" => ("max(a, b)", "max(max(c.x, c.z), max(c.y, c.w))"),
        _ => ("a + b", "(c.x + c.z) + (c.y + c.w)"),
    };
    format!(
        "fn both(a: vec4{kind}, b: vec4{kind}) -> vec4{kind} {{ return {both}; }}
fn folded(a: vec4{kind}, b: vec4{kind}, d: vec4{kind}, e: vec4{kind}) -> {} {{
    let c = both(both(a, d), both(b, e));
    return {one};
}}\n",
        scalar(kind)
    )
}

/// One shader of every kind, for checks without a device.
#[must_use]
pub fn every() -> Vec<(String, String)> {
    let folds = [
        Fold::Distances,
        Fold::Nearest,
        Fold::Select,
        Fold::Count(1),
        Fold::Count(8),
        Fold::Lowest,
        Fold::Join,
        Fold::Labels,
    ];
    let mut all = Vec::new();
    let widths = (1..=NARROW).map(Width::of).chain([Width::Wide, Width::Any]);
    for width in widths {
        for (fold, form) in folds.iter().flat_map(|f| Form::ALL.map(|form| (*f, form))) {
            for from in [From::Buffer, From::Staged, From::Bank] {
                let made = |blocks| Pairs { fold, form, width, blocks, from };
                let both = [false, true].map(made).into_iter();
                all.extend(both.filter(Pairs::is_made).map(Shader::Pairs));
            }
        }
    }
    for (weighted, scatter) in [(false, false), (false, true), (true, false), (true, true)] {
        for held in [0, 1024] {
            all.push(Shader::Accumulate { weighted, scatter, held });
        }
    }
    all.extend([false, true].map(|weighted| Shader::Sums { weighted }));
    all.extend([Shader::Layout, Shader::Fill, Shader::Flatten, Shader::Changed]);
    all.into_iter().map(|shader| (format!("{shader:?}"), shader.text())).collect()
}

impl Pairs {
    /// Whether the backend ever asks for it.
    fn is_made(&self) -> bool {
        let written = self.fold == Fold::Distances;
        let narrow = matches!(self.width, Width::Narrow(_));
        match self.from {
            From::Buffer => !(written && self.blocks),
            From::Staged => narrow && !written,
            From::Bank => narrow && !written && !self.blocks,
        }
    }
}

/// The text of `nearest` for squared distances of rows of `dim` coordinates, and the same with the
/// fold taken out: every distance is written to `matrix`, row by row of x. For benches.
#[must_use]
pub fn nearest_and_unfused(dim: usize, from: From) -> (String, String) {
    let (fold, form, width) = (Fold::Nearest, Form::Squares, Width::of(dim));
    let from = if matches!(width, Width::Narrow(_)) { from } else { From::Buffer };
    let fused = Pairs { fold, form, width, blocks: false, from };
    let piece = |name| section(fold.piece(), name);
    let matrix = "@group(0) @binding(3) var<storage, read_write> matrix: array<u32>;\n";
    let to = "(p.y1 - p.y0) + (j - p.y0)] =";
    let mut text = fused.text().replace(&fold.bindings(false), matrix);
    for (from, to) in [
        (piece("several"), String::new()),
        (piece("begin"), String::new()),
        (piece("fold"), format!("matrix[(i - p.xb) * {to} d;\n")),
        (piece("end"), String::new()),
    ] {
        text = text.replace(from, &to);
    }
    // Four distances, then four stores: a store between them would part what they share.
    let mut stores = String::new();
    for r in 0..TOGETHER {
        let [each, merge] = ["each", "merge"].map(|name| piece(name).replace('#', &r.to_string()));
        stores += &format!("if (i{r} < p.x1) {{ matrix[(i{r} - p.xb) * {to} d{r}; }}\n");
        let last = if r + 1 == TOGETHER { stores.as_str() } else { "" };
        text = text.replace(&each, &format!("let d{r} = pair(own{r}, j);\n{last}"));
        text = text.replace(&merge, "");
    }
    (fused.text(), text)
}

/// Rows of x of a workgroup of these shaders.
#[must_use]
pub fn rows_of_a_workgroup(dim: usize, from: From) -> u32 {
    let several = from == From::Bank && dim <= NARROW;
    if several { 64 * TOGETHER as u32 } else { 64 }
}
