//! What names cost, beside 10, 1,000 and 10,000 other segments: `cargo bench -p millpond-benches --bench names`.
//!
//! Each line is the time of one call: the median of several, and the longest. The last lines of a block say how
//! long this process waits for `open` while another one creates, lists and removes segments in a loop. The
//! segments lie in the default place, or where `MILLPOND_DIR` is, beside those that are there already.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millpond::{Board, BoardOptions, Lifetime, Lookup, Result, list, unlink, unlink_all};

const RUN: &str = "bench-names";
/// Numbers of segments that are there meanwhile.
const COUNTS: [usize; 3] = [10, 1_000, 10_000];
/// Calls of what takes microseconds, and of what looks at all segments.
const CALLS: usize = 400;
const LISTS: usize = 5;
/// Calls beside another process.
const OPENINGS: usize = 4_000;
/// Says what a child process is to do in a loop.
const ROLE: &str = "MILLPOND_BENCH_NAMES";

fn main() -> Result<()> {
    if let Ok(role) = std::env::var(ROLE) {
        return play(&role);
    }
    unlink_all(RUN)?;
    let mut there = 0;
    for count in COUNTS {
        for number in there..count {
            create(&format!("kept/{number}"), Lifetime::UntilUnlinked)?;
        }
        there = count;
        println!(
            "\n{:<44}{:>12}{:>12}",
            format!("beside {count} segments"),
            "median",
            "longest"
        );
        measure()?;
    }
    unlink_all(RUN).map(drop)
}

fn create(name: &str, lifetime: Lifetime) -> Result<Board<u64>> {
    let options = BoardOptions::new(1).participants(2).lifetime(lifetime);
    Board::create(&format!("{RUN}/{name}"), options)
}

fn measure() -> Result<()> {
    let kept = format!("{RUN}/kept/5");
    let (mut created, mut unlinked) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let new = "new/board";
        created.push(time_of(|| create(new, Lifetime::UntilUnlinked))?);
        unlinked.push(time_of(|| unlink(&format!("{RUN}/{new}")))?);
    }
    say("create", created);
    say("unlink", unlinked);
    time("create and drop, while attached", CALLS, || {
        create("attached", Lifetime::WhileAttached).map(drop)
    })?;
    time("open and drop", CALLS, || {
        Board::<u64>::open(&kept).map(drop)
    })?;
    let attached = create("attached", Lifetime::WhileAttached)?;
    time("open and drop, while attached", CALLS, || {
        Board::<u64>::open(&format!("{RUN}/attached")).map(drop)
    })?;
    drop(attached);
    time("publish a lookup of one key", CALLS / 4, || {
        Lookup::<u64, u64>::publish(&*format!("{RUN}/lookup"), [(1u64, 2u64)]).map(drop)
    })?;
    unlink(&format!("{RUN}/lookup"))?;
    time("list", LISTS, || list(None))?;
    for role in ["create", "list", "open"] {
        let other = Other::start(role).expect("a child process");
        time(
            &format!("open and drop, while another does {role}"),
            OPENINGS,
            || Board::<u64>::open(&kept).map(drop),
        )?;
        other.end();
    }
    Ok(())
}

/// Prints how long a call takes, of several.
fn time<R>(what: &str, calls: usize, mut call: impl FnMut() -> Result<R>) -> Result<()> {
    let times: Result<_> = (0..calls).map(|_| time_of(&mut call)).collect();
    say(what, times?);
    Ok(())
}

/// How long a call takes, without dropping what it gives.
fn time_of<R>(call: impl FnOnce() -> Result<R>) -> Result<Duration> {
    let began = Instant::now();
    let result = call()?;
    let time = began.elapsed();
    drop(result);
    Ok(time)
}

fn say(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what:<44}{median:>12.1?}{longest:>12.1?}");
}

/// A process that does one thing in a loop until its standard input ends.
struct Other(Child);

impl Other {
    /// Starts it, and waits until it has begun.
    fn start(role: &str) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut begun = [0];
        let mut says = child.stdout.take().expect("a pipe");
        says.read_exact(&mut begun)?;
        Ok(Self(child))
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn play(role: &str) -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let mut out = std::io::stdout();
    let _ = out.write_all(b"!").and_then(|()| out.flush());
    loop {
        match role {
            "create" => create("other", Lifetime::WhileAttached).map(drop)?,
            "list" => list(None).map(drop)?,
            _ => Board::<u64>::open(&format!("{RUN}/kept/7")).map(drop)?,
        }
    }
}
