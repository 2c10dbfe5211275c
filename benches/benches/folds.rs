//! The folds under criterion, on the shapes of `enfold-bench folds --quick`: its statistics, and its
//! comparison with the last run. Which backend and peer is quicker is `enfold-bench`'s to say.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use enfold_bench::cases;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let few = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200));
    let mut criterion = few.measurement_time(Duration::from_secs(1)).configure_from_args();
    cases::each(|case| {
        let [fold, shape, backend] = case.name().map(str::to_owned);
        let mut group = criterion.benchmark_group(format!("{fold}/{shape}"));
        group.throughput(Throughput::Elements(case.operations()));
        let mut wrong = None;
        group.bench_function(backend, |bencher| {
            bencher.iter_custom(|calls| {
                let times: Result<Duration, _> = (0..calls).map(|_| case.time()).sum();
                // A time of 0 would be no measure; the run ends below.
                times.unwrap_or_else(|e| {
                    wrong = Some(e);
                    Duration::from_nanos(calls)
                })
            });
        });
        group.finish();
        wrong.map_or(Ok(()), Err)
    })?;
    criterion.final_summary();
    Ok(())
}
