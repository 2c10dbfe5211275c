//! Scales beyond mean and deviation: extremes, quartiles, logarithms.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use enfold::data::scale::{Extremes, Logarithm};
use enfold::data::{DataError, Scaling};
use enfold::{Error, Rows, SnapshotError, StreamState, Table};
use proptest::prelude::*;

fn pushed(values: &[f32], dim: usize) -> Extremes {
    let mut state = Extremes::new(dim).unwrap();
    state.push(Rows::new(values, dim).unwrap(), None).unwrap();
    state
}

fn values() -> impl Strategy<Value = Vec<f32>> {
    let finite = any::<f32>().prop_filter("finite", |v| v.is_finite());
    proptest::collection::vec(finite, 2..40).prop_map(|mut v| {
        v.truncate(v.len() / 2 * 2);
        v
    })
}

proptest! {
    /// Any order, any cut, any merge: the same bytes; and scaled values are between 0 and 1.
    #[test]
    fn extremes_have_no_order(mut values in values(), cut in 0.0f64..1.0) {
        let whole = pushed(&values, 2);
        let at = (cut * (values.len() / 2) as f64) as usize * 2;
        let (mut first, second) = (pushed(&values[..at], 2), pushed(&values[at..], 2));
        let mut back = second.clone();
        first.merge(&second).unwrap();
        back.merge(&pushed(&values[..at], 2)).unwrap();
        prop_assert_eq!(whole.to_bytes().unwrap(), first.to_bytes().unwrap());
        prop_assert_eq!(whole.to_bytes().unwrap(), back.to_bytes().unwrap());
        let reversed: Vec<f32> = values.chunks(2).rev().flatten().copied().collect();
        prop_assert_eq!(whole.to_bytes().unwrap(), pushed(&reversed, 2).to_bytes().unwrap());
        let mut restored = Extremes::new(2).unwrap();
        restored.restore(&whole.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&restored, &whole);
        for t in 0..2 {
            let column = || values.iter().skip(t).step_by(2).copied();
            prop_assert_eq!(whole.lows()[t], column().fold(f32::INFINITY, f32::min));
            prop_assert_eq!(whole.highs()[t], column().fold(f32::NEG_INFINITY, f32::max));
        }
        let largest = values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let before = values.clone();
        whole.scaling().apply(&mut values).unwrap();
        prop_assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        whole.scaling().invert(&mut values).unwrap();
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 4.0 * f32::EPSILON * largest;
        prop_assert!(values.iter().zip(&before).all(near));
    }

    /// A quarter of the values, rounded down, is below the lower quartile, and so on.
    #[test]
    fn quartiles_cut_where_they_should(values in values()) {
        let small: Vec<f32> = values.iter().map(|v| v * 1e-3).collect();
        let scaling = Scaling::robust(&Table::new(small.clone(), 1).unwrap()).unwrap();
        let below = |limit: f64| small.iter().filter(|&&v| f64::from(v) < limit).count();
        let above = |limit: f64| small.iter().filter(|&&v| f64::from(v) > limit).count();
        let half = small.len() / 2;
        prop_assert!(below(scaling.means()[0]) <= half && above(scaling.means()[0]) <= half);
        prop_assert!(scaling.units()[0] > 0.0);
    }
}

#[test]
fn extremes_refuse_what_they_cannot_use() {
    let mut state = pushed(&[1.0, -0.0, 3.0, 0.0], 2);
    let before = state.to_bytes().unwrap();
    let nan = [5.0, 1.0, f32::NAN, 2.0];
    let refused = state.push(Rows::new(&nan[..], 2).unwrap(), None);
    assert_eq!(refused, Err(Error::NotFinite { row: 1 }));
    let refused = state.push(Rows::new(&[9.0f32, 9.0][..], 2).unwrap(), Some(&[-1.0]));
    assert_eq!(refused, Err(Error::Weight { row: 0 }));
    let skipped = state.push(Rows::new(&[9.0f32, 9.0][..], 2).unwrap(), Some(&[0.0])).unwrap();
    assert_eq!((skipped.rows, skipped.skipped), (0, 1));
    assert!(matches!(state.merge(&Extremes::new(3).unwrap()), Err(Error::Shape(_))));
    for at in 0..before.len() {
        let mut damaged = before.clone();
        damaged[at] ^= 4;
        assert!(matches!(state.restore(&damaged), Err(Error::Snapshot(_))), "{at}");
    }
    let wider = Extremes::new(3).unwrap().to_bytes().unwrap();
    assert_eq!(state.restore(&wider), Err(Error::Snapshot(SnapshotError::Shape)));
    assert_eq!(state.to_bytes().unwrap(), before);
    state.decay(2.0).unwrap();
    assert!(matches!(state.decay(1.0), Err(Error::Parameter { name: "time", .. })));
    assert_eq!((state.lows(), state.rows()), (&[1.0, 0.0][..], 2));
    assert!(matches!(Extremes::new(0), Err(DataError::NoColumns)));
}

#[test]
fn quartiles_are_numpys() {
    // numpy.percentile([1, 2, 4, 8, 16, 32], [25, 50, 75]) is 2.5, 6, 14.
    let table = Table::from_rows([[4.0], [32.0], [1.0], [16.0], [2.0], [8.0]]).unwrap();
    let scaling = Scaling::robust(&table).unwrap();
    assert_eq!((scaling.means(), scaling.units()), (&[6.0][..], &[11.5][..]));
    let one = Scaling::robust(&Table::from_rows([[3.0, 4.0]]).unwrap()).unwrap();
    assert_eq!((one.means(), one.units()), (&[3.0, 4.0][..], &[1.0, 1.0][..]));
    let nan = Table::from_rows([[3.0], [f32::NAN]]).unwrap();
    assert!(matches!(Scaling::robust(&nan), Err(DataError::NotFinite { row: 1, column: 0 })));
}

#[test]
fn logarithms_refuse_what_has_none_and_change_nothing() {
    let logarithm = Logarithm::of(2, [1]).unwrap();
    let mut values = [-5.0, 1.0, f32::NAN, -1.0];
    let refused = logarithm.apply(&mut values);
    assert!(matches!(refused, Err(DataError::NotFinite { row: 1, column: 1 })));
    assert_eq!(values[..2], [-5.0, 1.0]);
    let mut values = [0.0, 1e4];
    assert!(matches!(logarithm.invert(&mut values), Err(DataError::NotFinite { .. })));
    assert!(matches!(logarithm.apply(&mut [1.0; 3]), Err(DataError::Length { len: 3, dim: 2 })));
    assert!(matches!(Logarithm::of(2, [2]), Err(DataError::UnknownColumn(_))));
    assert!(matches!(Logarithm::of(0, []), Err(DataError::NoColumns)));
    let mut values = [7.0, 1e-6, 7.0, 1.7e9];
    logarithm.apply(&mut values).unwrap();
    assert_eq!(values, [7.0, 1e-6f64.ln_1p() as f32, 7.0, 1.7e9f64.ln_1p() as f32]);
}
