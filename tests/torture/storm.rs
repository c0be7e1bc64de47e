//! A crew at work, of which one after the other is killed at a random instant, and from time to time
//! all at once.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use millpond::{Board, BoardOptions, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::crew::{self, BOARD};
use crate::experience::Experience;
use crate::ledger::{self, check_alone, check_live, insert};
use crate::points::files_below;
use crate::pulse::{KILLS, Pulse, board_of, newest};
use crate::score::{PROMISE, Score};
use crate::stage::{Part, ROLE, named};
use crate::victim::BOARD_LENGTH;

pub const PART: Part = Part {
    name: "storm",
    alone: named![random_kills_lose_nothing_and_stop_nobody],
    roles: {
        use crew::*;
        named![
            writer,
            reserver,
            sampler,
            holder,
            publisher,
            fetcher,
            creator,
            #[cfg(unix)]
            stopper,
            #[cfg(unix)]
            forker,
        ]
    },
    ..Part::EMPTY
};

/// Who is at work. Those who fork and stop are on Unix only.
const CREW: &[&str] = &[
    "writer",
    "writer",
    "reserver",
    "sampler",
    "holder",
    "publisher",
    "fetcher",
    "creator",
    #[cfg(unix)]
    "stopper",
    #[cfg(unix)]
    "forker",
];
/// Kills of one between two kills of all.
const SINGLE_KILLS: usize = 40;
/// Rounds before that in which nobody is killed, to compare pauses with.
const QUIET: usize = 10;
/// A wait that is longer hangs.
const HANG: Duration = Duration::from_secs(20);

fn random_kills_lose_nothing_and_stop_nobody() {
    let mut score = Score::default();
    // With the fail points it is the test of its own step; without, one of many.
    let epochs = if cfg!(feature = "failpoints") { 4 } else { 2 };
    for seed in 0..epochs {
        let capacity = [600, 5000][seed as usize % 2];
        run_epoch(seed, capacity, &mut score);
    }
    score.conclude();
}

/// Starts a crew, kills its members one by one, then all; and checks everything.
pub fn run_epoch(seed: u64, capacity: usize, score: &mut Score) {
    let mut storm = Storm::new(seed, capacity);
    for _ in 0..QUIET {
        storm.kills.publish(&[0]).unwrap();
        let pauses = storm.wait_for_crew("nobody was killed", score);
        score.quiet.extend(pauses);
    }
    for _ in 0..SINGLE_KILLS {
        storm.kill_one(score);
    }
    storm.kill_all(score);
}

/// A process at work.
struct Worker {
    role: &'static str,
    number: u64,
    process: Child,
    pulse: Board<Pulse>,
}

impl Worker {
    /// Starts a worker and waits until it has done something.
    fn start(role: &'static str, number: u64, pool: &str) -> Self {
        let pulse = Board::create(&board_of(number), BoardOptions::new(1)).unwrap();
        let process = Command::new(std::env::current_exe().expect("the path of this program"))
            .args([pool, &number.to_string()])
            .env(ROLE, format!("storm::{role}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process that starts");
        let mut worker = Self {
            role,
            number,
            process,
            pulse,
        };
        worker.wait_for(0).expect("a first operation");
        worker
    }

    /// Waits for a version of its pulse after `version`.
    fn wait_for(&mut self, version: u64) -> Result<(), String> {
        let began = Instant::now();
        loop {
            self.go_on();
            if self
                .pulse
                .wait_newer(version, Duration::from_millis(20))
                .is_ok()
            {
                return Ok(());
            }
            let ended = self.process.try_wait().expect("the state of a child");
            if ended.is_some() || began.elapsed() > HANG {
                return Err(format!("worker {} ({}): {ended:?}", self.number, self.role));
            }
        }
    }

    /// Lets it go on where it has stopped itself.
    #[cfg(unix)]
    fn go_on(&self) {
        use nix::sys::signal::{Signal, kill};
        if self.role == "stopper" {
            // An error says that it has ended.
            let process = nix::unistd::Pid::from_raw(self.process.id() as i32);
            let _ = kill(process, Signal::SIGCONT);
        }
    }

    #[cfg(not(unix))]
    fn go_on(&self) {}

    /// Kills it, and waits until it and the children that it forked are gone: they have its output.
    fn end(&mut self) {
        self.process.kill().expect("a process to kill");
        self.process.wait().expect("the end of a child");
        let mut output = self.process.stdout.take().expect("a pipe");
        output.read_to_end(&mut Vec::new()).expect("text");
        millpond::unlink(&board_of(self.number)).unwrap();
    }
}

/// The segments, and who is at work on them.
struct Storm {
    random: StdRng,
    pool: Pool<Experience>,
    pool_name: String,
    kills: Board<u64>,
    crew: Vec<Worker>,
    /// The number of the next worker.
    next: u64,
}

impl Storm {
    fn new(seed: u64, capacity: usize) -> Self {
        let pool_name = format!("storm/{capacity}");
        let pool = Pool::create(&pool_name, PoolOptions::new(capacity)).unwrap();
        for number in 0..capacity as u64 {
            insert(&pool, number).unwrap();
        }
        let board = Board::<u64>::create(BOARD, BoardOptions::new(BOARD_LENGTH)).unwrap();
        board.publish(&[0; BOARD_LENGTH]).unwrap();
        let mut storm = Self {
            random: StdRng::seed_from_u64(seed),
            pool,
            kills: Board::create(KILLS, BoardOptions::new(1)).unwrap(),
            crew: Vec::new(),
            next: 0,
            pool_name,
        };
        for role in CREW {
            storm.start(role);
        }
        storm
    }

    fn start(&mut self, role: &'static str) {
        self.crew
            .push(Worker::start(role, self.next, &self.pool_name));
        self.next += 1;
    }

    /// Kills one at a random instant, and waits until all others have gone on.
    fn kill_one(&mut self, score: &mut Score) {
        let at = self.random.random_range(0..self.crew.len());
        let mut victim = self.crew.swap_remove(at);
        let context = format!("kill of worker {} ({})", victim.number, victim.role);
        // Not to wait for anything: the instant is to be a random one.
        thread::sleep(Duration::from_micros(self.random.random_range(0..3000)));
        self.kills.publish(&[0]).unwrap();
        let process = victim.process.id();
        victim.end();
        score.kills += 1;
        let before = score.violations.len();
        let entries = ledger::read(victim.number);
        let last = &entries[entries.len().saturating_sub(100)..];
        score.check(&context, check_live(&self.pool, victim.number, last));
        let pauses = self.wait_for_crew(&context, score);
        score.pauses.extend(pauses);
        score.check(&context, self.check_participants(process));
        score.recoveries += usize::from(score.violations.len() == before);
        self.start(victim.role);
    }

    /// Waits until each has begun and ended an operation, and gives its longest since the kill.
    fn wait_for_crew(&mut self, context: &str, score: &mut Score) -> Vec<Duration> {
        let (kill, mut pauses) = (self.kills.version(), Vec::new());
        let version = |worker: &Worker| worker.pulse.version();
        let versions: Vec<u64> = self.crew.iter().map(version).collect();
        for (at, version) in versions.into_iter().enumerate().rev() {
            let worker = &mut self.crew[at];
            if let Err(what) = worker.wait_for(version + 1) {
                score.violation(format!("{context}: {what}"));
                let mut ended = self.crew.remove(at);
                ended.end();
                self.start(ended.role);
                continue;
            }
            let pulse = newest(&worker.pulse);
            let pause = Duration::from_nanos(pulse.longest_ns);
            if pulse.kill == kill {
                pauses.push(pause);
            }
            if pulse.kill == kill && pause > PROMISE {
                println!("{context}: a pause of {pause:.1?} of a {}", worker.role);
            }
        }
        pauses
    }

    /// The dead is no participant, and all survivors are.
    fn check_participants(&self, dead: u32) -> Result<(), String> {
        let listed = self
            .pool
            .participants()
            .map_err(|error| error.to_string())?;
        let is_listed = |process| listed.iter().any(|found| found.process == process);
        if is_listed(dead) {
            return Err(format!("{dead} is dead and a participant"));
        }
        match self
            .crew
            .iter()
            .find(|worker| !is_listed(worker.process.id()))
        {
            Some(lost) => Err(format!("{} ({}) is not listed", lost.number, lost.role)),
            None => self.pool.verify().map_err(|error| error.to_string()),
        }
    }

    /// Kills everybody, and compares the segments with what was promised.
    fn kill_all(mut self, score: &mut Score) {
        for worker in &mut self.crew {
            worker.process.kill().expect("a process to kill");
        }
        self.crew.iter_mut().for_each(Worker::end);
        score.kills += self.crew.len();
        let before = score.violations.len();
        let writers: Vec<u64> = (0..self.next).collect();
        let context = format!("all killed, {} slots", self.pool.capacity());
        score.check(&context, check_alone(&self.pool, &writers));
        let (killed, pool_name) = (self.crew.len(), self.pool_name.clone());
        // On Windows a file that has lost its name goes with its last handle.
        drop(self);
        score.check(&context, check_segments(&pool_name));
        writers.into_iter().for_each(ledger::remove);
        score.recoveries += usize::from(score.violations.len() == before) * killed;
    }
}

/// The board is whole, and all files can be removed.
fn check_segments(pool: &str) -> Result<(), String> {
    let say = |error: millpond::Error| error.to_string();
    let board = Board::<u64>::open(BOARD).map_err(say)?;
    let mut value = [0; BOARD_LENGTH];
    board.fetch(&mut value).map_err(say)?;
    if value != [value[0]; BOARD_LENGTH] {
        return Err(format!("a torn value: {value:?}"));
    }
    let version = board.version();
    if board.publish(&value).map_err(say)? != version + 1 {
        return Err(format!("the version after {version} is another"));
    }
    drop(board);
    millpond::list(None).map_err(say)?;
    millpond::unlink_all("short").map_err(say)?;
    for name in [BOARD, KILLS, pool] {
        millpond::unlink(name).map_err(say)?;
    }
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    match files_below(Path::new(&root)) {
        left if left == [".lock"] => Ok(()),
        left => Err(format!("files are left: {left:?}")),
    }
}
