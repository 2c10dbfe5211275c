//! Every shader, for checks without a device; `nearest` with its fold taken out, for benches.

use super::{
    Fold, Form, From, HALF, NARROW, Pairs, Shader, TOGETHER, Width, rows_of_a_bank, section,
};

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
    let to = "(p.y1 - p.y0) + (j - p.y0)] =";
    let matrix = format!(
        "@group(0) @binding({}) var<storage, read_write> matrix: array<u32>;\n",
        fused.bound()
    );
    let mut text = fused.text().replace(&fold.bindings(fused.bound()), &matrix);
    for (from, to) in [
        (piece("several"), String::new()),
        (piece("begin"), String::new()),
        (piece("fold"), format!("matrix[(i - p.xb) * {to} d;\n")),
        (piece("end"), String::new()),
    ] {
        text = text.replace(from, &to);
    }
    // All distances of an invocation, then all stores: a store between them would part what they share.
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

/// Where these shaders take rows of x from two banks: the rows of a bank, and how many of them a
/// workgroup takes.
#[must_use]
pub fn banks_of_x(dim: usize, from: From) -> Option<(usize, usize)> {
    let several = from.together(Fold::Nearest) > 1 && dim <= NARROW;
    several.then(|| (rows_of_a_bank(dim) as usize, HALF as usize))
}
