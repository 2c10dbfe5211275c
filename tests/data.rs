//! Bad input: everything a file or a caller can get wrong is an error that names the place.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::io::Cursor;

use enfold::data::csv::{CsvBatches, CsvOptions, Header, Missing};
use enfold::data::npy::{self, NpyBatches};
use enfold::data::scale::Mode;
use enfold::data::{self, CellError, DataError, NpyError, Scaler};
use enfold::{Error, SnapshotError, StreamState, Table};
use proptest::prelude::*;

// ---- slices, arrays, iterators -----------------------------------------------------------------

#[test]
fn shapes_that_are_none_are_refused() {
    assert!(matches!(Table::new(vec![], 3), Err(DataError::Empty)));
    assert!(matches!(Table::new(vec![1.0], 0), Err(DataError::NoColumns)));
    assert!(matches!(Table::from_slice(&[1.0; 5], 2), Err(DataError::Length { len: 5, dim: 2 })));
    assert!(matches!(Table::from_arrays::<2>(&[]), Err(DataError::Empty)));
    assert!(matches!(data::array_rows(&[[0.0f32; 0]; 4]), Err(DataError::NoColumns)));
    assert!(matches!(Table::from_rows([[0.0f32; 0]; 4]), Err(DataError::NoColumns)));
    assert!(matches!(Table::from_rows(Vec::<Vec<f32>>::new()), Err(DataError::Empty)));
    let ragged = Table::from_rows([vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0]]);
    assert!(matches!(ragged, Err(DataError::Ragged { row: 2, expected: 2, found: 1 })));
    let table = Table::from_arrays(&[[1.0, 2.0]]).unwrap();
    let named = table.with_names(["only"]);
    assert!(matches!(named, Err(DataError::Names { expected: 2, found: 1 })));
}

#[test]
fn the_first_value_that_is_not_finite_is_named() {
    let table = Table::from_arrays(&[[1.0, 2.0], [3.0, f32::NAN], [f32::INFINITY, 0.0]]).unwrap();
    assert!(matches!(table.check_finite(), Err(DataError::NotFinite { row: 1, column: 1 })));
}

#[test]
fn views_of_any_memory_order_give_the_same_rows() {
    let array = ndarray::array![[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let straight = data::view_rows(&array.view()).unwrap().unwrap();
    assert_eq!(straight.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let turned = array.t();
    assert!(data::view_rows(&turned).unwrap().is_none());
    assert_eq!(Table::from_view(&turned).unwrap().row(2), [3.0, 6.0]);
    let gap = array.slice(ndarray::s![.., ..;2]);
    assert_eq!(Table::from_view(&gap).unwrap().values(), [1.0, 3.0, 4.0, 6.0]);
    let none = ndarray::Array2::<f32>::zeros((0, 3));
    assert!(matches!(Table::from_view(&none.view()), Err(DataError::Empty)));
}

// ---- CSV ----------------------------------------------------------------------------------------

fn csv(text: &str, options: CsvOptions) -> Result<Vec<Table>, DataError> {
    CsvBatches::new(text.as_bytes(), options)?.collect()
}

/// Line, column and problem of the first bad cell.
fn bad_cell(text: &str) -> (u64, usize, CellError) {
    match csv(text, CsvOptions::default()) {
        Err(DataError::Cell { line, column, problem, .. }) => (line, column, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_cells_are_named_by_line_and_column() {
    assert_eq!(bad_cell("a,b\n1,2\n3,\n"), (3, 2, CellError::Missing));
    assert_eq!(bad_cell("a,b\n1,2\n NA ,4\n"), (3, 1, CellError::Missing));
    assert_eq!(bad_cell("1,2\n3,nan\n"), (2, 2, CellError::Missing));
    assert_eq!(bad_cell("a,b\n1,x y\n"), (2, 2, CellError::Text("x y".into())));
    assert_eq!(bad_cell("1,2\n\"1,5\",4\n"), (2, 1, CellError::Text("1,5".into())));
    assert_eq!(bad_cell("a,b\n1,inf\n"), (2, 2, CellError::NotFinite));
    assert_eq!(bad_cell("a,b\n1,-1e39\n"), (2, 2, CellError::NotFinite));
    // A first line with a number in it is data, so its text is an error and not a name.
    assert_eq!(bad_cell("a,2\n1,2\n"), (1, 1, CellError::Text("a".into())));
}

#[test]
fn line_numbers_count_blank_lines_and_quoted_line_breaks() {
    assert_eq!(bad_cell("\"a\nb\",c\n1,2\n\n\n3,\n").0, 6);
    assert_eq!(bad_cell("a,b\r\n1,2\r\n3,\r\n").0, 3);
    assert_eq!(bad_cell("a,b\r\n\r\n1,2\r\n\r\n3,").0, 5);
    assert_eq!(bad_cell("\u{feff}a\nb\nc\n").0, 2);
    assert_eq!(bad_cell("1\n\n\"x\ny\"\n").0, 3);
    let long: String = (0..5000).map(|i| format!("{i},{i}\r\n")).collect();
    assert_eq!(bad_cell(&(long + "x,y")).0, 5001);
}

#[test]
fn messages_say_where() {
    let error = csv("lat,long\n1,2\n3,east\n", CsvOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 2 (long): `east` is no number");
    let error = csv("a,b\n1,2\n3\n", CsvOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::Fields { line: 3, expected: 2, found: 1 }));
    assert_eq!(error.to_string(), "line 3 has 1 cells, the first line has 2");
}

#[test]
fn headers_are_found_forced_or_denied() {
    let names = |text: &str, header| {
        let options = CsvOptions { header, ..Default::default() };
        CsvBatches::new(text.as_bytes(), options).unwrap().names().to_vec()
    };
    assert_eq!(names("a, b\n1,2\n", Header::Detect), ["a", "b"]);
    assert_eq!(names("\u{feff}a,\n1,2\n", Header::Detect), ["a", ""]);
    assert!(names("1,2\n3,4\n", Header::Detect).is_empty());
    assert_eq!(names("2019,2020\n1,2\n", Header::Present), ["2019", "2020"]);
    assert!(names("a,b\n1,2\n", Header::Absent).is_empty());
    let empty = CsvBatches::new(&b""[..], CsvOptions::default());
    assert!(matches!(empty, Err(DataError::Empty)));
    assert!(csv("a,b\n", CsvOptions::default()).unwrap().is_empty());
}

#[test]
fn rows_with_missing_values_can_be_skipped_and_are_counted() {
    let options = CsvOptions { missing: Missing::Skip, batch: 2, ..Default::default() };
    let text = "a,b\n1,2\n,\n3,\n5,6\nnull,1\n7,8\n";
    let mut batches = CsvBatches::new(text.as_bytes(), options.clone()).unwrap();
    let tables: Vec<_> = batches.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(batches.skipped(), 3);
    assert_eq!(tables.iter().map(|t| t.rows().len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(tables[1].values(), [7.0, 8.0]);
    // Only what is missing is forgiven.
    assert!(csv("a,b\n,\n1,x\n", options).is_err());
}

#[test]
fn columns_are_picked_by_name_in_the_order_asked() {
    let pick = |names: &[&str]| CsvOptions {
        columns: names.iter().map(|n| (*n).into()).collect(),
        ..Default::default()
    };
    let text = "a,b,c\n1,text,3\n";
    let table = csv(text, pick(&["c", "a"])).unwrap().remove(0);
    assert_eq!((table.values(), table.names()), (&[3.0, 1.0][..], &["c".into(), "a".into()][..]));
    assert!(matches!(csv(text, pick(&["d"])), Err(DataError::UnknownColumn(name)) if name == "d"));
}

#[test]
fn nothing_follows_an_error() {
    let options = CsvOptions { batch: 1, ..Default::default() };
    let mut batches = CsvBatches::new(&b"1\n2\nx\n4\n"[..], options).unwrap();
    assert!(batches.next().unwrap().is_ok() && batches.next().unwrap().is_ok());
    assert!(batches.next().unwrap().is_err());
    assert!(batches.next().is_none());
}

// ---- npy ----------------------------------------------------------------------------------------

fn npy_bytes() -> Vec<u8> {
    let table = Table::from_arrays(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).unwrap();
    let mut bytes = Vec::new();
    npy::write(&mut bytes, table.rows()).unwrap();
    bytes
}

fn read_npy(bytes: &[u8]) -> Result<Vec<f32>, DataError> {
    let batches = NpyBatches::new(Cursor::new(bytes), 2)?;
    let tables = batches.collect::<Result<Vec<_>, _>>()?;
    Ok(tables.iter().flat_map(|t| t.values().to_vec()).collect())
}

/// A file of the given version with this dictionary and these elements.
fn npy_of(version: u8, dictionary: &str, elements: &[u8]) -> Vec<u8> {
    let len = dictionary.len() as u32;
    let size =
        if version == 1 { len.to_le_bytes()[..2].to_vec() } else { len.to_le_bytes().into() };
    [&b"\x93NUMPY"[..], &[version, 0], &size, dictionary.as_bytes(), elements].concat()
}

#[test]
fn every_type_order_and_version_reads_the_same() {
    let of = |version, descr: &str, fortran, elements: &[u8]| {
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (2, 2), }}\n");
        read_npy(&npy_of(version, &text, elements)).unwrap()
    };
    let expected = [1.0, 2.0, 3.0, 4.0];
    let f4: Vec<u8> = expected.iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
    let f8: Vec<u8> = expected.iter().flat_map(|v| f64::from(*v).to_be_bytes()).collect();
    let i2: Vec<u8> = [1i16, 3, 2, 4].iter().flat_map(|v| v.to_le_bytes()).collect();
    let i8: Vec<u8> = [1i64, 2, 3, 4].iter().flat_map(|v| v.to_be_bytes()).collect();
    assert_eq!(of(1, "<f4", "False", &f4), expected);
    assert_eq!(of(2, ">f8", "False", &f8), expected);
    assert_eq!(of(3, "<i2", "True", &i2), expected);
    assert_eq!(of(1, ">i8", "False", &i8), expected);
    assert_eq!(of(1, "|u1", "True", &[1, 3, 2, 4]), expected);
    assert_eq!(of(1, "|i1", "False", &[255, 128, 127, 0]), [-1.0, -128.0, 127.0, 0.0]);
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(read_npy(&npy_bytes()).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((npy_bytes().len() - 24) % 64, 0);
}

#[test]
fn any_byte_of_a_header_may_be_anything() {
    let good = npy_bytes();
    for at in 0..good.len() - 24 {
        for byte in 0..=255 {
            let mut bad = good.clone();
            bad[at] = byte;
            // Some damage leaves a valid header (another type, other blanks): then the shape
            // still agrees with the file. Nothing panics and nothing asks for much memory.
            if let Ok(values) = read_npy(&bad) {
                assert!([6, 12, 24].contains(&values.len()), "byte {at} = {byte}: {values:?}");
            }
        }
    }
}

#[test]
fn a_file_may_end_anywhere() {
    let good = npy_bytes();
    for len in 0..good.len() {
        assert!(read_npy(&good[..len]).is_err(), "{len}");
    }
    assert!(read_npy(&[good, vec![0]].concat()).is_err());
}

#[test]
fn lying_headers_get_no_memory() {
    let of = |dictionary: &str| read_npy(&npy_of(1, dictionary, &[0; 16])).unwrap_err();
    let shape =
        |shape: &str| of(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"));
    let length = |e: &DataError| matches!(e, DataError::Npy(NpyError::Length { .. }));
    assert!(length(&shape("(1000000000000, 1000)")));
    assert!(length(&shape("(1, 1000000000000)")));
    assert!(length(&shape("(0, 18446744073709551615)")));
    let overflow = shape("(18446744073709551615, 18446744073709551615)");
    assert!(matches!(overflow, DataError::Npy(NpyError::Shape)));
    assert!(matches!(shape("(99999999999999999999999,)"), DataError::Npy(NpyError::Header)));
    assert!(matches!(shape("(2, 2, 1)"), DataError::Npy(NpyError::Shape)));
    assert!(matches!(shape("()"), DataError::Npy(NpyError::Shape)));
    let long = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes(), b"{}"].concat();
    assert!(matches!(read_npy(&long), Err(DataError::Npy(NpyError::Header))));
}

#[test]
fn empty_arrays_objects_and_records_are_refused() {
    let of = |descr: &str, shape: &str| {
        let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
        read_npy(&npy_of(1, &text, &[])).unwrap_err()
    };
    assert!(matches!(of("'<f4'", "(0, 3)"), DataError::Empty));
    assert!(matches!(of("'<f4'", "(3, 0)"), DataError::NoColumns));
    for descr in ["'|O'", "'<f2'", "'<c8'", "'<U4'", "'f4'", "'|f4'", "'<i3'"] {
        assert!(matches!(of(descr, "(0, 3)"), DataError::Npy(NpyError::Type(_))), "{descr}");
    }
    assert!(matches!(of("[('a', '<f4')]", "(0,)"), DataError::Npy(NpyError::Header)));
}

#[test]
fn values_that_f32_cannot_hold_are_named() {
    let values = [1.0f64, 2.0, 3.0, 1e300];
    let elements: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (4,)}";
    let error = read_npy(&npy_of(1, text, &elements)).unwrap_err();
    assert!(matches!(error, DataError::NotFinite { row: 3, column: 0 }));
}

proptest! {
    #[test]
    fn any_bytes_are_safe_to_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _either = read_npy(&bytes);
        let _either = read_npy(&npy_of(1, &String::from_utf8_lossy(&bytes), &bytes));
        let _either = CsvBatches::new(&bytes[..], CsvOptions::default()).map(Iterator::count);
    }

    #[test]
    fn csv_gives_the_same_rows_for_any_batch(rows in 1usize..40, batch in 0usize..50) {
        let text: String = (0..rows).map(|i| format!("{i},{}\n", i * i)).collect();
        let tables = csv(&text, CsvOptions { batch, ..Default::default() }).unwrap();
        let values: Vec<f32> = tables.iter().flat_map(|t| t.values().to_vec()).collect();
        prop_assert_eq!(values.len(), 2 * rows);
        prop_assert!(values.chunks(2).enumerate().all(|(i, r)| r[0] == i as f32));
    }

    // ---- the scaler as a state ------------------------------------------------------------------

    #[test]
    fn a_scaler_does_not_see_order_batches_or_merges(
        rows in prop::collection::vec(any::<[i32; 2]>(), 1..60),
        cut in 0usize..60,
    ) {
        // Any finite bits: huge and tiny values side by side.
        let row = |r: &[i32; 2]| r.map(|bits| {
            let v = f32::from_bits(bits as u32);
            if v.is_finite() { v } else { 1.0 }
        });
        let rows: Vec<[f32; 2]> = rows.iter().map(row).collect();
        let whole = scaler(&rows);
        let (left, right) = rows.split_at(cut.min(rows.len()));
        let mut merged = scaler(right);
        merged.merge(&scaler(left)).unwrap();
        let backwards: Vec<_> = rows.iter().rev().copied().collect();
        prop_assert_eq!(&merged, &whole);
        prop_assert_eq!(&scaler(&backwards), &whole);
        prop_assert_eq!(merged.to_bytes().unwrap(), whole.to_bytes().unwrap());
    }
}

fn scaler(rows: &[[f32; 2]]) -> Scaler {
    let mut scaler = Scaler::new(2).unwrap();
    if let Ok(rows) = data::array_rows(rows) {
        scaler.push(rows, None).unwrap();
    }
    scaler
}

#[test]
fn a_scaler_sees_small_spreads_on_large_offsets() {
    // The variance of these is 1/4 exactly; in f64 sums of squares it would drown.
    let rows: Vec<[f32; 2]> =
        (0..1000).map(|i| [(i % 2) as f32, 8_388_608.0 + (i % 2) as f32]).collect();
    let scaler = scaler(&rows);
    assert_eq!(scaler.deviations(), [0.5, 0.5]);
    assert_eq!(scaler.means(), [0.5, 8_388_608.5]);
}

#[test]
fn weights_count_like_copies_and_bad_ones_change_nothing() {
    let rows = [[1.0f32, -2.0], [5.0, 0.25], [9.0, 1e9]];
    let mut weighted = Scaler::new(2).unwrap();
    let pushed = weighted.push(data::array_rows(&rows).unwrap(), Some(&[2.0, 1.0, 0.0])).unwrap();
    assert_eq!((pushed.rows, pushed.skipped), (2, 1));
    assert_eq!(weighted, scaler(&[rows[0], rows[1], rows[0]]));
    let before = weighted.clone();
    for bad in [f32::NAN, -1.0, f32::INFINITY, 3e9] {
        let result = weighted.push(data::array_rows(&rows).unwrap(), Some(&[1.0, bad, 1.0]));
        assert_eq!(result, Err(Error::Weight { row: 1 }));
    }
    let nan = [[0.0f32, f32::NAN]];
    assert_eq!(
        weighted.push(data::array_rows(&nan).unwrap(), None),
        Err(Error::NotFinite { row: 0 })
    );
    assert!(weighted.push(data::array_rows(&[[1.0f32]]).unwrap(), None).is_err());
    assert!(weighted.merge(&Scaler::new(3).unwrap()).is_err());
    assert_eq!(weighted, before);
}

#[test]
fn a_half_life_halves() {
    let mut aging = Scaler::new(2).unwrap().with_half_life(10.0);
    aging.push(data::array_rows(&[[4.0f32, 0.0]]).unwrap(), None).unwrap();
    aging.decay(10.0).unwrap();
    assert!(aging.decay(5.0).is_err() && aging.decay(f64::NAN).is_err());
    aging.push(data::array_rows(&[[1.0f32, 0.0]]).unwrap(), None).unwrap();
    assert_eq!((aging.weight(), aging.means()), (1.5, vec![2.0, 0.0]));
}

#[test]
fn scaler_snapshots_restore_or_say_why_not() {
    let full = scaler(&[[1.0, 2.0], [-3.0, 4.5e30]]);
    let bytes = full.to_bytes().unwrap();
    let mut copy = Scaler::new(2).unwrap();
    copy.restore(&bytes).unwrap();
    assert_eq!(copy, full);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x10;
        assert!(copy.restore(&bad).is_err() && copy.restore(&bytes[..at]).is_err(), "{at}");
    }
    assert_eq!(copy, full);
    let wrong = Scaler::new(3).unwrap().restore(&bytes);
    assert_eq!(wrong, Err(Error::Snapshot(SnapshotError::Shape)));
}

#[test]
fn scaling_there_and_back() {
    let rows = [[1.0f32, 5.0], [3.0, 5.0], [8.0, 5.0]];
    let scaler = scaler(&rows);
    for mode in [Mode::None, Mode::Centre, Mode::Standardise] {
        let mut values = rows.as_flattened().to_vec();
        scaler.scaling(mode).apply(&mut values).unwrap();
        scaler.scaling(mode).invert(&mut values).unwrap();
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 4.0 * f32::EPSILON * b.abs();
        assert!(values.iter().zip(rows.as_flattened()).all(near), "{mode:?}: {values:?}");
    }
    assert!(scaler.scaling(Mode::None).apply(&mut [0.0; 3]).is_err());
}
