//! Arrays against a plain model, by three processes: after any sequence of calls, of any of them, also where
//! some are killed with what they have, each call gives what the model says.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use millpond::array::{ArrayWriteGuard, Chunk};
use millpond::{ArrayOptions, AtomicArray, ChunkedArray, Error, SharedArray};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "array_model",
    trials: named![any_calls_of_three_processes_give_what_the_model_says],
    roles: named![actor],
    ..Part::EMPTY
};

const ACTORS: usize = 3;
const HANG: Duration = Duration::from_secs(20);

/// One call by one of the actors. Numbers that choose something are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Call {
    /// Fills a range under the lock, and ends, or is killed before.
    Write(Range<usize>, u64, bool),
    Read,
    Add(usize, u64),
    Exchange(usize, u64, u64),
    /// Does at most so many chunks of a pass.
    Split(u32, usize, u64),
    /// Takes a range, changes it, and keeps it.
    Take(Range<usize>, u64),
    GiveBack,
    Kill,
}

fn call() -> impl Strategy<Value = Call> {
    let range = || (0..40usize, 0..40usize).prop_map(|(a, b)| a.min(b)..a.max(b));
    prop_oneof![
        2 => (range(), 1..9u64, proptest::bool::weighted(0.1))
            .prop_map(|(range, value, kill)| Call::Write(range, value, kill)),
        2 => Just(Call::Read),
        2 => (0..40usize, 0..9u64).prop_map(|(at, more)| Call::Add(at, more)),
        1 => (0..40usize, 0..9u64, 0..9u64).prop_map(|(at, old, new)| Call::Exchange(at, old, new)),
        4 => (1..5u32, 1..9usize, 1..9u64).prop_map(|(pass, most, value)| Call::Split(pass, most, value)),
        3 => (range(), 1..9u64).prop_map(|(range, value)| Call::Take(range, value)),
        2 => Just(Call::GiveBack),
        1 => Just(Call::Kill),
    ]
}

/// What the word of a chunk should say.
#[derive(Clone, Default)]
struct Piece {
    pass: u32,
    done: bool,
    left: bool,
    holder: Option<usize>,
}

struct Model {
    len: usize,
    chunk_len: usize,
    locked: Vec<u64>,
    damaged: bool,
    atoms: Vec<u64>,
    elements: Vec<u64>,
    pieces: Vec<Piece>,
}

impl Model {
    fn new(len: usize, chunk_len: usize) -> Self {
        Self {
            len,
            chunk_len,
            locked: vec![0; len],
            damaged: false,
            atoms: vec![0; len],
            elements: vec![0; len],
            pieces: vec![Piece::default(); len.div_ceil(chunk_len)],
        }
    }

    fn range(&self, range: &Range<usize>) -> Range<usize> {
        range.start % self.len..range.end.min(self.len).max(range.start % self.len)
    }

    /// Whether a pass may have a chunk that nobody has.
    fn is_open(&self, piece: &Piece, pass: u32) -> bool {
        piece.holder.is_none() && (piece.pass < pass || piece.pass == pass && !piece.done)
    }

    /// What somebody says who takes this range, or the chunks that become his.
    fn take(&self, range: &Range<usize>) -> Result<Range<usize>, &'static str> {
        let border = |at: usize| at == self.len || at.is_multiple_of(self.chunk_len);
        if range.is_empty() || range.end > self.len || !border(range.start) || !border(range.end) {
            return Err("invalid");
        }
        let chunks = range.start / self.chunk_len..range.end.div_ceil(self.chunk_len);
        match self.pieces[chunks.clone()]
            .iter()
            .any(|piece| piece.holder.is_some())
        {
            true => Err("held"),
            false => Ok(chunks),
        }
    }

    /// What the dead had is nobody's, and not done.
    fn kill(&mut self, actor: usize) {
        for piece in self
            .pieces
            .iter_mut()
            .filter(|piece| piece.holder == Some(actor))
        {
            (piece.holder, piece.done, piece.left) = (None, false, true);
        }
    }

    fn done(&self, pass: u32) -> usize {
        let is_done = |piece: &Piece| piece.pass > pass || piece.pass == pass && piece.done;
        let chunks = self
            .pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| is_done(piece));
        let end = |at: usize| self.len.min((at + 1) * self.chunk_len);
        chunks.map(|(at, _)| end(at) - at * self.chunk_len).sum()
    }
}

/// Three processes, and this one, which looks on.
struct Company {
    actors: Vec<Child>,
    model: Model,
    chunked: ChunkedArray<u64>,
    atoms: AtomicArray<u64>,
}

impl Company {
    fn new(len: usize, chunk_len: usize) -> Self {
        let _ = millpond::unlink_all("model");
        let options = ArrayOptions::new(len).chunk_len(chunk_len);
        SharedArray::<u64>::create("model/locked", options.clone()).unwrap();
        Self {
            chunked: ChunkedArray::create("model/chunked", options.clone()).unwrap(),
            atoms: AtomicArray::create("model/atoms", options).unwrap(),
            actors: (0..ACTORS).map(start).collect(),
            model: Model::new(len, chunk_len),
        }
    }

    fn ask(&mut self, actor: usize, order: &dyn Display) -> String {
        self.actors[actor].tell(&order.to_string());
        self.actors[actor].line()
    }

    fn kill(&mut self, actor: usize) {
        std::mem::replace(&mut self.actors[actor], start(actor)).kill();
        self.model.kill(actor);
    }

    fn play(&mut self, actor: usize, call: &Call) {
        match call {
            Call::Write(range, value, kill) => {
                self.write(actor, self.model.range(range), *value, *kill)
            }
            Call::Read => {
                let said = self.ask(actor, &"read");
                assert_eq!(
                    said,
                    format!("{} {:?}", self.model.damaged, self.model.locked)
                );
            }
            Call::Add(at, more) => {
                let at = at % self.model.len;
                let said = self.ask(actor, &format!("add {at} {more}"));
                assert_eq!(said, self.model.atoms[at].to_string());
                self.model.atoms[at] += more;
            }
            Call::Exchange(at, old, new) => {
                let at = at % self.model.len;
                let said = self.ask(actor, &format!("exchange {at} {old} {new}"));
                let found = self.model.atoms[at];
                assert_eq!(said, format!("{} {found}", found == *old));
                self.model.atoms[at] = if found == *old { *new } else { found };
            }
            Call::Split(pass, most, value) => self.split(actor, *pass, *most, *value),
            Call::Take(range, value) => self.take(actor, range, *value),
            Call::GiveBack => {
                assert_eq!(self.ask(actor, &"give"), "given");
                let mut pieces = self.model.pieces.iter_mut();
                pieces
                    .by_ref()
                    .filter(|piece| piece.holder == Some(actor))
                    .for_each(|piece| piece.holder = None);
            }
            Call::Kill => self.kill(actor),
        }
        let found: Vec<u64> = self.atoms.iter().map(|atom| atom.load()).collect();
        assert_eq!(found, self.model.atoms);
        for pass in 1..5 {
            assert_eq!(self.chunked.done(pass).unwrap(), self.model.done(pass));
        }
    }

    fn write(&mut self, actor: usize, range: Range<usize>, value: u64, kill: bool) {
        let (start, end) = (range.start, range.end);
        let said = self.ask(actor, &format!("write {start} {end} {value} {kill}"));
        assert_eq!(said, format!("{}", self.model.damaged));
        self.model.locked[range].fill(value);
        // Who writes and lives repairs.
        self.model.damaged = kill;
        if kill {
            self.kill(actor);
        }
    }

    fn split(&mut self, actor: usize, pass: u32, most: usize, value: u64) {
        let pieces = self.model.pieces.iter();
        let open = pieces
            .filter(|piece| self.model.is_open(piece, pass))
            .count();
        // More would wait for who has the others.
        let count = most.min(open);
        let said = self.ask(actor, &format!("split {pass} {count} {value}"));
        let mut chunks = BTreeSet::new();
        for word in said.split_whitespace() {
            let (start, left) = word.split_once(':').unwrap();
            let chunk = start.parse::<usize>().unwrap() / self.model.chunk_len;
            let piece = &self.model.pieces[chunk];
            assert!(self.model.is_open(piece, pass), "chunk {chunk} of {said}");
            assert_eq!(left, piece.left.to_string());
            assert!(chunks.insert(chunk), "twice: {said}");
        }
        assert_eq!(chunks.len(), count);
        for chunk in chunks {
            let piece = Piece {
                pass,
                done: true,
                ..Piece::default()
            };
            self.model.pieces[chunk] = piece;
            let start = chunk * self.model.chunk_len;
            let end = self.model.len.min(start + self.model.chunk_len);
            self.model.elements[start..end].fill(value);
        }
    }

    fn take(&mut self, actor: usize, range: &Range<usize>, value: u64) {
        let (start, end) = (range.start, range.end);
        let said = self.ask(actor, &format!("take {start} {end} {value}"));
        match self.model.take(range) {
            Err(why) => assert_eq!(said, why),
            Ok(chunks) => {
                let pieces = &mut self.model.pieces[chunks];
                let left = pieces.iter().any(|piece| piece.left);
                assert_eq!(
                    said,
                    format!("{left} {:?}", &self.model.elements[range.clone()])
                );
                pieces
                    .iter_mut()
                    .for_each(|piece| piece.holder = Some(actor));
                self.model.elements[range.clone()].fill(value);
            }
        }
    }

    /// All that nobody has is as it should be.
    fn conclude(mut self) {
        for actor in 0..ACTORS {
            assert_eq!(self.ask(actor, &"give"), "given");
        }
        let whole = self.chunked.take(0..self.model.len, HANG).unwrap();
        assert_eq!(*whole, self.model.elements);
        drop(whole);
        for actor in self.actors {
            actor.finish();
        }
    }
}

fn start(actor: usize) -> Child {
    let mut child = Child::start("array_model::actor", &[&actor]);
    child.expect("ready");
    child
}

fn any_calls_of_three_processes_give_what_the_model_says() {
    let config = Config {
        cases: 25,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    };
    let calls = vec((0..ACTORS, call()), 1..60);
    let run = TestRunner::new(config).run(
        &(1..40usize, 1..9usize, calls),
        |(len, chunk_len, calls)| {
            let mut company = Company::new(len, chunk_len);
            calls
                .iter()
                .for_each(|(actor, call)| company.play(*actor, call));
            company.conclude();
            Ok(())
        },
    );
    run.unwrap_or_else(|error| panic!("{error}"));
}

/// Does what it is told, and says what came of it.
fn actor() {
    let (orders, number): (_, usize) = (Orders::listen(), argument(0));
    let locked = SharedArray::<u64>::open("model/locked").unwrap();
    let atoms = AtomicArray::<u64>::open("model/atoms").unwrap();
    let chunked = ChunkedArray::<u64>::open("model/chunked").unwrap();
    assert!(number < ACTORS);
    println!("ready");
    let mut writing: Option<ArrayWriteGuard<u64>> = None;
    let mut held: Vec<Chunk<u64>> = Vec::new();
    loop {
        let order = orders.next();
        let words: Vec<&str> = order.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<usize>().unwrap();
        match words[0] {
            "write" => {
                let mut elements = locked.write().unwrap();
                let damaged = elements.is_damaged();
                elements[number(1)..number(2)].fill(number(3) as u64);
                if words[4] == "true" {
                    writing = Some(elements); // and is killed
                } else {
                    if damaged {
                        elements.repaired();
                    }
                    // Before it says so: it may be killed as soon as it has.
                    drop(elements);
                }
                println!("{damaged}");
            }
            "read" => {
                let elements = locked.read().unwrap();
                println!("{} {:?}", elements.is_damaged(), &*elements);
            }
            "add" => println!("{}", atoms[number(1)].fetch_add(number(2) as u64)),
            "exchange" => {
                let found = atoms[number(1)].compare_exchange(number(2) as u64, number(3) as u64);
                println!("{} {}", found.is_ok(), found.unwrap_or_else(|other| other));
            }
            "split" => {
                let mut said = String::new();
                for mut chunk in chunked.split(number(1) as u32).unwrap().take(number(2)) {
                    chunk.fill(number(3) as u64);
                    said += &format!("{}:{} ", chunk.range().start, chunk.was_left());
                }
                println!("{said}");
            }
            "take" => match chunked.take(number(1)..number(2), Duration::ZERO) {
                Ok(mut chunk) => {
                    let said = format!("{} {:?}", chunk.was_left(), &*chunk);
                    chunk.fill(number(3) as u64);
                    held.push(chunk);
                    println!("{said}");
                }
                Err(Error::InvalidArgument { .. }) => println!("invalid"),
                Err(Error::TimedOut { .. }) => println!("held"),
                Err(error) => panic!("{error}"),
            },
            "give" => {
                held.clear();
                println!("given");
            }
            _ => break,
        }
        assert!(writing.is_none() || words[4] == "true");
    }
}
