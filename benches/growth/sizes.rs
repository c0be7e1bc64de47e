//! The sweeps of one process: how large the pool is, its records, its batches.

use crate::Outcome;
use crate::pond::{LARGEST_BATCH, Pond};
use crate::sweep::Kind::{
    Insert, InsertOne, PlainCopy, PlainGather, Sample, SampleAndGather, Update,
};
use crate::sweep::{Effort, Line, Sweep, Titles};

/// As in the other benchmarks: what a simulator inserts at once, and a learner samples.
const CHUNK: usize = 64;
const BATCH: usize = 256;
/// Numbers in a record of 64 bytes.
const SMALL: usize = 16;

/// Capacities from 2^10 to 2^26, of 64-byte records.
pub fn capacity(effort: Effort) -> Outcome<Sweep> {
    let titles = Titles {
        title: "Cost of a record, by the capacity of the pool",
        subtitle: "records of 64 bytes, one process",
        x: "records in the pool, and their size",
        y: "nanoseconds a record",
    };
    let lines = vec![
        Line::new("sample 256", Sample),
        Line::new("sample 256, gather", SampleAndGather),
        Line::new("plain memory: gather", PlainGather),
        Line::new("update 256", Update),
        Line::new("insert 1", InsertOne),
        Line::new("insert 64", Insert),
        Line::new("plain memory: copy", PlainCopy),
    ];
    let mut sweep = Sweep::begin(titles, lines);
    let exponents = [10, 12, 14, 16, 18, 20, 22, 24, 26];
    for exponent in effort.points(&exponents) {
        // The largest would take a quick run half of its time.
        if effort == Effort::Quick && exponent > 22 {
            continue;
        }
        let capacity = 1 << exponent;
        let size = in_bytes(capacity * Pond::<SMALL>::BYTES);
        sweep.point(capacity as f64, format!("2^{exponent}, {size}"));
        match Pond::<SMALL>::new(capacity) {
            Err(error) => sweep.not_run(error),
            Ok(mut pond) => {
                let mut calls = pond.calls(CHUNK, BATCH);
                sweep.values(nanoseconds(calls.samples(effort.turns())));
                sweep.values(nanoseconds(calls.updates(effort.turns())));
                sweep.values(nanoseconds(calls.inserts(effort.turns())));
            }
        }
    }
    Ok(sweep)
}

/// Bytes of records in the pools of this sweep.
const POOL: usize = 512 << 20;

/// Records of 64 bytes to 64 KiB, in pools of as many bytes.
pub fn record(effort: Effort) -> Outcome<Sweep> {
    let titles = Titles {
        title: "Bytes a second, by the size of a record",
        subtitle: "512 MiB of records, one process",
        x: "bytes in a record",
        y: "gigabytes a second",
    };
    let lines = vec![
        Line::new("sample 256, gather", SampleAndGather),
        Line::new("plain memory: gather", PlainGather),
        Line::new("insert 1", InsertOne),
        Line::new("insert 64", Insert),
        Line::new("plain memory: copy", PlainCopy),
    ];
    let mut sweep = Sweep::begin(titles, lines);
    let points: [fn(&mut Sweep, Effort); 6] = [
        record_point::<16>,
        record_point::<64>,
        record_point::<256>,
        record_point::<1024>,
        record_point::<4096>,
        record_point::<16384>,
    ];
    for point in effort.points(&points) {
        point(&mut sweep, effort);
    }
    Ok(sweep)
}

fn record_point<const N: usize>(sweep: &mut Sweep, effort: Effort) {
    let bytes = Pond::<N>::BYTES;
    sweep.point(bytes as f64, in_bytes(bytes));
    match Pond::<N>::new(POOL / bytes) {
        Err(error) => sweep.not_run(error),
        Ok(mut pond) => {
            let mut calls = pond.calls(CHUNK, BATCH);
            let gigabytes = |seconds: f64| Some(bytes as f64 / seconds / 1e9);
            let [_, sampled, gathered] = calls.samples(effort.turns());
            sweep.values([sampled, gathered].map(gigabytes));
            sweep.values(calls.inserts(effort.turns()).map(gigabytes));
        }
    }
}

/// Batches of 1 to 4096 records of 64 bytes.
pub fn batch(effort: Effort) -> Outcome<Sweep> {
    let titles = Titles {
        title: "Cost of a record, by the records a call",
        subtitle: "2^20 records of 64 bytes, one process",
        x: "records a call",
        y: "nanoseconds a record",
    };
    let lines = vec![
        Line::new("sample", Sample),
        Line::new("sample, gather", SampleAndGather),
        Line::new("plain memory: gather", PlainGather),
        Line::new("update", Update),
        Line::new("insert together", Insert),
        Line::new("plain memory: copy", PlainCopy),
    ];
    let mut sweep = Sweep::begin(titles, lines);
    let mut pond = Pond::<SMALL>::new(1 << 20)?;
    for count in effort.points(&[1, 4, 16, 64, 256, 1024, LARGEST_BATCH]) {
        sweep.point(count as f64, count.to_string());
        let mut calls = pond.calls(count, count);
        sweep.values(nanoseconds(calls.samples(effort.turns())));
        sweep.values(nanoseconds(calls.updates(effort.turns())));
        let [_, together, copied] = calls.inserts(effort.turns());
        sweep.values(nanoseconds([together, copied]));
    }
    Ok(sweep)
}

fn nanoseconds<const COUNT: usize>(seconds: [f64; COUNT]) -> [Option<f64>; COUNT] {
    seconds.map(|seconds| Some(seconds * 1e9))
}

fn in_bytes(bytes: usize) -> String {
    match bytes.ilog2() {
        ..10 => format!("{bytes} B"),
        10..20 => format!("{} KiB", bytes >> 10),
        20..30 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
