//! What decorators count and how they fail.
#![cfg(feature = "conformance")]

use enfold_core::conformance::bed::Entries;
use enfold_core::conformance::decorators::{Bare, Call, Fault, Faulty, Traced};
use enfold_core::{Alloc, Backend, BackendError, ErrorKind, Metric, Nearest, Pairs, Rows};
use enfold_cpu::Cpu;

const X: [f32; 3] = [0.0, 1.0, 5.0];

fn nearest<B: Backend<Elem = f32, Buf<f32> = [f32]> + Backend<Buf<u32> = [u32]>>(
    b: &B,
) -> Result<[u32; 3], B::Error> {
    let rows = Rows::new(&X[..], 1).expect("whole rows");
    let pairs = Pairs::new(rows, rows, Metric::SqEuclidean).expect("one dim");
    let Entries { k, mut dist, index } = Entries::<f32>::empty(3, 1, &(0..3));
    let mut index = [index[0]; 3];
    b.nearest(pairs, Nearest { k, dist: &mut dist[..], index: &mut index[..] })?;
    Ok(index)
}

#[test]
fn traced_counts_calls_and_bytes_and_clones_share_the_counts() {
    let b = Traced::new(Cpu::<f32>::new());
    let mut buffer = b.alloc::<f32>(10).expect("memory");
    b.clone().write(&mut buffer, 2, &[1.0, 2.0]).expect("infallible");
    b.read(&buffer, 0, &mut [0.0; 5]).expect("infallible");
    b.sync().expect("infallible");
    assert_eq!(nearest(&b), Ok([0, 1, 2]));
    assert_eq!((b.bytes_allocated(), b.bytes_written(), b.bytes_read()), (40, 8, 20));
    let calls = [Call::Alloc, Call::Write, Call::Read, Call::Sync, Call::Nearest, Call::Fill];
    assert_eq!(calls.map(|c| b.calls(c)), [1, 1, 1, 1, 1, 0]);
    assert_eq!((b.total(), b.waits()), (5, 2));
    b.reset();
    assert_eq!((b.total(), b.bytes_read()), (0, 0));
}

#[test]
fn a_provided_body_is_seen_call_by_call_from_below() {
    let (below, above) = (Traced::new(Cpu::<f32>::new()), Traced::new(Bare(Cpu::<f32>::new())));
    nearest(&Bare(below.clone())).expect("infallible");
    nearest(&above).expect("infallible");
    assert_eq!((below.calls(Call::Nearest), below.calls(Call::Distances)), (0, 3));
    assert_eq!((above.calls(Call::Nearest), above.calls(Call::Distances)), (1, 0));
}

#[test]
fn every_call_of_a_provided_body_hands_its_failure_up() {
    let counter = Faulty::never(Cpu::<f32>::new());
    let answer = nearest(&Bare(counter.clone())).expect("never fails");
    for failing in 0..counter.calls() {
        for kind in [ErrorKind::OutOfMemory, ErrorKind::DeviceLost, ErrorKind::Other] {
            let b = Bare(Faulty::new(Cpu::<f32>::new(), failing, kind));
            assert_eq!(nearest(&b), Err(Fault::Planned(kind)), "call {failing}");
            let again = nearest(&b);
            if kind == ErrorKind::DeviceLost {
                assert_eq!(again.map_err(|e| e.kind()), Err(kind), "a lost device stays lost");
            } else {
                assert_eq!(again, Ok(answer), "other failures happen once");
            }
        }
    }
}

#[test]
fn no_backend_is_a_skip() {
    let law = |_: &Cpu<f32>| panic!("there is nothing to run on");
    if std::env::var_os("ENFOLD_REQUIRE_GPU").is_none() {
        enfold_core::conformance::check("law", || None, law);
    }
}
