//! CUDA signs the contract: the whole suite, with the distances of the definition, on a device
//! shared by all laws – a GPU, or the stand-in driver of `tests/driver` (`ci.sh cuda`) – and the
//! laws of the nearest rows once more with each filter, however few the rows.

use std::sync::OnceLock;

use enfold_cuda::{Cuda, CudaError, Filter, Options};

type Opened = OnceLock<Result<Cuda, CudaError>>;

fn open(device: &Opened, filter: Filter) -> Option<Cuda> {
    match device.get_or_init(|| Options::new().filter(filter).open()) {
        Ok(gpu) => Some(gpu.clone()),
        Err(e) => {
            eprintln!("{e}");
            None
        }
    }
}

fn device() -> Option<Cuda> {
    static DEVICE: Opened = OnceLock::new();
    open(&DEVICE, Filter::Auto)
}

enfold_core::conformance!(ieee device);

macro_rules! filtered {
    ($name:ident, $filter:expr) => {
        mod $name {
            fn device() -> Option<super::Cuda> {
                static DEVICE: super::Opened = super::OnceLock::new();
                super::open(&DEVICE, $filter)
            }

            enfold_core::conformance! {
                @laws device;
                calls_act_in_order
                every_fold_is_repeatable
                nearest_again_changes_nothing
                nearest_agrees_with_the_oracle
                nearest_equals_the_provided_body
                nearest_gives_ties_to_the_lower_row
                nearest_is_the_fold_of_the_distances
                nearest_of_few_is_the_start_of_nearest_of_many
                nearest_splits
                nearest_takes_the_largest_k
                rows_that_are_not_finite_have_no_neighbours
            }
        }
    };
}

filtered!(filter_in_f32, super::Filter::Single);
filtered!(filter_on_the_matrix_unit, super::Filter::Matrix);
