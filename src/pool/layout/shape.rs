//! The numbers that a pool is laid out from, as they stand in the header of its segment.
//!
//! Computes only. What is read back is not trusted: every number is checked.

use super::lease::BLOCKS;
use crate::error::Result;
use crate::pool::policy::{Preference, RateLimiter, Remover, Sampler};
use crate::segment::{Header, PARAMETERS, check_option};
use crate::tree::{Order, Shards};

/// The largest capacity: slots are named by 32 bits, with one value to spare.
pub(crate) const LARGEST_CAPACITY: u64 = u32::MAX as u64 - 1;
/// The most tables: the pool's own, and its views.
pub(crate) const MOST_TABLES: usize = 4;
/// The longest name of a view, in bytes.
pub(crate) const LONGEST_NAME: usize = 32;

/// Numbers before those of the tables, and of each table.
const POOL_NUMBERS: usize = 8;
const TABLE_NUMBERS: usize = 12;
const NAME_NUMBERS: usize = LONGEST_NAME / 8;

const _: () = assert!(POOL_NUMBERS + MOST_TABLES * TABLE_NUMBERS <= PARAMETERS);

/// The numbers that a pool is laid out from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Shape {
    pub(crate) capacity: u64,
    /// Cells of a lease list: a power of two, and [`BLOCKS`] at least.
    pub(crate) leases: u64,
    pub(crate) remover: Remover,
    /// Whether each record names the one before it in its episode.
    pub(crate) linked: bool,
    /// The pool's own table, which has no name, and those of its views.
    pub(crate) tables: Vec<TableShape>,
}

/// A table: priorities of all records, and how it is sampled.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TableShape {
    pub(crate) name: String,
    pub(crate) alpha: f32,
    pub(crate) sampler: Sampler,
    /// Whether the lowest and the highest priority are kept at hand.
    pub(crate) ordered: bool,
    /// After how many samples a record leaves the table; 0 for never.
    pub(crate) times: u32,
    pub(crate) limiter: Option<RateLimiter>,
}

impl Shape {
    pub(crate) fn to_parameters(&self) -> [u64; PARAMETERS] {
        let mut parameters = [0; PARAMETERS];
        parameters[0] = self.capacity;
        parameters[1] = self.leases;
        parameters[2] = self.remover as u64;
        parameters[3] = u64::from(self.linked);
        parameters[4] = self.tables.len() as u64;
        let numbers = parameters[POOL_NUMBERS..].chunks_exact_mut(TABLE_NUMBERS);
        for (table, numbers) in self.tables.iter().zip(numbers) {
            table.write(numbers);
        }
        parameters
    }

    pub(crate) fn from_header(header: &Header) -> std::result::Result<Self, String> {
        let [capacity, leases, remover, linked, tables, ..] = header.parameters;
        if !(1..=LARGEST_CAPACITY).contains(&capacity) {
            return Err(format!("its capacity is {capacity}"));
        }
        if !leases.is_power_of_two() || leases < BLOCKS as u64 || leases > LARGEST_CAPACITY {
            return Err(format!("it has {leases} leases a participant"));
        }
        let numbered = Remover::from_number(remover);
        let remover = numbered.ok_or_else(|| format!("its remover is number {remover}"))?;
        if linked > 1 {
            return Err(format!("whether it is linked is {linked}"));
        }
        if !(1..=MOST_TABLES as u64).contains(&tables) {
            return Err(format!("it has {tables} tables"));
        }
        let numbers = header.parameters[POOL_NUMBERS..].chunks_exact(TABLE_NUMBERS);
        let tables = numbers.take(tables as usize).map(TableShape::read);
        Ok(Self {
            capacity,
            leases,
            remover,
            linked: linked == 1,
            tables: tables.collect::<std::result::Result<_, _>>()?,
        })
    }

    /// Whether the pool that was `found` is as this one was to be.
    pub(crate) fn check_found(&self, name: &str, found: &Self) -> Result<()> {
        check_option(name, "capacity", self.capacity, found.capacity)?;
        check_option(name, "leases", self.leases, found.leases)?;
        check_option(name, "remover", self.remover, found.remover)?;
        check_option(name, "links", switch(self.linked), switch(found.linked))?;
        check_option(name, "views", self.tables.len() - 1, found.tables.len() - 1)?;
        for (wanted, found) in self.tables.iter().zip(&found.tables) {
            check_option(name, "a view named", &wanted.name, &found.name)?;
            check_option(name, "alpha", wanted.alpha, found.alpha)?;
            check_option(name, "sampler", wanted.sampler, found.sampler)?;
            check_option(name, "order", switch(wanted.ordered), switch(found.ordered))?;
            check_option(name, "samples of a record", wanted.times, found.times)?;
            let [wanted, found] = [wanted, found].map(|table| limiter_in_words(table.limiter));
            check_option(name, "rate limiter", wanted, found)?;
        }
        Ok(())
    }

    /// The parts of the pool that are locked one by one.
    pub(crate) fn shards(&self) -> Shards {
        Shards::of(self.capacity as usize)
    }

    /// The orders that table number `table` keeps.
    pub(crate) fn orders(&self, table: usize) -> Vec<Order> {
        let mut orders = self.tables[table].orders();
        if table == 0 {
            orders.extend(self.remover.order());
        }
        orders
    }

    /// Whether each record is sampled once and leaves the pool then, and counts as one insert and one sample.
    pub(crate) fn is_queue(&self) -> bool {
        self.tables.len() == 1 && self.tables[0].is_queue()
    }

    /// Whether inserts may have to wait.
    pub(crate) fn makes_wait(&self) -> bool {
        let limited = |table: &TableShape| table.limiter.is_some();
        self.remover == Remover::Nothing || self.tables.iter().any(limited)
    }

    /// Whether table number `table` counts how often each record was sampled: where that is limited, and
    /// where a record may be in one view and not in another.
    pub(crate) fn counts(&self, table: usize) -> bool {
        self.tables[table].times > 0 || self.tables.len() > 1
    }
}

/// An option that is on or off, in words.
fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A rate limiter, or that there is none, in words.
fn limiter_in_words(limiter: Option<RateLimiter>) -> String {
    limiter.map_or("none".into(), |limiter| limiter.to_string())
}

impl TableShape {
    /// Whether each record is sampled once, and counts as one insert and one sample.
    pub(crate) fn is_queue(&self) -> bool {
        let one = |limiter: &RateLimiter| limiter.samples_per_insert == 1.0;
        self.times == 1 && self.limiter.as_ref().is_some_and(one)
    }

    fn orders(&self) -> Vec<Order> {
        match (self.ordered, self.sampler.preference) {
            (true, _) => vec![Order::LowestPositive, Order::HighestPositive],
            (_, Preference::Lowest) => vec![Order::LowestPositive],
            (_, Preference::Highest) => vec![Order::HighestPositive],
            _ => Vec::new(),
        }
    }

    fn write(&self, numbers: &mut [u64]) {
        let (name, rest) = numbers.split_at_mut(NAME_NUMBERS);
        let mut bytes = [0; LONGEST_NAME];
        bytes[..self.name.len()].copy_from_slice(self.name.as_bytes());
        for (number, bytes) in name.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *number = u64::from_le_bytes(*bytes);
        }
        rest[0] = u64::from(self.alpha.to_bits());
        rest[1] = self.sampler.to_number();
        rest[2] = u64::from(self.ordered);
        rest[3] = u64::from(self.times);
        let limiter = self.limiter.map_or([0; 4], RateLimiter::to_numbers);
        rest[4..].copy_from_slice(&limiter);
    }

    fn read(numbers: &[u64]) -> std::result::Result<Self, String> {
        let (name, rest) = numbers.split_at(NAME_NUMBERS);
        let bytes: Vec<u8> = name.iter().flat_map(|word| word.to_le_bytes()).collect();
        let text = String::from_utf8(bytes).map_err(|_| "the name of a view is no text")?;
        let &[alpha, sampler, ordered, times, ..] = rest else {
            return Err("a table has too few numbers".into());
        };
        let alpha = u32::try_from(alpha).map_err(|_| format!("its alpha has bits {alpha:#x}"))?;
        let alpha = f32::from_bits(alpha);
        if !(0.0..=f32::MAX).contains(&alpha) {
            return Err(format!("its alpha is {alpha}"));
        }
        let times = u32::try_from(times)
            .map_err(|_| format!("its records may be sampled {times} times"))?;
        let limiter = rest[4..8].try_into().expect("four numbers");
        Ok(Self {
            name: text.trim_end_matches('\0').into(),
            alpha,
            sampler: Sampler::from_number(sampler)
                .ok_or_else(|| format!("its sampler is number {sampler}"))?,
            ordered: ordered != 0,
            times,
            limiter: RateLimiter::from_numbers(limiter)
                .map_err(|error| format!("its rate limiter: {error}"))?,
        })
    }
}
