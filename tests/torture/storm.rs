//! A crew at work, of which one after the other is killed, or stopped for a while, at a random instant,
//! and from time to time all are killed at once.

use std::path::Path;
use std::thread;
use std::time::Duration;

use millpond::segment::Participant;
use millpond::{Board, BoardOptions, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::all_points::files_below;
use crate::crew::{self, BOARD};
use crate::experience::Experience;
use crate::footprint::Footprint;
use crate::ledger::{self, check_alone, check_live, insert};
use crate::pauses::Pauses;
use crate::pulse::{KILLS, newest};
use crate::score::{PROMISE, Score, grow};
use crate::stage::{Part, named};
use crate::victim::BOARD_LENGTH;
use crate::worker::Worker;

pub const PART: Part = Part {
    name: "storm",
    alone: named![random_kills_lose_nothing_and_stop_nobody],
    roles: {
        use crew::*;
        named![
            writer,
            reserver,
            sampler,
            saver,
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
    "saver",
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
/// After each so many of them somebody is stopped.
const KILLS_FOR_A_STOP: usize = 5;
/// A stop, in microseconds, at most: those who wait ask several times meanwhile whether who has the lock
/// lives.
#[cfg(unix)]
const LONGEST_STOP: u64 = 40_000;
/// Rounds before that in which nobody is killed, to compare pauses with.
const QUIET: usize = 10;

fn random_kills_lose_nothing_and_stop_nobody() {
    let mut score = Score::default();
    for seed in 0..2 {
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
        score.quiet.add(pauses);
    }
    let begin = storm.footprint_of_the_spared();
    for number in 0..SINGLE_KILLS {
        storm.kill_one(score);
        if cfg!(unix) && number % KILLS_FOR_A_STOP == 0 {
            storm.stop_one(score);
        }
    }
    grow(&mut score.survivors[0], begin);
    grow(&mut score.survivors[1], storm.footprint_of_the_spared());
    storm.kill_all(score);
}

/// The segments, and who is at work on them.
struct Storm {
    seed: u64,
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
            seed,
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

    /// The number of the one that lives until all are killed: another role in each storm.
    fn spared(&self) -> u64 {
        self.seed % CREW.len() as u64
    }

    fn footprint_of_the_spared(&self) -> Option<Footprint> {
        let spared = self
            .crew
            .iter()
            .find(|worker| worker.number == self.spared());
        spared.and_then(|worker| Footprint::of(worker.process.id()))
    }

    /// Takes somebody who is not spared out of the crew.
    fn choose(&mut self) -> Worker {
        loop {
            let at = self.random.random_range(0..self.crew.len());
            if self.crew[at].number != self.spared() {
                return self.crew.swap_remove(at);
            }
        }
    }

    /// Not to wait for anything: the instant is to be a random one.
    fn let_time_pass(&mut self, at_most: u64) {
        thread::sleep(Duration::from_micros(self.random.random_range(0..at_most)));
    }

    /// Kills one at a random instant, and waits until all others have gone on.
    fn kill_one(&mut self, score: &mut Score) {
        let victim = self.choose();
        let context = format!("kill of worker {} ({})", victim.number, victim.role);
        self.let_time_pass(3000);
        self.kills.publish(&[0]).unwrap();
        let pauses = self.bury(victim, &context, score);
        score.pauses.add(pauses);
    }

    /// Kills one, waits until all others have gone on, and puts another in its place. Gives the longest
    /// operation of each since the newest version of the board of kills.
    fn bury(&mut self, mut victim: Worker, context: &str, score: &mut Score) -> Pauses {
        let dead = self.participant(victim.process.id());
        victim.end(score);
        score.kills += 1;
        let before = score.violations.len();
        score.check_records(context, check_live(&self.pool, victim.number));
        let pauses = self.wait_for_crew(context, score);
        score.check(context, self.check_participants(dead));
        score.recoveries += usize::from(score.violations.len() == before);
        self.start(victim.role);
        pauses
    }

    /// Stops one at a random instant, for a while in which nobody may take it for dead, and lets it go
    /// on, or kills it as it is. Others wait for it meanwhile where it has a lock, as they must: so these
    /// pauses are no promise's, and are counted by themselves.
    #[cfg(unix)]
    fn stop_one(&mut self, score: &mut Score) {
        use nix::sys::signal::Signal;
        let stopped = self.choose();
        let context = format!("stop of worker {} ({})", stopped.number, stopped.role);
        self.let_time_pass(3000);
        self.kills.publish(&[0]).unwrap();
        // All locks were repaired after the last kill, and nobody has died since.
        let repairs = self.repairs();
        stopped.signal(Signal::SIGSTOP);
        self.let_time_pass(LONGEST_STOP);
        let dies = self.random.random_range(0..4) == 0;
        let process = stopped.process.id();
        // Fewer where it is stopped while it leaves, with its count in its hands.
        let taken_over = self.repairs().saturating_sub(repairs);
        score.check(
            &context,
            match taken_over {
                0 => self.check_listed(process),
                _ => Err(format!("{taken_over} locks were taken from the living")),
            },
        );
        let pauses = if dies {
            self.bury(stopped, &context, score)
        } else {
            stopped.signal(Signal::SIGCONT);
            self.crew.push(stopped);
            self.wait_for_crew(&context, score)
        };
        score.stops += 1;
        score.stopped.add(pauses);
    }

    /// How often a lock was taken over so far. Who leaves just then may be counted twice, or not: so two
    /// looks have to agree.
    #[cfg(unix)]
    fn repairs(&self) -> u64 {
        let look = || self.pool.statistics().repairs;
        let mut last = look();
        loop {
            match look() {
                found if found == last => return found,
                found => last = found,
            }
        }
    }

    #[cfg(not(unix))]
    fn stop_one(&mut self, _score: &mut Score) {}

    /// A process is a participant.
    #[cfg(unix)]
    fn check_listed(&self, process: u32) -> Result<(), String> {
        let listed = self.pool.participants();
        let listed = listed.map_err(|error| error.to_string())?;
        match listed.iter().any(|found| found.process == process) {
            true => Ok(()),
            false => Err("it lives, and is no participant".into()),
        }
    }

    /// Waits until each has begun and ended an operation, and gives its longest since the kill.
    fn wait_for_crew(&mut self, context: &str, score: &mut Score) -> Pauses {
        let (kill, mut pauses) = (self.kills.version(), Pauses::default());
        let version = |worker: &Worker| worker.pulse.version();
        let versions: Vec<u64> = self.crew.iter().map(version).collect();
        for (at, version) in versions.into_iter().enumerate().rev() {
            let worker = &mut self.crew[at];
            if let Err(what) = worker.wait_for(version + 1) {
                score.violation(format!("{context}: {what}"));
                let mut ended = self.crew.remove(at);
                ended.end(score);
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

    /// Returns what the pool says of a process.
    fn participant(&self, process: u32) -> Option<Participant> {
        let listed = self.pool.participants().ok()?;
        listed.into_iter().find(|found| found.process == process)
    }

    /// The dead is no participant, and all survivors are. Another process may have its number by now, as there are
    /// few numbers and many short processes here; so it is known by the instant at which it joined, too.
    fn check_participants(&self, dead: Option<Participant>) -> Result<(), String> {
        let listed = self
            .pool
            .participants()
            .map_err(|error| error.to_string())?;
        let is_listed = |process| listed.iter().any(|found| found.process == process);
        if let Some(dead) = dead.filter(|dead| listed.contains(dead)) {
            return Err(format!("{} is dead and a participant", dead.process));
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
        self.crew.iter_mut().for_each(|worker| worker.end(score));
        score.kills += self.crew.len();
        let before = score.violations.len();
        let writers: Vec<u64> = (0..self.next).collect();
        let context = format!("all killed, {} slots", self.pool.capacity());
        score.check_records(&context, check_alone(&self.pool, &writers));
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
