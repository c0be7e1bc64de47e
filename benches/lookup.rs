//! Lookups beside `hashbrown`'s map in the same process: `cargo bench -p millpond-benches --bench lookup`, or with a part of a
//! measure's name at the end; `-- --large` has 50 million keys instead of 5.
//!
//! Keys are random 64-bit numbers and values 8 x f32, or both are strings. Ratios above 1 say that millpond is
//! faster. What the figures mean is in `docs/performance.md`.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use hashbrown::HashMap;
use millpond::Lookup;
use millpond::readonly::OpenOptions;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use millpond_benches::rounds::{Table, Unit, quantile};

type Row = [f32; 8];
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Pairs of a table whose building is measured.
const BUILT: usize = 10_000_000;
/// Keys of a call.
const BATCH: usize = 4096;
/// Calls with different keys.
const BATCHES: usize = 64;

fn main() -> Outcome {
    if let Some(count) =
        std::env::args().find_map(|word| word.strip_prefix("--build=")?.parse().ok())
    {
        return build_and_say(count);
    }
    let table = Table::begin();
    let millions = if table.is_large() { 50 } else { 5 };
    look_up_rows(&table, millions)?;
    look_up_words(&table, millions)?;
    build(&table)
}

fn row(key: u64) -> Row {
    [key as f32; 8]
}

fn random_keys(seed: u64, count: usize) -> impl Iterator<Item = u64> {
    let mut random = SmallRng::seed_from_u64(seed);
    (0..count).map(move |_| random.next_u64())
}

/// Gives 0 to 63, again and again.
fn turns() -> impl FnMut() -> usize + Clone {
    let mut turn = 0;
    move || {
        turn = (turn + 1) % BATCHES;
        turn
    }
}

/// Batches of keys that are chosen at random.
fn chosen<K: Clone>(keys: &[K]) -> Vec<Vec<K>> {
    let mut random = SmallRng::seed_from_u64(2);
    let mut batch = || {
        (0..BATCH)
            .map(|_| keys[random.random_range(0..keys.len())].clone())
            .collect()
    };
    (0..BATCHES).map(|_| batch()).collect()
}

/// Random lookups of numbers that are there, and of numbers that are not.
fn look_up_rows(table: &Table, millions: usize) -> Outcome {
    let keys: Vec<u64> = random_keys(1, millions * 1_000_000).collect();
    let pairs = || keys.iter().map(|&key| (key, row(key)));
    let mut map = HashMap::with_capacity(keys.len());
    map.extend(pairs());
    let lookup = Lookup::<u64, Row>::build(pairs())?;
    let wanted = chosen(&keys);
    let theirs = |batch: &[u64]| -> f32 { batch.iter().map(|key| map[key][3]).sum() };
    let one_by_one =
        |batch: &[u64]| -> f32 { batch.iter().map(|key| lookup.get(key).unwrap()[3]).sum() };
    let many = |batch: &[u64]| {
        let mut sum = 0.0;
        lookup.get_many(batch, |_, row| sum += row.unwrap()[3]);
        sum
    };
    let absent = |batch: &[u64]| batch.iter().filter(|&key| lookup.contains(&!key)).count();
    let absent_theirs = |batch: &[u64]| batch.iter().filter(|&key| map.contains_key(&!key)).count();
    let unit = Unit::Records(BATCH);
    let name = |what: &str| format!("{what}, {millions} M u64 -> [f32; 8]");
    let (mut next, mut other) = (turns(), turns());
    table.compare(
        &name("get"),
        unit,
        "1.0",
        || one_by_one(&wanted[next()]),
        || theirs(&wanted[other()]),
    );
    table.compare(
        &name("get_many"),
        unit,
        "1.3",
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
    // Each search waits for the one before it: the next key is chosen by the sign of what was found.
    let all = wanted.concat();
    let (mut at, mut at_theirs) = (0, 0);
    table.compare(
        &name("get, each after the other"),
        Unit::Time,
        "1.0",
        || at = (at + 1 + sign(lookup.get(&all[at]).unwrap())) % all.len(),
        || at_theirs = (at_theirs + 1 + sign(&map[&all[at_theirs]])) % all.len(),
    );
    drop(lookup);
    in_huge_pages(table, &name, pairs(), &wanted, theirs)
}

/// 0, which the compiler does not know.
fn sign(row: &Row) -> usize {
    (row[3].to_bits() >> 31) as usize
}

/// The same table once more, where the system has huge pages to give.
fn in_huge_pages(
    table: &Table,
    name: &dyn Fn(&str) -> String,
    pairs: impl Iterator<Item = (u64, Row)>,
    wanted: &[Vec<u64>],
    theirs: impl Fn(&[u64]) -> f32,
) -> Outcome {
    const NAME: &str = "bench-lookup/huge";
    let (one, many) = (name("get, huge pages"), name("get_many, huge pages"));
    if !table.wants(&one) && !table.wants(&many) {
        return Ok(());
    }
    Lookup::<u64, Row>::publish(NAME, pairs)?;
    let opened = Lookup::<u64, Row>::open_with(NAME, &OpenOptions::new().huge_pages(true));
    millpond::unlink(NAME)?;
    let lookup = match opened {
        Ok(lookup) => lookup,
        Err(error) => {
            println!("no huge pages: {error}");
            return Ok(());
        }
    };
    let (mut next, mut other) = (turns(), turns());
    table.compare(
        &one,
        Unit::Records(BATCH),
        "",
        || -> f32 {
            wanted[next()]
                .iter()
                .map(|key| lookup.get(key).unwrap()[3])
                .sum()
        },
        || theirs(&wanted[other()]),
    );
    table.compare(
        &many,
        Unit::Records(BATCH),
        "",
        || {
            let mut sum = 0.0;
            lookup.get_many(&wanted[next()], |_, row| sum += row.unwrap()[3]);
            sum
        },
        || theirs(&wanted[other()]),
    );
    Ok(())
}

/// The same of strings, a fifth as many.
fn look_up_words(table: &Table, millions: usize) -> Outcome {
    let keys: Vec<String> = random_keys(3, millions * 200_000)
        .map(|key| format!("word {key:x}!"))
        .collect();
    let pairs = || keys.iter().map(|key| (key.clone(), key[5..].to_string()));
    let map: HashMap<String, String> = pairs().collect();
    let lookup = Lookup::<str, str>::build(pairs())?;
    let wanted = chosen(&keys);
    let theirs = |batch: &[String]| -> usize { batch.iter().map(|key| map[key].len()).sum() };
    let one_by_one = |batch: &[String]| -> usize {
        batch.iter().map(|key| lookup.get(key).unwrap().len()).sum()
    };
    let many = |batch: &[String]| {
        let mut sum = 0;
        lookup.get_many(batch, |_, word| sum += word.unwrap().len());
        sum
    };
    let absent = |batch: &[String]| {
        batch
            .iter()
            .filter(|key| lookup.contains(&key[1..]))
            .count()
    };
    let absent_theirs = |batch: &[String]| {
        batch
            .iter()
            .filter(|key| map.contains_key(&key[1..]))
            .count()
    };
    let unit = Unit::Records(BATCH);
    let name = |what: &str| format!("{what}, {} M str -> str", millions as f64 / 5.0);
    let (mut next, mut other) = (turns(), turns());
    table.compare(
        &name("get"),
        unit,
        "",
        || one_by_one(&wanted[next()]),
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
    Ok(())
}

/// Building, beside inserting into a map that grows; and the memory that a process takes which only builds.
fn build(table: &Table) -> Outcome {
    let name = "build 10 M u64 -> [f32; 8]";
    if table.wants(name) {
        let (mut ours, mut theirs) = (vec![], vec![]);
        for turn in 0..5 {
            let pairs = || random_keys(turn, BUILT).map(|key| (key, row(key)));
            let began = Instant::now();
            let mut map = HashMap::new();
            map.extend(pairs().take(1));
            for (key, row) in pairs() {
                map.insert(key, row);
            }
            theirs.push(began.elapsed().as_secs_f64());
            drop(black_box(map));
            let began = Instant::now();
            black_box(Lookup::<u64, Row>::build(pairs())?);
            ours.push(began.elapsed().as_secs_f64());
        }
        let mut ratios: Vec<f64> = theirs.iter().zip(&ours).map(|(a, b)| a / b).collect();
        let ratio = quantile(&mut ratios, 0.5);
        let rate = |times: &mut Vec<f64>| Unit::Records(BUILT).show(quantile(times, 0.5));
        let beside = format!("{}, ratio {ratio:.2} (0.3)", rate(&mut theirs));
        table.show(name, rate(&mut ours), beside);
    }
    let sizes = if table.is_large() {
        vec![10, 50, 100]
    } else {
        vec![10]
    };
    for millions in sizes {
        let name = format!("build {millions} M, most memory");
        if table.wants(&name) {
            let mut program = Command::new(std::env::current_exe()?);
            let said = program
                .arg(format!("--build={}", millions * 1_000_000))
                .output()?;
            table.show(
                &name,
                String::from_utf8(said.stdout)?.trim().into(),
                "(256 MB)".into(),
            );
        }
    }
    Ok(())
}

/// Builds a table, and says the most memory that this process ever had.
fn build_and_say(count: usize) -> Outcome {
    let lookup = Lookup::<u64, Row>::build(random_keys(1, count).map(|key| (key, row(key))))?;
    assert_eq!(lookup.len(), count as u64);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.map_or("not known here", str::trim));
    Ok(())
}
