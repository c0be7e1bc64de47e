//! How fast values are published, fetched and leased beside a plain copy of the same bytes: `cargo bench
//! --bench board`, or with `-- fetch` at the end only the measures whose names contain that; with `-- --large`
//! also a value of 1 GiB, for which the segment and the copies take 7.
//!
//! The baseline is `ptr::copy_nonoverlapping` (a slice's `copy_from_slice`) between two buffers of this
//! process. All buffers were touched before. A ratio above 1 is faster than the baseline.

use std::process;
use std::sync::Arc;

use millpond::board::{Boards, BoardsOptions};
use millpond::{Board, BoardOptions, Lifetime, Result};

use millpond_benches::rounds::{Table, Unit};

/// The weights of a network for CartPole, of one that fills the caches, and of a large one.
const LENGTHS: [usize; 3] = [4_610, 1_000_000, 25_000_000];
const GIBIBYTE: usize = (1 << 30) / size_of::<f32>();

fn main() -> Result<()> {
    let table = Table::begin();
    for length in LENGTHS {
        compare(&table, length, BoardOptions::new(length))?;
    }
    if table.is_large() {
        compare(&table, GIBIBYTE, BoardOptions::new(GIBIBYTE).buffers(3))?;
    }
    compare_participants(&table)?;
    compare_leases(&table)?;
    compare_families(&table)
}

/// A board whose buffers were all written before.
fn touched(name: &str, options: BoardOptions) -> Result<Board<f32>> {
    let name = format!("bench-{}/{name}", process::id());
    let board = Board::create(&name, options.lifetime(Lifetime::WhileAttached))?;
    let value = vec![1.0; board.len()];
    for _ in 0..board.buffers() {
        board.publish(&value)?;
    }
    Ok(board)
}

fn compare(table: &Table, length: usize, options: BoardOptions) -> Result<()> {
    let name = |call: &str| format!("{call} {length} f32; copy");
    if !["publish", "fetch"]
        .iter()
        .any(|call| table.wants(&name(call)))
    {
        return Ok(());
    }
    let board = touched("board", options)?;
    let value: Vec<f32> = (0..length).map(|at| at as f32).collect();
    let (from, mut to) = (value.clone(), vec![1.0; length]);
    table.compare(
        &name("publish"),
        Unit::Time,
        "0.90",
        || board.publish(&value).expect("a free buffer"),
        || to.copy_from_slice(&from),
    );
    // What makes a value that almost fills the caches slower is that it goes round several buffers.
    if length < GIBIBYTE {
        let mut copies = vec![value.clone(); board.buffers()];
        let mut next = 0;
        table.compare(
            &format!("publish {length} f32; copy to {} in turn", copies.len()),
            Unit::Time,
            "0.90",
            || board.publish(&value).expect("a free buffer"),
            || {
                next = (next + 1) % copies.len();
                copies[next].copy_from_slice(&from);
            },
        );
    }
    let mut fetched = vec![1.0; length];
    table.compare(
        &name("fetch"),
        Unit::Time,
        "0.90",
        || board.fetch(&mut fetched).expect("a value"),
        || to.copy_from_slice(&from),
    );
    Ok(())
}

/// A publisher looks at the leases of all who may be attached.
fn compare_participants(table: &Table) -> Result<()> {
    let board = |name: &str, participants| {
        let options = BoardOptions::new(LENGTHS[0]).participants(participants);
        touched(name, options)
    };
    let (many, one) = (board("many", 1022)?, board("one", 1)?);
    let value = vec![1.0; LENGTHS[0]];
    table.compare(
        "publish 4610 f32, 1022 participants; 1",
        Unit::Time,
        "",
        || many.publish(&value).expect("a free buffer"),
        || one.publish(&value).expect("a free buffer"),
    );
    Ok(())
}

/// What a value in place costs, however large it is.
fn compare_leases(table: &Table) -> Result<()> {
    let board = touched("leased", BoardOptions::new(LENGTHS[0]))?;
    let counted = Arc::new(0);
    table.compare(
        "lease and drop; clone and drop an Arc",
        Unit::Time,
        "",
        || board.lease().expect("a value").version(),
        || Arc::strong_count(&counted.clone()),
    );
    let mut value = vec![1.0; LENGTHS[0]];
    table.compare(
        "lease and drop; fetch 4610 f32",
        Unit::Time,
        "",
        || board.lease().expect("a value").version(),
        || board.fetch(&mut value).expect("a value"),
    );
    Ok(())
}

/// What a value's name costs.
fn compare_families(table: &Table) -> Result<()> {
    let name = format!("bench-{}/family", process::id());
    let options = BoardsOptions::new().lifetime(Lifetime::WhileAttached);
    let family = Boards::new(&name, options)?;
    let mut value = vec![1.0f32; LENGTHS[0]];
    for number in 0..30 {
        family.publish(&format!("value-{number}"), &value)?;
    }
    let board = family.board::<f32>("value-7")?;
    let mut other = value.clone();
    table.compare(
        "fetch 4610 f32 by name of 30; by handle",
        Unit::Time,
        "",
        || family.fetch("value-7", &mut value).expect("a value"),
        || board.fetch(&mut other).expect("a value"),
    );
    Ok(())
}
