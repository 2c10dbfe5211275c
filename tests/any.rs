//! Machines chosen at run time: each algorithm gives on [`enfold::Any`] what it gives on the
//! machine inside, and buffers of another machine are refused.
#![cfg(any(feature = "cuda", feature = "wgpu"))]

#[cfg(feature = "cuda")]
use enfold::CudaError;
#[cfg(feature = "wgpu")]
use enfold::WgpuError;
use enfold::neighbors::Neighbors;
use enfold::random::Draws;
use enfold::scores::Silhouette;
use enfold::{
    Alloc, Any, AnyError, Backend, Cpu, Dbscan, Device, KMeans, Metric, Pairs, Table, rows,
};

const DIM: usize = 3;

fn table() -> Table {
    let draws = Draws::new(3, 1);
    let cell = |at: usize| {
        let group = draws.below((at / DIM) as u64, u32::MAX, 5);
        6.0 * draws.unit(group, (at % DIM) as u32) + draws.unit(1000 + at as u64, 9)
    };
    Table::new((0..900 * DIM).map(cell).collect(), DIM).expect("whole rows")
}

/// The machines of this test run, the CPU first.
fn machines() -> Vec<Any> {
    let mut all = vec![Any::Cpu(Cpu::new())];
    #[cfg(feature = "cuda")]
    all.extend(found(Device::cuda()));
    #[cfg(feature = "wgpu")]
    all.extend(found(Device::wgpu()));
    all
}

/// A machine that is there, which it must be where one is demanded.
fn found<E: std::fmt::Display>(machine: Result<Any, E>) -> Option<Any> {
    machine
        .map_err(|e| {
            let demanded = std::env::var("ENFOLD_REQUIRE_GPU").is_ok_and(|v| v == "1");
            assert!(!demanded, "ENFOLD_REQUIRE_GPU=1 demands a GPU: {e}");
            eprintln!("one machine fewer: {e}");
        })
        .ok()
}

#[test]
fn algorithms_give_on_any_machine_what_they_give_on_the_cpu() {
    let (table, cpu) = (table(), Device::cpu());
    let fit = KMeans::new(5).seed(2).fit(&cpu, table.rows()).expect("a fit");
    let lists = Neighbors::new(6).within(&cpu, table.rows()).expect("lists");
    let dense = Dbscan::new(0.4, 4).fit(&cpu, table.rows()).expect("a fit");
    let score = Silhouette::new().score(&cpu, table.rows(), &fit.labels).expect("a score");
    for any in machines() {
        let on = any.upload(table.rows()).expect("memory");
        let x = rows::<Any>(&on, DIM).expect("rows");
        let exact = match &any {
            #[cfg(feature = "wgpu")]
            Any::Wgpu(gpu) => gpu.is_exact().expect("a device"),
            _ => true,
        };
        let found = KMeans::new(5).seed(2).fit(&any, x).expect("a fit");
        assert!((found.model.cost / fit.model.cost - 1.0).abs() < 1e-5, "{}", any.name());
        let near = Neighbors::new(6).within(&any, x).expect("lists");
        assert!(!exact || (found == fit && near == lists), "{}", any.name());
        let found = Dbscan::new(0.4, 4).fit(&any, x).expect("a fit");
        assert_eq!(found.labels, dense.labels, "{}", any.name());
        let found = Silhouette::new().score(&any, x, &fit.labels).expect("a score");
        assert!((found - score).abs() < 1e-5, "{}", any.name());
    }
}

#[test]
fn buffers_of_another_machine_are_refused() {
    let machines = machines();
    let [cpu, gpu, ..] = &machines[..] else { return };
    let (here, there) = (cpu.upload(table().rows()), gpu.upload(table().rows()));
    let (here, mut there) = (here.expect("memory"), there.expect("memory"));
    assert_eq!(cpu.copy(&here, 0, &mut there, 0, 3), Err(AnyError::Foreign));
    assert_eq!(gpu.copy(&here, 0, &mut there, 0, 3), Err(AnyError::Foreign));
    let (x, y) = (rows::<Any>(&here, DIM).expect("rows"), rows::<Any>(&there, DIM).expect("rows"));
    let pairs = Pairs::new(x, y, Metric::Euclidean).expect("pairs");
    assert_eq!(gpu.distances(pairs, &mut [0.0; 4]), Err(AnyError::Foreign));
    assert_eq!(gpu.fill::<f32>(&mut cpu.alloc(3).expect("memory"), 1.0), Err(AnyError::Foreign));
}

#[test]
fn the_best_machine_is_there() {
    let machines = machines();
    let best = Device::best();
    assert!(!best.name().is_empty());
    #[cfg(feature = "cuda")]
    if let Some(gpu) = machines.iter().find(|m| matches!(m, Any::Cuda(_))) {
        assert_eq!(best.name(), gpu.name(), "CUDA comes first");
    }
    assert!(machines.len() > 1 || matches!(best, Any::Cpu(_)));
}

#[cfg(feature = "cuda")]
#[test]
fn gpus_are_opened_by_their_place_and_what_is_missing_is_said() {
    match Device::gpus() {
        Ok(gpus) => {
            for gpu in &gpus {
                let any = Device::cuda_at(gpu.index).expect("a listed device");
                assert_eq!(any.name(), gpu.name);
            }
            let error = Device::cuda_at(1000).expect_err("not so many");
            assert!(matches!(error, CudaError::NoDevice { .. }), "{error}");
        }
        Err(e) => assert!(matches!(e, CudaError::NoDriver { .. } | CudaError::OldDriver { .. })),
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn an_unknown_adapter_is_named() {
    let error = Device::wgpu_named("no such adapter").expect_err("nobody makes it");
    assert!(matches!(error, WgpuError::NoAdapter { .. }), "{error}");
    assert_eq!(Device::wgpu_at(1000).map(drop).map_err(|e| e.to_string().is_empty()), Err(false));
}
