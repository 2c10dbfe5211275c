//! From a file to rows that can be compared: what is dropped, what is bent, what is scaled.

use std::path::Path;

use enfold::correlation::{Correlation, Pruned};
use enfold::data::csv::{CsvOptions, read_table};
use enfold::data::scale::{Logarithm, Mode};
use enfold::data::{DataError, Scaler};
use enfold::pca::{Covariance, Pca, PcaModel};
use enfold::{StreamState, Table};

use crate::Fault;

/// What a column of the file is for, and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// In words.
    pub(crate) label: &'static str,
    /// The unit of its values.
    pub(crate) unit: &'static str,
    /// What a low and a high value say of a customer.
    pub(crate) words: (&'static str, &'static str),
    /// Whether it spans orders of magnitude: then its logarithm is used.
    pub(crate) heavy: bool,
}

const fn column(
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    words: (&'static str, &'static str),
) -> Column {
    Column { name, label, unit, words, heavy: true }
}

/// What customers are compared by, in the order in which columns are preferred where two say the
/// same.
pub(crate) const COLUMNS: [Column; 11] = [
    Column {
        heavy: false,
        ..column("recency_days", "Since the last order", "days", ("recent", "long gone"))
    },
    column("frequency", "Orders", "", ("few orders", "many orders")),
    column("monetary", "Spent in the year", "£", ("low spend", "high spend")),
    Column {
        heavy: false,
        ..column("tenure_days", "First to last order", "days", ("one visit", "long-standing"))
    },
    column("mean_basket", "Mean order", "£", ("small orders", "large orders")),
    column("distinct_products", "Different products", "", ("narrow range", "wide range")),
    column("mean_unit_price", "Mean item price", "£", ("cheap items", "dear items")),
    column("cancel_amount", "Cancelled in the year", "£", ("no cancellations", "has cancelled")),
    column("cancel_invoices", "Cancelled orders", "", ("no cancellations", "has cancelled")),
    column("lines", "Order lines", "", ("few lines", "many lines")),
    column("items", "Items", "", ("few items", "many items")),
];

/// Standard deviations beyond which a customer counts as an outlier.
pub(crate) const FAR: f32 = 6.0;

/// Pearson's correlation above which two columns say the same.
pub(crate) const SAME: f64 = 0.85;

/// Customers who are left out, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Dropped {
    pub(crate) read: usize,
    /// Everything that they bought was cancelled.
    pub(crate) cancelled: usize,
    /// Some column is more than [`FAR`] deviations from the mean.
    pub(crate) far: usize,
}

/// Rows that can be compared, and what they were.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The numbers of the customers.
    pub(crate) ids: Vec<u32>,
    /// In the units of the file, cancelled amounts without their sign.
    pub(crate) raw: Table,
    /// The same rows: logarithms of heavy columns, mean 0, deviation 1.
    pub(crate) scaled: Table,
    /// How far columns of the scaled rows say the same, and those that go.
    pub(crate) correlation: Correlation,
    pub(crate) pruned: Pruned,
    /// The columns that stay: what customers are compared by.
    pub(crate) compared: Table,
    /// All principal components of these.
    pub(crate) pca: PcaModel,
    pub(crate) dropped: Dropped,
}

/// Reads, cleans, bends and scales.
pub(crate) fn prepare(path: &Path) -> Result<Prepared, Fault> {
    let options = |columns| CsvOptions { columns, ..CsvOptions::default() };
    let names = COLUMNS.iter().map(|column| column.name.to_string()).collect();
    let table = without_sign(read_table(path, options(names))?);
    // Numbers of customers are below 2²⁴, so they are exact.
    let ids = read_table(path, options(vec!["CustomerID".into()]))?;

    let good = |&i: &usize| at(table.row(i), "monetary") > at(table.row(i), "cancel_amount");
    let bought: Vec<usize> = (0..table.rows().len()).filter(good).collect();
    let first = standardised(&bent(&picked(&table, &bought)?)?)?;
    let near = |i: &usize| first.row(*i).iter().all(|z| z.abs() <= FAR);
    let kept: Vec<usize> = (0..bought.len()).filter(near).map(|i| bought[i]).collect();

    let (read, cancelled) = (table.rows().len(), table.rows().len() - bought.len());
    let raw = picked(&table, &kept)?;
    let scaled = standardised(&bent(&raw)?)?;
    let mut moments = Covariance::new(scaled.dim())?;
    moments.push(scaled.rows(), None)?;
    let correlation = Correlation::of(&moments)?;
    let pruned = correlation.prune(SAME);
    let compared = pruned.apply(&scaled)?;
    Ok(Prepared {
        ids: kept.iter().map(|&i| ids.row(i)[0] as u32).collect(),
        pca: Pca::new(compared.dim()).fit(compared.rows())?,
        raw,
        scaled,
        correlation,
        pruned,
        compared,
        dropped: Dropped { read, cancelled, far: bought.len() - kept.len() },
    })
}

/// The value of a column in a row of the file's units.
pub(crate) fn at(row: &[f32], name: &str) -> f32 {
    let place = COLUMNS.iter().position(|column| column.name == name);
    place.map_or(f32::NAN, |t| row[t])
}

/// Cancelled amounts are negative in the file; a size is easier to read and has a logarithm.
fn without_sign(mut table: Table) -> Table {
    let t = COLUMNS.iter().position(|column| column.name == "cancel_amount").unwrap_or(0);
    table.values_mut().iter_mut().skip(t).step_by(COLUMNS.len()).for_each(|v| *v = v.abs());
    table
}

/// Some of the rows.
fn picked(table: &Table, rows: &[usize]) -> Result<Table, DataError> {
    let some = Table::from_rows(rows.iter().map(|&i| table.row(i)))?;
    some.with_names(table.names().iter().cloned())
}

/// ln(1 + x) of the heavy columns: a customer who buys twice as much is as far from the mean as
/// one who buys half.
fn bent(table: &Table) -> Result<Table, DataError> {
    let heavy = (0..COLUMNS.len()).filter(|&t| COLUMNS[t].heavy);
    let mut bent = table.clone();
    Logarithm::of(COLUMNS.len(), heavy)?.apply(bent.values_mut())?;
    Ok(bent)
}

fn standardised(table: &Table) -> Result<Table, Fault> {
    let mut scaler = Scaler::new(table.dim())?;
    scaler.push(table.rows(), None)?;
    let mut scaled = table.clone();
    scaler.scaling(Mode::Standardise).apply(scaled.values_mut())?;
    Ok(scaled)
}
