//! The k-means stream with every call of its backend failing once: the failure comes back as it
//! is, and the state is what it was, or says that it is torn until a snapshot is restored.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use core::convert::Infallible;

use enfold_core::conformance::decorators::{Fault, Faulty};
use enfold_core::store::{Owned, Sizes, Slots};
use enfold_core::stream::{HalfLife, Merge, NonFinite, Rebuild};
use enfold_core::{Error, ErrorKind, Rows, Stream, StreamOptions, StreamState};
use enfold_cpu::Cpu;

const DIM: usize = 2;
const SIZES: Sizes = Sizes { capacity: 8, batch: 5, sample: 6, lists: 2 };
const KINDS: [ErrorKind; 3] = [ErrorKind::OutOfMemory, ErrorKind::DeviceLost, ErrorKind::Other];

type Machine = Faulty<Cpu<f32>>;
type Host = Stream<Machine, Owned<Machine>>;
type Answer<T> = Result<T, Error<Fault<Infallible>>>;

fn data(from: usize, to: usize) -> Vec<f32> {
    (from * DIM..to * DIM).map(|i| (i * 37 % 101 + i % 7 * 400) as f32).collect()
}

fn open(machine: &Machine, options: StreamOptions) -> Answer<Host> {
    let store = Slots::alloc(machine, DIM, SIZES).map_err(Error::Backend)?;
    Stream::new(machine.clone(), store, DIM, options)
}

fn push(stream: &mut Host, from: usize, to: usize) -> Answer<String> {
    let (data, weights) = (data(from, to), vec![1.5; to - from]);
    let pushed = stream.push(Rows::new(&data[..], DIM)?, Some(&weights))?;
    Ok(format!("{pushed:?}"))
}

/// A stream that has been rebuilt and merged, and its bytes.
fn prepared(machine: &Machine, options: StreamOptions) -> (Host, Vec<u8>) {
    let mut stream = open(machine, options).unwrap();
    push(&mut stream, 0, 30).unwrap();
    let mut other = open(machine, options.stream(3)).unwrap();
    push(&mut other, 60, 70).unwrap();
    stream.merge(&other).unwrap();
    let bytes = stream.to_bytes().unwrap();
    (stream, bytes)
}

/// Whether every way to use the state is refused, also after bytes that are no snapshot.
fn is_refused(stream: &mut Host, machine: &Machine) -> bool {
    let torn = |answer: Answer<()>| answer == Err(Error::Torn);
    let mut other = open(machine, stream.options().stream(9)).unwrap();
    push(&mut other, 0, 3).unwrap();
    let whole = other.to_bytes().unwrap();
    assert!(matches!(stream.restore(&whole[1..]), Err(Error::Snapshot(_))));
    torn(push(stream, 0, 1).map(drop))
        && torn(stream.merge(&other))
        && torn(other.merge(stream))
        && other.to_bytes().as_ref() == Ok(&whole)
        && torn(stream.decay(1e6))
        && torn(stream.finish(2).map(drop))
        && torn(stream.elbow(2).map(drop))
        && torn(stream.score(Rows::new(&[0.0; DIM][..], DIM).unwrap(), &mut [0.0]))
        && torn(stream.snapshot(&mut [0; 4096]).map(drop))
}

/// Fails every call of `act` in turn; returns how many failures tore the state, how many did not.
fn torn_by(
    options: StreamOptions,
    act: impl Fn(&mut Host, &Machine) -> Answer<String>,
) -> (usize, usize) {
    let counter = Faulty::never(Cpu::new());
    let (mut stream, before) = prepared(&counter, options);
    let start = counter.calls();
    let answer = act(&mut stream, &counter).unwrap();
    let (end, after) = (counter.calls(), stream.to_bytes().unwrap());
    let (mut torn, mut whole) = (0, 0);
    for (call, kind) in (start..end).zip(KINDS.into_iter().cycle()) {
        let machine = Faulty::new(Cpu::new(), call, kind);
        let mut stream = prepared(&machine, options).0;
        let failed = act(&mut stream, &machine);
        assert_eq!(failed, Err(Error::Backend(Fault::Planned(kind))), "{call} of {start}..{end}");
        if kind == ErrorKind::DeviceLost {
            let lost = [Error::Backend(Fault::Planned(kind)), Error::Torn];
            assert!(lost.contains(&act(&mut stream, &machine).unwrap_err()));
            continue;
        }
        match stream.to_bytes() {
            Ok(bytes) => {
                assert_eq!(bytes, before, "{call} of {start}..{end}");
                whole += 1;
            }
            Err(e) => {
                assert_eq!(e, Error::Torn);
                assert!(is_refused(&mut stream, &machine));
                stream.restore(&before).unwrap();
                torn += 1;
            }
        }
        assert_eq!(act(&mut stream, &machine).as_ref(), Ok(&answer));
        assert_eq!(stream.to_bytes().unwrap(), after, "{call} of {start}..{end}");
    }
    (torn, whole)
}

#[test]
fn opening_fails_as_the_machine_does() {
    let counter = Faulty::never(Cpu::new());
    open(&counter, StreamOptions::new()).unwrap();
    for (call, kind) in (0..counter.calls()).zip(KINDS.into_iter().cycle()) {
        let failed = open(&Faulty::new(Cpu::new(), call, kind), StreamOptions::new());
        assert_eq!(failed.err(), Some(Error::Backend(Fault::Planned(kind))), "call {call}");
    }
}

#[test]
fn a_push_with_rebuilds() {
    let ward = StreamOptions::new().half_life(HalfLife::Rows(9.0));
    let facility = StreamOptions::new().rebuild(Rebuild::Facility).non_finite(NonFinite::Skip);
    for options in [ward, facility] {
        let (torn, whole) = torn_by(options, |stream, _| push(stream, 30, 60));
        // What fails while rows are looked at has changed nothing.
        assert!(torn > 50 && whole > 0, "{torn} {whole}");
    }
}

#[test]
fn a_clock_that_moves() {
    let options = StreamOptions::new().half_life(HalfLife::Time(10.0));
    let (torn, _) = torn_by(options, |stream, _| stream.decay(35.0).map(|()| String::new()));
    assert!(torn > 0);
}

#[test]
fn merges() {
    for merge in [Merge::Compact, Merge::Deferred] {
        let options = StreamOptions::new().merge(merge);
        let (torn, _) = torn_by(options, |stream, machine| {
            let mut other = open(machine, options.stream(7))?;
            push(&mut other, 100, 120)?;
            stream.merge(&other).map(|()| String::new())
        });
        assert!(torn > 0);
    }
}

#[test]
fn restoring() {
    let other = prepared(&Faulty::never(Cpu::new()), StreamOptions::new()).1;
    let (torn, _) = torn_by(StreamOptions::new(), |stream, _| {
        push(stream, 30, 40)?;
        stream.restore(&other).map(|()| String::new())
    });
    assert!(torn > 0);
}

#[test]
fn reading_never_tears() {
    let (torn, _) = torn_by(StreamOptions::new(), |stream, _| {
        let (rows, mut scores) = (data(3, 9), [0.0; 6]);
        stream.score(Rows::new(&rows[..], DIM)?, &mut scores)?;
        Ok(format!("{:?}", (scores, stream.elbow(2)?)))
    });
    assert_eq!(torn, 0);
    let (torn, _) = torn_by(StreamOptions::new().merge(Merge::Deferred), |stream, _| {
        Ok(format!("{:?}", (stream.elbow(2)?, stream.to_bytes()?)))
    });
    assert_eq!(torn, 0);
}
