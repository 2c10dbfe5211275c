//! Rows as the peers want them.

use ndarray::Array2;
use ndarray_0_16::{ArrayView2, ShapeError};

use crate::Outcome;

/// Rows of f32.
pub(crate) struct Table {
    pub(crate) values: Vec<f32>,
    pub(crate) rows: usize,
    pub(crate) dim: usize,
}

impl Table {
    /// A `.npy` file of f32, row-major, version 1.
    pub(crate) fn read(path: &str) -> Outcome<Self> {
        Self::parse(&std::fs::read(path)?)
    }

    fn parse(bytes: &[u8]) -> Outcome<Self> {
        let head = bytes.get(8..10).ok_or("not .npy")?;
        let end = 10 + usize::from(u16::from_le_bytes([head[0], head[1]]));
        let text = std::str::from_utf8(bytes.get(10..end).ok_or("not .npy")?)?;
        if !text.contains("<f4") || !text.contains("'fortran_order': False") {
            return Err("wanted f32, row-major".into());
        }
        let shape = text.split(['(', ')']).nth(1).ok_or("no shape")?;
        let mut sizes = shape.split(',').filter_map(|size| size.trim().parse::<usize>().ok());
        let (rows, dim) = sizes.next().zip(sizes.next()).ok_or("no shape")?;
        let values: Vec<f32> = words(&bytes[end..]).map(f32::from_bits).collect();
        if rows == 0 || dim == 0 || rows.checked_mul(dim) != Some(values.len()) {
            return Err(format!("{} values in {rows} rows of {dim}", values.len()).into());
        }
        Ok(Self { values, rows, dim })
    }

    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..][..self.dim]
    }

    /// For linfa, which has an older ndarray.
    pub(crate) fn older(&self) -> Result<ArrayView2<'_, f32>, ShapeError> {
        ArrayView2::from_shape((self.rows, self.dim), &self.values)
    }

    /// For rustyml, which takes f64 alone.
    pub(crate) fn wide(&self) -> Outcome<Array2<f64>> {
        let wide = self.values.iter().map(|v| f64::from(*v)).collect();
        Ok(Array2::from_shape_vec((self.rows, self.dim), wide)?)
    }
}

/// Little-endian words of four bytes.
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().copied().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of two rows, or of what its head says.
    fn file(head: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let head = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
        let table = Table::parse(&file(head)).expect("read");
        assert_eq!((table.rows, table.dim, table.row(1)), (2, 3, &[4.0, 5.0, 6.0][..]));
        assert_eq!(table.older().expect("fits").row(1).to_vec(), [4.0, 5.0, 6.0]);
        assert_eq!(table.wide().expect("fits").row(0).to_vec(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn other_files_are_refused() {
        for head in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
        ] {
            assert!(Table::parse(&file(head)).is_err(), "{head}");
        }
        assert!(Table::parse(b"PK").is_err());
    }
}
