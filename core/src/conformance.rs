//! The suite that every backend runs: [cases], an [oracle], [laws], one
//! [error model](tolerance), and backends around backends ([decorators]); and [stories], whole
//! algorithms on two machines.
//!
//! [`conformance!`](crate::conformance!) is the whole of a test file of a backend's author. It
//! makes one test per law, so that a failure names the law; the message names the case.
//!
//! ```
//! use enfold_core::conformance::{check, decorators::Opaque, laws};
//!
//! // What the macro writes for each law, on a device that has only the four required functions.
//! check("new_buffers_hold_zeros", || Some(Opaque::<f32>::new()), laws::new_buffers_hold_zeros);
//! ```

pub mod bed;
pub mod cases;
pub mod decorators;
pub mod laws;
pub mod oracle;
pub mod stories;
pub mod tolerance;

/// Runs one law on the backend that `open` gives. None is reported as skipped.
///
/// # Panics
/// The law is broken; or there is no backend and `ENFOLD_REQUIRE_GPU=1` demands one.
pub fn check<B>(name: &str, open: impl FnOnce() -> Option<B>, law: impl FnOnce(&B)) {
    let demanded = std::env::var("ENFOLD_REQUIRE_GPU").is_ok_and(|v| v == "1");
    match open() {
        Some(b) => law(&b),
        None => {
            assert!(!demanded, "{name}: no backend, and ENFOLD_REQUIRE_GPU=1 demands one");
            std::eprintln!("skipped {name}: no backend on this machine");
        }
    }
}

/// One test per law for the backend that a closure gives: `|| Some(backend)`, or None where the
/// machine lacks it, which is reported as skipped (`ENFOLD_REQUIRE_GPU=1` turns that into a
/// failure). With `ieee` in front, distances must be the bits of
/// [`distance`](crate::distance::distance) too.
///
/// ```
/// # use enfold_core::conformance::decorators::Opaque;
/// enfold_core::conformance!(ieee || Some(Opaque::<f32>::new()));
/// ```
#[macro_export]
macro_rules! conformance {
    (ieee $open:expr) => {
        $crate::conformance!(@laws $open; ieee_distances_are_the_definition);
        $crate::conformance!($open);
    };
    (@laws $open:expr; $($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                $crate::conformance::check(stringify!($law), $open, $crate::conformance::laws::$law);
            }
        )*
    };
    ($open:expr) => {
        $crate::conformance! {
            @laws $open;
            a_pair_has_one_distance
            accumulate_has_no_order
            accumulate_is_exact
            accumulate_reaches_its_limits
            calls_act_in_order
            copy_and_fill_do_what_they_say
            count_changed_counts_positions_that_differ
            count_within_is_the_fold_of_the_distances
            count_within_splits_and_equals_the_provided_body
            distances_are_accurate
            distances_are_accurate_far_off_centre
            distances_are_symmetric_and_never_negative
            distances_write_only_what_is_visited
            each_does_every_job_once
            empty_sides_change_nothing
            every_fold_equals_the_provided_body
            every_fold_is_repeatable
            join_within_is_the_fold_of_the_distances
            join_within_splits_and_equals_the_provided_body
            lattice_distances_are_exact
            layout_agrees_with_the_oracle
            layout_is_repeatable
            lowest_within_is_the_fold_of_the_distances
            lowest_within_splits_and_equals_the_provided_body
            nearest_again_changes_nothing
            nearest_agrees_with_the_oracle
            nearest_equals_the_provided_body
            nearest_gives_ties_to_the_lower_row
            nearest_is_the_fold_of_the_distances
            nearest_of_few_is_the_start_of_nearest_of_many
            nearest_splits
            nearest_takes_the_largest_k
            new_buffers_hold_zeros
            read_all_reads_each_from_its_start
            rows_that_are_not_finite_have_no_neighbours
            sum_by_label_goes_on_past_what_f32_counts
            sum_by_label_is_the_fold_of_the_distances
            sum_by_label_leaves_other_labels_alone
            sums_are_sums_of_chunks
            sums_go_on_past_what_f32_counts
            what_is_written_is_read
        }
    };
}
