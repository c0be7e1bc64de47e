//! The board against a plain model: after any sequence of calls of several participants, each sees the newest
//! value and the values that it has leased, and publishing fails where the model says that no buffer is free.

use std::collections::HashSet;
use std::process;

use millpond::board::{BoardLease, BoardReader};
use millpond::{Board, BoardOptions, Error, Lifetime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

type Element = [u16; 3];

/// How many handles there are.
const HANDLES: usize = 3;

/// One call. Numbers that choose something are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Call {
    Publish(usize, u16),
    Fetch(usize),
    Observe,
    Lease(usize),
    GiveBack(usize),
    /// A handle is dropped, while its leases may stay, and another one opened.
    Reopen(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let which = any::<usize>;
    prop_oneof![
        4 => (which(), any::<u16>()).prop_map(|(which, seed)| Call::Publish(which, seed)),
        1 => which().prop_map(Call::Fetch),
        1 => Just(Call::Observe),
        3 => which().prop_map(Call::Lease),
        3 => which().prop_map(Call::GiveBack),
        1 => which().prop_map(Call::Reopen),
    ]
}

/// The board as it should be, and what the test holds of the real one.
struct Model {
    name: String,
    buffers: usize,
    handles: Vec<Board<Element>>,
    reader: BoardReader<Element>,
    newest: Option<(u64, Vec<Element>)>,
    leases: Vec<(BoardLease<Element>, u64, Vec<Element>)>,
}

impl Model {
    fn new(len: usize, buffers: usize) -> Self {
        let name = format!("test-board-{}", process::id());
        let options = BoardOptions::new(len)
            .buffers(buffers)
            .lifetime(Lifetime::WhileAttached);
        let first = Board::create(&name, options).unwrap();
        let more = (1..HANDLES).map(|_| Board::open(&name).unwrap());
        Self {
            handles: std::iter::once(first).chain(more).collect(),
            reader: BoardReader::open(&name).unwrap(),
            name,
            buffers,
            newest: None,
            leases: Vec::new(),
        }
    }

    fn apply(&mut self, call: Call) {
        match call {
            Call::Publish(which, seed) => self.publish(which % HANDLES, seed),
            Call::Fetch(which) => {
                let board = &self.handles[which % HANDLES];
                self.check(board.fetch_vec());
                let (mut value, newest) = (vec![[9; 3]; board.len()], board.version());
                let fetched = board.fetch(&mut value).map(|version| (value, version));
                self.check(fetched);
                assert_eq!(newest, self.version());
            }
            Call::Observe => self.check(self.reader.fetch_vec()),
            Call::Lease(which) if self.leases.len() < 10 => {
                let lease = self.handles[which % HANDLES].lease();
                let seen = lease
                    .as_ref()
                    .map(|lease| (lease.to_vec(), lease.version()));
                match (seen, &self.newest) {
                    (Err(Error::NothingPublished), None) => {}
                    (Ok((found, version)), Some((newest, value))) => {
                        assert_eq!((version, &found), (*newest, value));
                        self.leases.push((lease.unwrap(), version, found));
                    }
                    (seen, _) => panic!("{seen:?}"),
                }
            }
            Call::GiveBack(which) if !self.leases.is_empty() => {
                self.leases.swap_remove(which % self.leases.len());
            }
            Call::Reopen(which) => {
                // Where its leases live on, so does its participant.
                self.handles[which % HANDLES] = Board::open(&self.name).unwrap();
            }
            Call::Lease(_) | Call::GiveBack(_) => {}
        }
        for (lease, version, value) in &self.leases {
            assert_eq!((lease.version(), &lease[..]), (*version, &value[..]));
        }
    }

    fn version(&self) -> u64 {
        self.newest.as_ref().map_or(0, |(version, _)| *version)
    }

    fn publish(&mut self, which: usize, seed: u16) {
        let len = self.handles[which].len() as u16;
        let value: Vec<Element> = (0..len)
            .map(|at| [seed, at, seed.wrapping_mul(at)])
            .collect();
        let held = self.leases.iter().map(|(_, version, _)| *version);
        let held: HashSet<u64> = held.filter(|&held| held != self.version()).collect();
        let published = self.handles[which].publish(&value);
        // A version is in one buffer, and the newest is in another one.
        match held.len() + 1 < self.buffers {
            true => {
                let version = self.version() + 1;
                assert_eq!(published.unwrap(), version);
                self.newest = Some((version, value));
            }
            false => assert!(matches!(published, Err(Error::NoFreeBuffer { .. }))),
        }
    }

    fn check(&self, fetched: millpond::Result<(Vec<Element>, u64)>) {
        match (fetched, &self.newest) {
            (Err(Error::NothingPublished), None) => {}
            (Ok((found, version)), Some((newest, value))) => {
                assert_eq!((version, &found), (*newest, value));
            }
            (fetched, _) => panic!("{fetched:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_calls_gives_what_the_model_says(
        len in 1..200usize,
        buffers in 2..7usize,
        calls in vec(call(), 1..120),
    ) {
        let mut model = Model::new(len, buffers);
        for call in calls {
            model.apply(call);
        }
    }
}
