//! A dictionary beside `hashbrown`'s map in the same process, and what passing one on costs:
//! `cargo bench -p millpond-benches --bench dict`, or with a part of a measure's name at the end; `-- --large` has
//! 50 million keys instead of 5.
//!
//! Rows are 8 x f32, keys random 64-bit numbers. Ratios above 1 say that millpond is faster. What the figures
//! mean is in `docs/performance.md`.

use std::hint::black_box;
use std::time::Instant;

use hashbrown::HashMap;
use millpond::{ArrayDict, DictOptions};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use millpond_benches::rounds::{Table, Unit, quantile};

type Row = [f32; 8];
type Dict = ArrayDict<u64, Row>;
type Outcome = Result<(), Box<dyn std::error::Error>>;

const FILLED: usize = 10_000_000;
/// Keys of a call.
const BATCH: usize = 4096;

fn main() -> Outcome {
    let table = Table::begin();
    look_up(&table)?;
    fill(&table)?;
    pass_on(&table)
}

fn row(key: u64) -> Row {
    [key as f32; 8]
}

/// Random lookups of keys that are there, and of keys that are not.
fn look_up(table: &Table) -> Outcome {
    let mut random = SmallRng::seed_from_u64(1);
    let millions = if table.is_large() { 50 } else { 5 };
    let count = millions * 1_000_000;
    let keys: Vec<u64> = (0..count).map(|_| random.next_u64()).collect();
    let mut map = HashMap::with_capacity(count);
    map.extend(keys.iter().map(|&key| (key, row(key))));
    for huge in [false, true] {
        let Ok(dict) = Dict::anonymous(DictOptions::new(count).huge_pages(huge)) else {
            println!("no huge pages here");
            continue;
        };
        dict.extend(keys.iter().map(|&key| (key, row(key))))?;
        let pages = if huge { ", huge pages" } else { "" };
        let mut random = SmallRng::seed_from_u64(2);
        let mut asked = || keys[random.random_range(0..count)];
        let wanted: Vec<Vec<u64>> = (0..64)
            .map(|_| (0..BATCH).map(|_| asked()).collect())
            .collect();
        let mut turn = 0;
        let mut next = move || {
            turn = (turn + 1) % 64;
            turn
        };
        let theirs = |batch: &[u64]| -> f32 { batch.iter().map(|key| map[key][3]).sum() };
        let one_by_one = |batch: &[u64]| -> f32 {
            let found = |key| dict.get(key).unwrap().unwrap()[3];
            batch.iter().map(found).sum()
        };
        let view = dict.read()?;
        let in_view =
            |batch: &[u64]| -> f32 { batch.iter().map(|key| view.get(key).unwrap()[3]).sum() };
        let mut rows = vec![Row::default(); BATCH];
        let mut many = |batch: &[u64]| {
            assert!(dict.get_many(batch, &mut rows).unwrap().is_empty());
            rows[7][3]
        };
        let absent = |batch: &[u64]| -> usize {
            batch
                .iter()
                .filter(|&key| dict.contains(&!key).unwrap())
                .count()
        };
        let absent_theirs = |batch: &[u64]| -> usize {
            batch.iter().filter(|&key| map.contains_key(&!key)).count()
        };
        let unit = Unit::Records(BATCH);
        let name = |what: &str| format!("{what}, {millions} M keys{pages}");
        let mut other = next;
        table.compare(
            &name("get"),
            unit,
            "0.7",
            || one_by_one(&wanted[next()]),
            || theirs(&wanted[other()]),
        );
        table.compare(
            &name("get in a view"),
            unit,
            "0.7",
            || in_view(&wanted[next()]),
            || theirs(&wanted[other()]),
        );
        table.compare(
            &name("get_many"),
            unit,
            "",
            || many(&wanted[next()]),
            || theirs(&wanted[other()]),
        );
        table.compare(
            &name("contains, absent"),
            unit,
            "",
            || absent(&wanted[next()]),
            || absent_theirs(&wanted[other()]),
        );
    }
    Ok(())
}

/// Filling from small, with growth.
fn fill(table: &Table) -> Outcome {
    let names = ["insert", "checkout, insert", "extend, 1000 at a time"];
    let names = names.map(|name| format!("fill 10 M rows from small: {name}"));
    if !names.iter().any(|name| table.wants(name)) {
        return Ok(());
    }
    let mut times = [(); 4].map(|()| Vec::new());
    for turn in 0..5 {
        let mut random = SmallRng::seed_from_u64(turn);
        let pair = |key| (key, row(key));
        let pairs: Vec<(u64, Row)> = (0..FILLED).map(|_| pair(random.next_u64())).collect();
        let fills: [&dyn Fn() -> Outcome; 4] = [
            &|| {
                let mut map = HashMap::new();
                for (key, row) in &pairs {
                    map.insert(*key, *row);
                }
                black_box(&map);
                Ok(())
            },
            &|| {
                let dict = Dict::anonymous(DictOptions::new(0))?;
                for (key, row) in &pairs {
                    dict.insert(*key, row)?;
                }
                Ok(())
            },
            &|| {
                let dict = Dict::anonymous(DictOptions::new(0))?;
                let mut checkout = dict.checkout()?;
                for (key, row) in &pairs {
                    checkout.insert(*key, row)?;
                }
                Ok(())
            },
            &|| {
                let dict = Dict::anonymous(DictOptions::new(0))?;
                for some in pairs.chunks(1000) {
                    dict.extend(some.iter().copied())?;
                }
                Ok(())
            },
        ];
        for (fill, times) in fills.into_iter().zip(&mut times) {
            let began = Instant::now();
            fill()?;
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let [theirs, ours @ ..] = times;
    for (name, ours) in names.iter().zip(ours) {
        let mut ratios: Vec<f64> = theirs.iter().zip(&ours).map(|(a, b)| a / b).collect();
        let rate = |times: &[f64]| Unit::Records(FILLED).show(quantile(&mut times.to_vec(), 0.5));
        let ratio = quantile(&mut ratios, 0.5);
        table.show(
            name,
            rate(&ours),
            format!("{}, ratio {ratio:.2}", rate(&theirs)),
        );
    }
    Ok(())
}

/// Who has filled a dictionary gives it to another.
fn pass_on(table: &Table) -> Outcome {
    let name = format!("bench-dict-{}", std::process::id());
    let dict = Dict::create(&name, DictOptions::new(0))?;
    dict.extend((0..1_000_000).map(|key| (key, row(key))))?;
    let mut times = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        let other = Dict::open(&name)?;
        let checkout = other.checkout()?;
        assert_eq!(checkout.get(&77), Some(&row(77)));
        times.push(began.elapsed().as_secs_f64());
    }
    millpond::unlink(&name)?;
    table.show(
        "open and check out 10^6 rows, read one",
        Unit::Time.show(quantile(&mut times, 0.5)),
        String::new(),
    );
    Ok(())
}
