//! Every fail point, some times each, in pools of several shards: a process dies there, this one goes
//! on and compares what the segments hold with what was promised (`points/checks.rs`).

mod checks;

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use millpond::{Board, BoardOptions, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::all_points::{all_points, files_below};
use crate::arrays::{self, Arrays};
use crate::contest::{self, Companions};
use crate::dict;
use crate::experience::Experience;
use crate::keeper::{self, Kept};
use crate::ledger::{self, check_alone, insert};
use crate::score::{Score, Stopwatch};
use crate::stage::{Part, ROLE, named, spawn};
use crate::victim::{self, BOARD_LENGTH, create_and_unlink};
use crate::volumes;
#[cfg(feature = "workers")]
use crate::workers;

pub const PART: Part = Part {
    name: "points",
    obstacle: || {
        let built = cfg!(feature = "failpoints");
        (!built).then(|| "it was built without the feature `failpoints`".into())
    },
    alone: named![a_death_at_any_point_is_made_good],
    roles: {
        use arrays::array;
        use contest::{companion, contender};
        use dict::{lector, scribe};
        use keeper::{inspector, keeper};
        use victim::{creator, guest, pool, publisher, saver, verifier};
        use volumes::editor;
        #[cfg(feature = "workers")]
        use workers::worker_group;
        named![
            pool,
            guest,
            verifier,
            publisher,
            creator,
            saver,
            contender,
            companion,
            keeper,
            inspector,
            scribe,
            lector,
            array,
            editor,
            #[cfg(feature = "workers")]
            worker_group,
        ]
    },
    ..Part::EMPTY
};

/// Two shards and sixteen.
const CAPACITIES: [usize; 2] = [600, 5000];
/// How many points are tried in the same segments. Wine's server keeps every descriptor of a file until
/// the last lock on it is gone, and comes to its end after some 20,000.
const POINTS_A_RANGE: usize = 32;
/// Points with a lock held, at which somebody dies whom a repairer follows.
const IN_THE_LOCK: [&str; 9] = [
    "insert.marked",
    "insert.taken",
    "insert.emptied",
    "commit.locked",
    "commit.word",
    "tree.leaf",
    "tree.run",
    "tree.path",
    "tree.sum",
];

fn a_death_at_any_point_is_made_good() {
    let mut score = Score::default();
    // Where it is not Windows that runs this but wine, starting a process takes tenths of a second.
    let times = if cfg!(windows) { 1 } else { 2 };
    for seed in 0..times {
        go_through(seed, &mut score);
    }
    score.conclude();
}

/// Goes through every point once in each pool.
pub fn go_through(seed: u64, score: &mut Score) {
    for capacity in CAPACITIES {
        for points in all_points().chunks(POINTS_A_RANGE) {
            let mut range = Range::new(capacity, seed);
            for point in points {
                range.try_point(point, score);
            }
        }
        let left = files_below(Path::new(&std::env::var_os("MILLPOND_DIR").unwrap()));
        if left != [".lock"] {
            score.violation(format!("files are left: {left:?}"));
        }
    }
}

/// Whether a process was killed, and did not end by itself or in a panic.
pub fn was_killed(status: ExitStatus) -> bool {
    status.code().is_none_or(|code| code != 0 && code != 101)
}

/// The segments in which the deaths happen.
struct Range {
    random: StdRng,
    pool: Pool<Experience>,
    pool_name: String,
    board: Board<u64>,
    board_name: String,
    kept: Pool<Kept>,
    kept_name: String,
    dict: dict::Kept,
    arrays: Arrays,
    table: volumes::Kept,
    /// The number of the next victim.
    victim: u64,
}

impl Range {
    fn new(capacity: usize, seed: u64) -> Self {
        let pool_name = format!("points/{capacity}");
        let board_name = "points/board".to_string();
        let kept_name = "points/kept".to_string();
        let pool = Pool::create(&pool_name, PoolOptions::new(capacity)).unwrap();
        for number in 0..capacity as u64 {
            insert(&pool, number).unwrap();
        }
        let board = Board::create(&board_name, BoardOptions::new(BOARD_LENGTH)).unwrap();
        board.publish(&[1; BOARD_LENGTH]).unwrap();
        Self {
            random: StdRng::seed_from_u64(seed),
            pool,
            pool_name,
            board,
            board_name,
            kept: keeper::create(&kept_name),
            arrays: Arrays::create(),
            table: volumes::Kept::create(),
            kept_name,
            dict: dict::Kept::new("points/dict"),
            victim: 1 + (seed << 32),
        }
    }

    /// Lets a process die at a point, and checks everything.
    fn try_point(&mut self, point: &str, score: &mut Score) {
        let (area, _) = point.split_once('.').expect("area.step");
        let of_policies = ["quota", "remove", "rewrite", "sample", "settle"];
        if of_policies.contains(&area) || point == "tree.order" {
            return self.try_keeper(point, score);
        }
        if area == "dict" {
            return self.try_scribe(point, score);
        }
        #[cfg(feature = "workers")]
        if area == "workers" {
            return workers::try_point(point, &mut self.random, score);
        }
        let first = self.victim;
        let held = self.pool.sample(64, &mut self.random).unwrap();
        let copies: Vec<Experience> = held.records().copied().collect();
        let few = self.random.random_range(1..=3);
        let died = match area {
            "insert" | "fill" | "commit" | "tree" | "update" | "lease" => {
                let pass = self.random.random_range(1..=40);
                self.send("pool", point, pass)
            }
            "seat" => self.send_contender(point, few, score),
            "takeover" | "repair" => self.send_repairers(point, score),
            "clean" => {
                score.kills += usize::from(was_killed(self.send("pool", "lease.announced", few)));
                self.send("verifier", point, 1)
            }
            "join" => self.send("guest", point, 1),
            "leave" => self.send("guest", point, few),
            "save" => self.send("saver", point, few),
            "board" => self.send("publisher", point, few),
            "create" | "unlink" | "companion" => self.send("creator", point, few),
            "read" | "write" | "chunk" => self.send("array", point, few),
            "draft" => self.send("editor", point, few),
            _ => panic!("no process is known that passes {point}"),
        };
        if !was_killed(died) {
            return score.violation(format!("{point} was not reached: {died}"));
        }
        score.kills += 1;
        *score.deaths.entry(point.to_string()).or_default() += 1;
        let capacity = self.pool.capacity();
        let context = format!("{point}, {capacity} slots, victim {first}");
        let before = score.violations.len();
        self.go_on(&context, score);
        score.check_records(&context, self.check_held(&held, &copies));
        drop(held);
        let victims: Vec<u64> = (first..self.victim).collect();
        score.check_records(&context, check_alone(&self.pool, &victims));
        score.check(&context, self.check_board());
        if area == "draft" {
            score.check_records(&context, self.table.check());
        }
        score.check(&context, self.check_files());
        if let "read" | "write" | "chunk" = area {
            score.check_records(&context, self.arrays.check());
        }
        if area == "save" {
            score.check_records(&context, self.check_snapshot());
        }
        victims.into_iter().for_each(ledger::remove);
        score.recoveries += usize::from(score.violations.len() == before);
    }

    /// Lets a process die at a point that only a pool with policies passes, and checks that pool.
    fn try_keeper(&mut self, point: &str, score: &mut Score) {
        let first = keeper::work(&self.kept, &mut self.random).expect("a pool that works");
        let before = match point {
            "quota.back" => Some("quota.noted"),
            "rewrite.completed" => Some("rewrite.copied"),
            "settle.marked" | "settle.dropped" => Some("sample.pending"),
            _ => None,
        };
        let pass = self.random.random_range(1..=20);
        let died = match before {
            None => self.send("keeper", point, pass),
            Some(before) => {
                score.kills += usize::from(was_killed(self.send("keeper", before, pass)));
                self.send("inspector", point, 1)
            }
        };
        if !was_killed(died) {
            return score.violation(format!("{point} was not reached: {died}"));
        }
        score.kills += 1;
        *score.deaths.entry(point.to_string()).or_default() += 1;
        let before = score.violations.len();
        let checked = keeper::check(&self.kept, first, &mut self.random);
        score.check_records(point, checked);
        score.check(point, self.check_files());
        score.recoveries += usize::from(score.violations.len() == before);
    }

    /// Lets a process die at a point that only a dictionary passes, and checks that dictionary. Some are
    /// followed by one who dies at the end of the repair.
    fn try_scribe(&mut self, point: &str, score: &mut Score) {
        let scribe = self.victim;
        let pass = self.random.random_range(1..=8);
        let died = match point {
            // Whoever does not get in at once, as somebody died with the lock.
            "read.entered" => {
                score.kills += usize::from(was_killed(self.send("scribe", "dict.begun", pass)));
                self.send("lector", point, 1)
            }
            _ => self.send("scribe", point, pass),
        };
        if !was_killed(died) {
            return score.violation(format!("{point} was not reached: {died}"));
        }
        score.kills += 1;
        *score.deaths.entry(point.to_string()).or_default() += 1;
        if self.random.random() {
            score.kills += usize::from(was_killed(self.send("lector", "dict.ended", 1)));
        }
        let before = score.violations.len();
        let mut watch = Stopwatch::default();
        let checked = self.dict.check(scribe, &mut watch);
        score.check_records(point, checked);
        score.pauses.push(watch.longest);
        score.check(point, self.check_files());
        score.recoveries += usize::from(score.violations.len() == before);
    }

    /// Somebody dies with a lock, then up to three in a row who repair what he left.
    fn send_repairers(&mut self, point: &str, score: &mut Score) -> ExitStatus {
        let left = match point {
            "repair.mark" => "insert.marked",
            "repair.leaf" => "insert.taken",
            _ => IN_THE_LOCK.choose(&mut self.random).expect("a point"),
        };
        let pass = self.random.random_range(1..=10);
        score.kills += usize::from(was_killed(self.send("pool", left, pass)));
        let most = match point {
            "repair.slot" => 200,
            "repair.sum" => 15,
            _ => 1,
        };
        let pass = self.random.random_range(1..=most);
        let died = self.send("verifier", point, pass);
        for _ in 0..self.random.random_range(0..3) {
            // It may find nothing left to do at this point.
            let next = self.send("verifier", point, most.min(pass + 1));
            score.kills += usize::from(was_killed(next));
        }
        died
    }

    /// Somebody dies among others who want the same locks, and who go on and end well.
    fn send_contender(&mut self, point: &str, pass: u64, score: &mut Score) -> ExitStatus {
        let companions = Companions::start(&self.pool_name, self.victim);
        self.victim += companions.len();
        let died = self.send("contender", point, pass);
        score.check(point, companions.end());
        died
    }

    /// Runs a process that is to die at a point, and waits for its end.
    fn send(&mut self, role: &str, point: &str, pass: u64) -> ExitStatus {
        let name = match role {
            "publisher" => &self.board_name,
            "keeper" | "inspector" => &self.kept_name,
            "scribe" | "lector" => &self.dict.name,
            _ => &self.pool_name,
        };
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command
            .args([name, &self.victim.to_string()])
            .env(ROLE, format!("points::{role}"))
            .env("MILLPOND_FAIL", format!("{point}:{pass}"))
            .stdin(Stdio::null());
        let mut victim = spawn(&mut command).expect("a process that starts");
        self.victim += 1;
        victim.wait().expect("the end of a child")
    }

    /// The next operations of this process, which survived.
    fn go_on(&mut self, context: &str, score: &mut Score) {
        let (pool, random) = (&self.pool, &mut self.random);
        let mut watch = Stopwatch::default();
        let mut operations = || -> Result<(), millpond::Error> {
            let batch = watch.time(|| pool.sample(64, random))?;
            for (record, &key) in batch.records().zip(batch.keys()) {
                assert!(ledger::is_whole(record, key), "{key} is torn");
            }
            watch.time(|| pool.update_priorities(batch.keys(), &[1.0; 64]))?;
            watch.time(|| pool.verify())?;
            // So often that what the dead leased is needed.
            for _ in 0..self.board.buffers() {
                let version = self.board.version() + 1;
                watch.time(|| self.board.publish(&[version; BOARD_LENGTH]))?;
            }
            watch.time(|| create_and_unlink("short/survivor"));
            Ok(())
        };
        let done = operations();
        score.check(context, done.map_err(|error| error.to_string()));
        score.pauses.push(watch.longest);
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        millpond::unlink_all("points").unwrap();
    }
}
