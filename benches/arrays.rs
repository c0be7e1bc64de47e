//! How fast arrays are beside plain slices, locks and atomics of one process: `cargo bench -p millpond-benches --bench arrays`, or
//! with `-- fill` at the end only the measures whose names contain that.
//!
//! Two processes fill 10^8 numbers of an array by chunks, and half of a slice of their own each, in turns; the
//! same is done by two threads of one process with a plain slice. A ratio above 1 is faster than the
//! baseline.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use millpond::array::{DynAtomicValue, DynValue};
use millpond::record::Number;
use millpond::{
    ArrayOptions, AtomicArray, AtomicValue, Attach, ChunkedArray, Lifetime, SharedArray,
    SharedValue, ValueOptions,
};
use millpond_benches::rounds::{Table, Unit};
use parking_lot::RwLock;

type Outcome = Result<(), Box<dyn Error>>;

const LENGTH: usize = 100_000_000;
const PROCESSES: usize = 2;
/// Makes this program a process that fills what it is told to.
const FILLER: &str = "--filler";
/// Operations a call, where one takes some nanoseconds.
const TIMES: usize = 200;

fn main() -> Outcome {
    let mut arguments = env::args().skip_while(|argument| argument != FILLER);
    if let (Some(_), Some(name)) = (arguments.next(), arguments.next()) {
        return filler(&name);
    }
    let table = Table::begin();
    if table.wants("fill") {
        compare_fills(&table)?;
    }
    compare_locks(&table)?;
    compare_values(&table)?;
    compare_atomics(&table)?;
    compare_chunks(&table)?;
    compare_untyped(&table)?;
    Ok(())
}

/// What is computed is cheap, so that memory is what counts.
fn fill(numbers: &mut [f32], first: usize) {
    for (index, number) in (first..).zip(numbers) {
        *number = index as f32 * 0.5;
    }
}

/// A process that fills.
struct Filler {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Filler {
    fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args([FILLER, name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let orders = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Ok(Self {
            process,
            orders,
            answers,
        })
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Tells all of them the same, and waits until all have done it.
fn tell(fillers: &mut [Filler], order: &str) {
    for filler in fillers.iter_mut() {
        writeln!(filler.orders, "{order}").expect("a filler that listens");
    }
    for filler in fillers {
        let mut answer = String::new();
        let read = filler.answers.read_line(&mut answer);
        read.expect("a filler that answers");
        assert_eq!(answer, "done\n");
    }
}

fn filler(name: &str) -> Outcome {
    let array = ChunkedArray::<f32>::open_with(name, &Attach::new().prefault(true))?;
    let mut own = vec![1.0; LENGTH / PROCESSES];
    for line in std::io::stdin().lines() {
        let line = line?;
        let (what, pass) = line.split_once(' ').ok_or("an order and a pass")?;
        match what {
            "array" => fill_chunks(&array, pass.parse()?)?,
            "slice" => fill(black_box(&mut own), 0),
            "fresh-array" => fill_chunks(&ChunkedArray::open(name)?, pass.parse()?)?,
            "fresh-slice" => fill(black_box(&mut vec![0.0; LENGTH / PROCESSES]), 0),
            _ => return Err("an unknown order".into()),
        }
        println!("done");
    }
    Ok(())
}

fn fill_chunks(array: &ChunkedArray<f32>, pass: u32) -> Result<(), millpond::Error> {
    for mut chunk in array.split(pass)? {
        let first = chunk.range().start;
        fill(&mut chunk, first);
    }
    Ok(())
}

fn compare_fills(table: &Table) -> Outcome {
    let name = format!("arrays-bench-{}", std::process::id());
    let options = ArrayOptions::new(LENGTH)
        .lifetime(Lifetime::WhileAttached)
        .prefault(true);
    let array = ChunkedArray::<f32>::create(&name, options)?;
    let mut fillers = Vec::new();
    for _ in 0..PROCESSES {
        fillers.push(Filler::start(&name)?);
    }
    tell(&mut fillers, "slice 0"); // all are there
    let (fillers, mut pass) = (std::cell::RefCell::new(fillers), 0);
    let mut next = |what: &str| {
        pass += 1;
        tell(&mut fillers.borrow_mut(), &format!("{what} {pass}"));
    };
    let slice = |what: &str| tell(&mut fillers.borrow_mut(), &format!("{what} 0"));
    let unit = Unit::Records(LENGTH);
    let measure = "fill 10^8 f32, 2 processes; own slices";
    table.compare(measure, unit, "", || next("array"), || slice("slice"));
    let measure = "fill, first touch of pages; own new slices";
    table.compare(
        measure,
        unit,
        "",
        || next("fresh-array"),
        || slice("fresh-slice"),
    );
    let mut plain = vec![1.0; LENGTH];
    let threads = || {
        let halves = plain.chunks_mut(LENGTH / 2);
        thread::scope(|scope| {
            for (first, half) in (0..).step_by(LENGTH / 2).zip(halves) {
                scope.spawn(move || fill(black_box(half), first));
            }
        });
    };
    let measure = "fill 10^8 f32, 2 processes; 2 threads, a slice";
    table.compare(measure, unit, "", || next("array"), threads);
    let whole = array.take(0..LENGTH, std::time::Duration::ZERO)?;
    assert!(
        whole
            .iter()
            .enumerate()
            .all(|(index, &number)| number == index as f32 * 0.5)
    );
    Ok(())
}

fn compare_locks(table: &Table) -> Outcome {
    let array = SharedArray::<u64>::anonymous(ArrayOptions::new(16))?;
    let lock = RwLock::new([0u64; 16]);
    let read = || {
        (0..TIMES)
            .map(|at| array.read().unwrap()[at % 16])
            .sum::<u64>()
    };
    let plain = || (0..TIMES).map(|at| lock.read()[at % 16]).sum::<u64>();
    let unit = Unit::Records(TIMES);
    table.compare("read guard, alone; parking_lot", unit, "", read, plain);
    let write = || (0..TIMES).for_each(|at| array.write().unwrap()[at % 16] += 1);
    let plain = || (0..TIMES).for_each(|at| lock.write()[at % 16] += 1);
    table.compare("write guard, alone; parking_lot", unit, "", write, plain);

    // Each reads in a process of its own, here as another handle, and the other one reads all the while.
    let name = format!("arrays-bench-lock-{}", std::process::id());
    let options = ArrayOptions::new(16).lifetime(Lifetime::WhileAttached);
    let mine = SharedArray::<u64>::create(&name, options)?;
    let other = SharedArray::<u64>::open(&name)?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                black_box(other.read().unwrap()[3]);
                black_box(lock.read()[3]);
            }
        });
        let read = || {
            (0..TIMES)
                .map(|at| mine.read().unwrap()[at % 16])
                .sum::<u64>()
        };
        let plain = || (0..TIMES).map(|at| lock.read()[at % 16]).sum::<u64>();
        table.compare(
            "read guard beside a reader; parking_lot",
            unit,
            "",
            read,
            plain,
        );
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

fn compare_values(table: &Table) -> Outcome {
    let value = SharedValue::<u64>::anonymous(ValueOptions::new())?;
    let lock = RwLock::new(0u64);
    let unit = Unit::Records(TIMES);
    let get = || (0..TIMES).map(|_| value.get().unwrap()).sum::<u64>();
    let plain = || (0..TIMES).map(|_| *lock.read()).sum::<u64>();
    table.compare("value get; parking_lot", unit, "", get, plain);
    let set = || (0..TIMES).for_each(|at| value.set(at as u64).unwrap());
    let plain = || (0..TIMES).for_each(|at| *lock.write() = at as u64);
    table.compare("value set; parking_lot", unit, "", set, plain);
    let update = || (0..TIMES).for_each(|_| value.update(|value| *value += 1).unwrap());
    let plain = || (0..TIMES).for_each(|_| *lock.write() += 1);
    table.compare("value update; parking_lot", unit, "", update, plain);
    Ok(())
}

/// Tiny chunks, so that nothing counts but giving them out; beside threads that take theirs by a counter.
fn compare_chunks(table: &Table) -> Outcome {
    const CHUNKS: usize = 1000;
    let array = ChunkedArray::<u64>::anonymous(ArrayOptions::new(CHUNKS * 8).chunk_len(8))?;
    let (mut pass, next) = (0, AtomicU64::new(0));
    let ours = || {
        pass += 1;
        let chunks = array.split(pass).unwrap();
        chunks.map(|chunk| chunk.len()).sum::<usize>()
    };
    let theirs = || {
        (0..CHUNKS)
            .map(|_| next.fetch_add(1, Ordering::Relaxed))
            .sum::<u64>()
    };
    let unit = Unit::Records(CHUNKS);
    table.compare(
        "chunks of 64 bytes given out; a counter",
        unit,
        "",
        ours,
        theirs,
    );
    Ok(())
}

fn compare_atomics(table: &Table) -> Outcome {
    let array = AtomicArray::<u64>::anonymous(ArrayOptions::new(16))?;
    let plain: Vec<AtomicU64> = (0..16).map(|_| AtomicU64::new(0)).collect();
    let unit = Unit::Records(TIMES);
    let ours = || {
        (0..TIMES)
            .map(|at| array[at % 16].fetch_add(1))
            .sum::<u64>()
    };
    let theirs = || {
        (0..TIMES)
            .map(|at| plain[at % 16].fetch_add(1, Ordering::SeqCst))
            .sum::<u64>()
    };
    table.compare("atomic fetch_add; std", unit, "", ours, theirs);
    let ours = || (0..TIMES).map(|at| array[at % 16].load()).sum::<u64>();
    let theirs = || {
        (0..TIMES)
            .map(|at| plain[at % 16].load(Ordering::SeqCst))
            .sum::<u64>()
    };
    table.compare("atomic load; std", unit, "", ours, theirs);
    Ok(())
}

/// What is known at run time beside the same with its type.
fn compare_untyped(table: &Table) -> Outcome {
    let unit = Unit::Records(TIMES);
    let name = format!("arrays-bench-untyped-{}", std::process::id());
    let options = ValueOptions::new().lifetime(Lifetime::WhileAttached);
    let typed = SharedValue::<u64>::create(&name, options.clone())?;
    let untyped = DynValue::open(&name)?;
    let mut bytes = [0; 8];
    let ours = || (0..TIMES).for_each(|_| untyped.get(black_box(&mut bytes)).unwrap());
    let theirs = || {
        (0..TIMES).for_each(|_| {
            black_box(typed.get().unwrap());
        })
    };
    table.compare("value get, untyped; typed", unit, "", ours, theirs);
    let ours = || (0..TIMES).for_each(|_| drop(black_box(untyped.read().unwrap())));
    let theirs = || (0..TIMES).for_each(|_| drop(black_box(typed.read().unwrap())));
    let measure = "value read guard, untyped (it owns); typed";
    table.compare(measure, unit, "", ours, theirs);
    let name = format!("{name}-atomic");
    let typed = AtomicValue::<u64>::create(&name, options)?;
    let untyped = DynAtomicValue::open(&name)?;
    let ours = || {
        (0..TIMES).for_each(|_| {
            untyped.fetch_add(Number::U64(1)).unwrap();
        })
    };
    let theirs = || {
        (0..TIMES).for_each(|_| {
            typed.fetch_add(1);
        })
    };
    table.compare("value fetch_add, untyped; typed", unit, "", ours, theirs);
    Ok(())
}
