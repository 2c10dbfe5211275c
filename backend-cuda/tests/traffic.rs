//! What crosses the border between host and device, counted.

mod common;

use common::open;
use enfold_core::conformance::stories;
use enfold_cuda::Options;

/// And it launches six kernels at most, whatever the number of rows.
#[test]
fn a_step_of_lloyd_reads_sums_and_masses_only() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::a_step_of_lloyd_reads_sums_and_masses_only(
        &gpu,
        |gpu| gpu.tally(),
        |before, after| {
            assert_eq!(after.waits - before.waits, 1);
            assert!(after.launches - before.launches <= 6, "{before:?} {after:?}");
            assert_eq!(after.uploads - before.uploads, 1, "the centres");
        },
    );
}

#[test]
fn an_iteration_of_a_fit_waits_a_fixed_number_of_times() {
    let Some(gpu) = open(&Options::new()) else { return };
    stories::an_iteration_of_a_fit_waits_a_fixed_number_of_times(&gpu, |gpu| gpu.tally().waits);
}
