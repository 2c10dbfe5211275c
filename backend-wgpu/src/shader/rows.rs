//! Rows and the distance of a pair: how coordinates are brought, and sums over them.

use super::{BANK, Form, From, Pairs, Width};

impl Pairs {
    /// The rows and the distance of a pair.
    pub(super) fn rows(&self) -> String {
        let element = if self.width.whole() { "vec4f" } else { "f32" };
        let (term, kind) = self.form.term();
        let mut text = String::new();
        let names = ["x", "y", "z"].into_iter().take(if self.together() > 1 { 3 } else { 2 });
        for (number, name) in (1..).zip(names) {
            let rows = match self.banked(name) {
                true => format!("<uniform> {name}: array<vec4f, {BANK}>"),
                false => format!("<storage, read> {name}: array<{element}>"),
            };
            text += &format!("@group(0) @binding({number}) var{rows};\n{}", self.load(name));
        }
        text += &format!("fn term(a: vec4f, b: vec4f) -> vec4{kind} {{ {term} }}\n");
        text += &self.sums(kind);
        text += &format!("fn pair(own: Own, j: u32) -> u32 {{ return {}; }}\n", self.form.finish());
        text
    }

    /// Whether rows of x, of y, or of z – the second bank of x – are in a uniform.
    fn banked(&self, name: &str) -> bool {
        self.from == From::Bank && (name == "y" || self.together() > 1)
    }

    /// `x4(i, c)`: coordinates 4c to 4c + 3 of a row, 0 beyond the last.
    fn load(&self, name: &str) -> String {
        let vectors = self.banked(name);
        let base = if name == "z" { "p.xb - p.b" } else { &format!("p.{name}b") };
        let body = match self.width {
            Width::Narrow(dim) if dim.is_multiple_of(4) => {
                format!("return {name}[row * {}u + c];", dim / 4)
            }
            Width::Wide => format!("return {name}[row * (p.dim / 4u) + c];"),
            Width::Narrow(dim) => format!("let n = {dim}u; {}", ragged(name, vectors)),
            Width::Any => format!("let n = p.dim; {}", ragged(name, false)),
        };
        format!("fn {name}4(i: u32, c: u32) -> vec4f {{ let row = i - {base}; {body} }}\n")
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
        let load = |rows: &str| self.load_narrow(rows, &loads.replace("x4", &format!("{rows}4")));
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
            text += &(self.nested(kind, dim.into()) + &load("x"));
            return text + &if self.together() > 1 { load("z") } else { String::new() };
        }
        text += &unrolled("sum(own: Own, j: u32)", kind, n, own, y);
        if cosine {
            text += &unrolled("size_of_own(own: Own)", kind, n, own, own);
            text += &unrolled("size(j: u32)", kind, n, y, y);
        }
        text + &load("x")
    }

    fn load_narrow(&self, rows: &str, loads: &str) -> String {
        let cosine = self.form == Form::Cosine;
        let measured = if cosine { "    own.size = size_of_own(own);\n" } else { "" };
        format!(
            "fn load_{rows}(i: u32) -> Own {{\n    var own: Own;\n{loads}{measured}    return own;\n}}\n"
        )
    }

    /// Sums as one expression, number by number: a driver on the CPU has few registers, and the
    /// sixteen running sums of several rows would not fit them.
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
    format!("let first = row * n; return vec4f({});", all.join(", "))
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
