//! What huge pages and prefaulting bring a pool of a gibibyte, and what they cost: two pools, one of
//! each kind. Made only with `--large`.

use std::time::Instant;

use millpond::{Attach, Batch, Lifetime, Pool, PoolOptions};
use rand::SeedableRng;
use rand::rngs::StdRng;

use millpond_benches::rounds::{Table, Unit, quantile};
use millpond_benches::transitions::{BATCH, CHUNK, Columns, Transition, fill};

/// 1.05 GiB of slots.
const CAPACITY: usize = 3 << 19;
/// How often creating and opening are timed; the medians are shown.
const TIMES: usize = 5;
/// Batches that are sampled after opening.
const FIRST: usize = 100;

/// Compares pools in huge pages with pools in small ones, and prefaulted ones with those that are not.
pub fn compare(table: &Table) -> millpond::Result<()> {
    let run = format!("bench-{}/pages", std::process::id());
    let options = PoolOptions::new(CAPACITY).lifetime(Lifetime::WhileAttached);
    let huge_options = options.clone().huge_pages(true);
    compare_creations(table, &run, &huge_options, &options)?;
    let huge = Pool::<Transition>::create(&format!("{run}/huge"), huge_options)?;
    let small = Pool::<Transition>::create(&format!("{run}/small"), options)?;
    fill(&huge)?;
    fill(&small)?;
    compare_openings(table, &format!("{run}/small"))?;
    let records = millpond_benches::plain::chunk();
    table.compare(
        "pages: insert 64; small pages",
        Unit::Records(CHUNK),
        "",
        || huge.insert_batch(&records).expect("free slots"),
        || small.insert_batch(&records).expect("free slots"),
    );
    table.compare(
        "pages: insert one; small pages",
        Unit::Records(1),
        "",
        || huge.insert(&records[0]).expect("a free slot"),
        || small.insert(&records[0]).expect("a free slot"),
    );
    table.compare(
        "pages: sample 256, gather; small pages",
        Unit::Records(BATCH),
        "",
        learner(&huge),
        learner(&small),
    );
    Ok(())
}

/// A learner that samples and gathers.
fn learner(pool: &Pool<Transition>) -> impl FnMut() {
    let mut random = StdRng::seed_from_u64(1);
    let mut batch = Batch::new(pool);
    let mut columns = Columns::new();
    move || {
        pool.sample_into(BATCH, &mut random, &mut batch)
            .expect("a full pool");
        columns.gather(&batch).expect("right columns");
    }
}

fn compare_creations(
    table: &Table,
    run: &str,
    huge: &PoolOptions,
    small: &PoolOptions,
) -> millpond::Result<()> {
    let create = |options: &PoolOptions| {
        let name = format!("{run}/new");
        seconds(|| Pool::<Transition>::create(&name, options.clone())).map(|(_, taken)| taken)
    };
    let prefaulted = small.clone().prefault(true);
    let (mut of_huge, mut of_prefaulted, mut of_small) = (vec![], vec![], vec![]);
    for _ in 0..TIMES {
        of_huge.push(create(huge)?);
        of_prefaulted.push(create(&prefaulted)?);
        of_small.push(create(small)?);
    }
    let small = show(&mut of_small);
    table.show(
        "pages: create in huge ones; small",
        show(&mut of_huge),
        small.clone(),
    );
    table.show(
        "pages: create prefaulted; not",
        show(&mut of_prefaulted),
        small,
    );
    Ok(())
}

fn compare_openings(table: &Table, name: &str) -> millpond::Result<()> {
    let open = |attach: Attach| {
        let (pool, opening) = seconds(|| Pool::<Transition>::open_with(name, &attach))?;
        let mut learn = learner(&pool);
        let (_, learning) = seconds(|| {
            (0..FIRST).for_each(|_| learn());
            Ok(())
        })?;
        millpond::Result::Ok((opening, learning))
    };
    let (mut prefaulted, mut plain) = ((vec![], vec![]), (vec![], vec![]));
    for _ in 0..TIMES {
        for (attach, times) in [
            (Attach::new().prefault(true), &mut prefaulted),
            (Attach::new(), &mut plain),
        ] {
            let (opening, learning) = open(attach)?;
            times.0.push(opening);
            times.1.push(learning);
        }
    }
    table.show(
        "pages: open prefaulted; not",
        show(&mut prefaulted.0),
        show(&mut plain.0),
    );
    table.show(
        "pages: the first 100 batches then; not",
        show(&mut prefaulted.1),
        show(&mut plain.1),
    );
    Ok(())
}

fn seconds<R>(act: impl FnOnce() -> millpond::Result<R>) -> millpond::Result<(R, f64)> {
    let began = Instant::now();
    let result = act()?;
    Ok((result, began.elapsed().as_secs_f64()))
}

/// The median.
fn show(times: &mut [f64]) -> String {
    Unit::Time.show(quantile(times, 0.5))
}
