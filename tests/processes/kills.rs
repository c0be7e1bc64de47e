//! Processes killed at random moments, two hundred times: the others go on, what was committed is
//! there, and the dead are participants no more.

use std::thread;
use std::time::{Duration, Instant};

use bytemuck::Zeroable;
use millpond::{Batch, Board, BoardOptions, Pool, PoolOptions, Record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN, check_batch};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "kills",
    alone: named![two_hundred_kills_lose_nothing_and_stop_nobody],
    roles: named![writer, sampler],
    ..Part::EMPTY
};

const POOL: &str = "kills/pool";
/// Its version is the number of the round.
const ROUNDS: &str = "kills/rounds";
/// Some laps a second, so that what a victim inserted last can still be looked up.
const CAPACITY: usize = 1 << 16;
const KILLS: u64 = 200;
/// Rounds before the kills, in which the processes end by themselves: to compare with.
const QUIET: u64 = 50;
/// A wait that is longer hangs.
const HANG: Duration = Duration::from_secs(20);

/// What a process says on its own board after every operation.
#[derive(Clone, Copy, Debug, Record)]
#[repr(C)]
struct Progress {
    /// Its number.
    process: u64,
    operations: u64,
    /// Its last completed insertion.
    key: u64,
    sequence: u64,
}

fn board_of(process: u64) -> String {
    format!("kills/progress-{process}")
}

fn two_hundred_kills_lose_nothing_and_stop_nobody() {
    let pool = Pool::<Experience>::create(POOL, PoolOptions::new(CAPACITY)).unwrap();
    let rounds = Board::<u64>::create(ROUNDS, BoardOptions::new(1)).unwrap();
    let roles = ["kills::writer", "kills::writer", "kills::sampler"];
    let survivors: Vec<_> = (0u64..)
        .zip(roles)
        .map(|(n, role)| Worker::start(role, n))
        .collect();
    let mut random = StdRng::seed_from_u64(1);
    let (mut found, mut evicted) = (0, 0);
    for round in 0..QUIET + KILLS {
        let role = roles[1 + (round % 2) as usize];
        let victim = Worker::start(role, 1000 + round);
        rounds.publish(&[round]).unwrap();
        // Not to wait for anything: the moment is to be a random one.
        thread::sleep(Duration::from_micros(random.random_range(0..2000)));
        match round < QUIET {
            true => drop(victim.child.finish()),
            false => victim.child.kill(),
        }
        if role == "kills::writer" {
            match is_there(&pool, &newest(&victim.board)) {
                true => found += 1,
                false => evicted += 1,
            }
        }
        for survivor in &survivors {
            survivor.go_on();
        }
        check_participants(&pool, &survivors);
        pool.verify().unwrap();
        millpond::unlink(&board_of(1000 + round)).unwrap();
    }
    let (mut quiet, mut pauses) = (Vec::new(), Vec::new());
    for survivor in survivors {
        let mut said = survivor.child.finish().into_iter();
        let pause = |line: String| Duration::from_nanos(line.parse().unwrap());
        quiet.extend(said.by_ref().take(1 + QUIET as usize).map(pause));
        pauses.extend(said.map(pause));
    }
    pool.verify().unwrap();
    assert!(found > 0, "no last record was ever looked up in time");
    let statistics = pool.statistics();
    println!(
        "{KILLS} kills, {} repairs; of the last records of writers {found} were there and \
         {evicted} evicted by the ring ({} inserted)",
        statistics.repairs, statistics.inserted
    );
    print_distribution("that ended by itself", &mut quiet);
    print_distribution("that was killed", &mut pauses);
}

/// Whether the last record of a killed writer is there, and whole; or else was evicted by the ring.
fn is_there(pool: &Pool<Experience>, last: &Progress) -> bool {
    if let Some(record) = pool.get(last.key).unwrap() {
        record.check(last.key);
        assert_eq!(record.writer, last.process);
        assert_eq!(record.sequence, last.sequence);
        return true;
    }
    let next = pool.insert(&Experience::new(UNKNOWN, 999, 0)).unwrap();
    assert!(next > last.key + CAPACITY as u64, "a record was lost");
    false
}

/// The participants are this process and the survivors.
fn check_participants(pool: &Pool<Experience>, survivors: &[Worker]) {
    let mut living: Vec<u32> = survivors.iter().map(|worker| worker.child.id()).collect();
    living.push(std::process::id());
    living.sort();
    let look = || {
        let listed = pool.participants().unwrap();
        let mut found: Vec<u32> = listed.iter().map(|listed| listed.process).collect();
        found.sort();
        found
    };
    // A survivor may be cleaning up after the victim just now, and holds its byte meanwhile.
    let began = Instant::now();
    while look() != living && began.elapsed() < HANG {
        thread::yield_now();
    }
    assert_eq!(look(), living);
}

/// The longest operation of each survivor in each round.
fn print_distribution(beside: &str, pauses: &mut [Duration]) {
    pauses.sort();
    let at = |share: f64| pauses[((pauses.len() - 1) as f64 * share) as usize];
    let limit = Duration::from_millis(100);
    println!(
        "longest operation of a survivor beside a process {beside}: median {:.1?}, 90 % {:.1?}, \
         99 % {:.1?}, longest of {} {:.1?}; {} over the promised {limit:?}",
        at(0.5),
        at(0.9),
        at(0.99),
        pauses.len(),
        at(1.0),
        pauses.iter().filter(|&&pause| pause > limit).count(),
    );
}

/// A process and the board on which it shows its progress.
struct Worker {
    child: Child,
    board: Board<Progress>,
}

impl Worker {
    /// Starts a process, and waits until it has done something.
    fn start(role: &str, number: u64) -> Self {
        let board = Board::create(&board_of(number), BoardOptions::new(1)).unwrap();
        let child = Child::start(role, &[&number]);
        board.wait_newer(0, HANG).expect("a first operation");
        Self { child, board }
    }

    /// Waits until it has begun and ended an operation after this call.
    fn go_on(&self) {
        let now = self.board.version();
        let waited = self.board.wait_newer(now + 1, HANG);
        waited.expect("a survivor goes on");
    }
}

fn newest(board: &Board<Progress>) -> Progress {
    let mut value = [Progress::zeroed()];
    board.fetch(&mut value).unwrap();
    value[0]
}

/// Measures operations and shows progress; at the end says the longest operation of each round.
struct Meter {
    progress: Progress,
    board: Board<Progress>,
    rounds: Board<u64>,
    round: u64,
    longest: Vec<Duration>,
}

impl Meter {
    fn new(process: u64) -> Self {
        let rounds = Board::open(ROUNDS).unwrap();
        Self {
            progress: Progress {
                process,
                operations: 0,
                key: 0,
                sequence: 0,
            },
            board: Board::open(&board_of(process)).unwrap(),
            round: rounds.version(),
            rounds,
            longest: vec![Duration::ZERO],
        }
    }

    /// Measures one operation; those that insert give their last key and sequence.
    fn measure(&mut self, operation: impl FnOnce() -> Option<(u64, u64)>) {
        let round = self.rounds.version();
        if round != self.round {
            self.round = round;
            self.longest.push(Duration::ZERO);
        }
        let began = Instant::now();
        let inserted = operation();
        let longest = self.longest.last_mut().expect("a first round");
        *longest = began.elapsed().max(*longest);
        if let Some(last) = inserted {
            (self.progress.key, self.progress.sequence) = last;
        }
        self.progress.operations += 1;
        self.board.publish(&[self.progress]).unwrap();
    }

    fn tell(self) {
        for pause in self.longest {
            println!("{}", pause.as_nanos());
        }
    }
}

fn writer() {
    let (orders, number) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(POOL).unwrap();
    let mut meter = Meter::new(number);
    let mut random = StdRng::seed_from_u64(number);
    let mut sequence = 0;
    while !orders.arrived() {
        let count = random.random_range(0..20);
        meter.measure(|| match count {
            0 => {
                let mut slot = pool.reserve().unwrap();
                *slot = Experience::new(slot.key(), number, sequence);
                Some((slot.commit().unwrap(), sequence))
            }
            _ => {
                let record = |sequence| Experience::new(UNKNOWN, number, sequence);
                let records: Vec<_> = (sequence..sequence + count).map(record).collect();
                let keys = pool.insert_batch(&records).unwrap();
                Some((keys[keys.len() - 1], sequence + count - 1))
            }
        });
        sequence += count.max(1);
    }
    meter.tell();
}

fn sampler() {
    let (orders, number) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(POOL).unwrap();
    let mut meter = Meter::new(number);
    let mut random = StdRng::seed_from_u64(number);
    let (mut batch, mut held) = (Batch::new(&pool), Batch::new(&pool));
    pool.wait_for_len(1, HANG).unwrap();
    while !orders.arrived() {
        let count = random.random_range(1..=200);
        meter.measure(|| {
            pool.sample_into(count, &mut random, &mut batch).unwrap();
            None
        });
        check_batch(&batch);
        let priorities: Vec<f32> = (0..count).map(|_| random.random_range(0.1..8.0)).collect();
        meter.measure(|| {
            pool.update_priorities(batch.keys(), &priorities).unwrap();
            None
        });
        // One batch is held at every moment.
        std::mem::swap(&mut batch, &mut held);
    }
    meter.tell();
}
