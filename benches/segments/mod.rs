//! Segments: creating, opening and dropping one of a mebibyte, and waking another process through
//! one, against the `shared_memory` crate and against pipes; opening a large one against opening a
//! small one.

use std::error::Error;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millpond::{Board, BoardOptions, Lifetime, Pool, PoolOptions};
use shared_memory::ShmemConf;

use millpond_benches::rounds::{Table, Unit};

const MEBIBYTE: usize = 1 << 20;
/// Which half of a ping-pong a child process is to play, and where.
const ROLE: &str = "MILLPOND_BENCH_ROLE";
const PATIENCE: Duration = Duration::from_secs(20);

/// Compares creation and opening.
pub fn compare(table: &Table) -> Result<(), Box<dyn Error>> {
    let name = format!("bench-{}/segment", std::process::id());
    let os_id = format!("millpond-bench-{}", std::process::id());
    // 8 bytes of record, 8 of slot word, 4.27 of tree.
    let options = || PoolOptions::new(MEBIBYTE / 24).lifetime(Lifetime::WhileAttached);
    table.compare(
        "create and drop 1 MiB; shared_memory",
        Unit::Time,
        "",
        || Pool::<u64>::create(&name, options()).expect("a new name"),
        || {
            let conf = ShmemConf::new().os_id(&os_id).size(MEBIBYTE);
            conf.create().expect("a new name")
        },
    );
    let _kept = Pool::<u64>::create(&name, options())?;
    let _also_kept = ShmemConf::new().os_id(&os_id).size(MEBIBYTE).create()?;
    table.compare(
        "open and drop 1 MiB; shared_memory",
        Unit::Time,
        "",
        || Pool::<u64>::open(&name).expect("it exists"),
        || ShmemConf::new().os_id(&os_id).open().expect("it exists"),
    );
    Ok(())
}

/// A pool of 10 MiB, and a large one: a gibibyte, whose space is reserved in a quarter of a second, or ten
/// where that is asked for.
pub fn compare_sizes(table: &Table) -> Result<(), Box<dyn Error>> {
    let create = |mebibytes: usize| {
        let name = format!("bench-{}/of-{mebibytes}", std::process::id());
        // 4096 bytes of record, 8 of slot word, 4.27 of tree.
        let options = PoolOptions::new(mebibytes * MEBIBYTE / 4108);
        let options = options.lifetime(Lifetime::WhileAttached);
        Pool::<[u64; 512]>::create(&name, options).map(|pool| (name, pool))
    };
    let (gibibytes, measures) = match table.is_large() {
        false => (
            1,
            [
                "open and drop 1 GiB; 10 MiB",
                "open: private memory of these",
            ],
        ),
        true => (
            10,
            [
                "open and drop 10 GiB; 10 MiB",
                "open: private memory of these",
            ],
        ),
    };
    if !measures.iter().any(|measure| table.wants(measure)) {
        return Ok(());
    }
    let (large, _large) = create(gibibytes * 1024)?;
    let (small, _small) = create(10)?;
    let open = |name: &str| Pool::<[u64; 512]>::open(name).expect("it exists");
    table.compare(
        measures[0],
        Unit::Time,
        "",
        || open(&large),
        || open(&small),
    );
    let taken = [&large, &small].map(|name| private_memory_of(|| open(name)));
    if let [Some(ours), Some(theirs)] = taken {
        table.show(measures[1], ours, theirs);
    }
    Ok(())
}

/// The private memory that a handle takes, a mean of many; `None` where the system does not say.
fn private_memory_of<H>(open: impl Fn() -> H) -> Option<String> {
    const HANDLES: usize = 32;
    let before = private_memory()?;
    let handles: Vec<_> = (0..HANDLES).map(|_| open()).collect();
    let taken = private_memory()?.saturating_sub(before);
    drop(handles);
    Some(format!("{:.1} KiB", taken as f64 / HANDLES as f64))
}

/// The memory of this process that is in no file, in KiB, as Linux counts it.
fn private_memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = text.lines().find(|line| line.starts_with("Anonymous:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Two boards: what this process publishes on one, the child answers on the other.
struct PingPong {
    ping: Board<u64>,
    pong: Board<u64>,
    count: u64,
}

impl PingPong {
    fn new(open: impl Fn(&str) -> millpond::Result<Board<u64>>) -> millpond::Result<Self> {
        Ok(Self {
            ping: open("ping")?,
            pong: open("pong")?,
            count: 0,
        })
    }

    fn play(&mut self) -> millpond::Result<()> {
        self.count = self.ping.publish(&[self.count])?;
        self.pong.wait_newer(self.count - 1, PATIENCE)?;
        Ok(())
    }
}

/// Compares waking a sleeping process, and being woken by it, with a byte through pipes.
pub fn compare_wakeups(table: &Table) -> Result<(), Box<dyn Error>> {
    let run = format!("bench-{}", std::process::id());
    let mut boards = PingPong::new(|board| {
        let options = BoardOptions::new(1).lifetime(Lifetime::WhileAttached);
        Board::create(&format!("{run}/{board}"), options)
    })?;
    let mut answering = start_child(&run)?;
    boards.play()?; // the child is there
    let mut echoing = start_child("echo")?;
    let mut to = echoing.stdin.take().ok_or("no pipe to the child")?;
    let mut from = echoing.stdout.take().ok_or("no pipe from the child")?;
    table.compare(
        "wake another process and back; pipes",
        Unit::Time,
        "",
        || boards.play().expect("the child answers"),
        || {
            to.write_all(&[1]).expect("the child reads");
            from.read_exact(&mut [0]).expect("the child answers");
        },
    );
    // What tells the first child to go: a value instead of a number of a round.
    boards.ping.publish(&[u64::MAX])?;
    answering.wait()?;
    drop(to);
    echoing.wait()?;
    Ok(())
}

fn start_child(role: &str) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// Plays the other half, if this process was started for that; says whether it was.
pub fn play_child() -> Result<bool, Box<dyn Error>> {
    let Ok(role) = std::env::var(ROLE) else {
        return Ok(false);
    };
    if role == "echo" {
        let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
        let mut byte = [0];
        while from.read_exact(&mut byte).is_ok() {
            to.write_all(&byte)?;
            to.flush()?;
        }
        return Ok(true);
    }
    let boards = PingPong::new(|board| Board::open(&format!("{role}/{board}")))?;
    let (mut version, mut value) = (0, [0]);
    loop {
        boards.ping.wait_newer(version, PATIENCE)?;
        version = boards.ping.fetch(&mut value)?;
        if value[0] == u64::MAX {
            return Ok(true);
        }
        boards.pong.publish(&value)?;
    }
}
