//! Processes that want the same locks at every moment, so that each waits, is passed over, takes the
//! seat and is handed the lock, again and again. One of them dies; the others must not notice.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use millpond::Pool;

use crate::experience::Experience;
use crate::orders::{Orders, argument};
use crate::stage::{ROLE, spawn};
use crate::victim::Writer;

/// How many take the locks beside the one that dies.
const COMPANIONS: u64 = 2;
/// Rounds in which the point must be reached.
const ROUNDS: u64 = 100_000;
/// How often, at most, one takes all locks in a round: it has them again before who was woken looks.
/// Another number each time, so that they do not fall into step.
const GRABS: u64 = 40;
/// Rounds after the death, which each companion has to get through.
const FURTHER: u64 = 20;

/// Inserts, and takes all locks at once. Arguments: the pool's name, the number of the process.
struct Contender {
    pool: Pool<Experience>,
    writer: Writer,
}

impl Contender {
    fn new() -> Self {
        Self {
            pool: Pool::open(&argument::<String>(0)).unwrap(),
            writer: Writer::new(argument(1)),
        }
    }

    fn play(&mut self) {
        self.writer.insert(&self.pool, 100);
        for _ in 0..rand::random_range(0..GRABS) {
            self.pool.verify().unwrap();
        }
    }
}

/// The one that dies.
pub fn contender() {
    let mut contender = Contender::new();
    for _ in 0..ROUNDS {
        contender.play();
    }
}

/// One that goes on.
pub fn companion() {
    let (orders, mut contender) = (Orders::listen(), Contender::new());
    println!("at work");
    while !orders.arrived() {
        contender.play();
    }
    for _ in 0..FURTHER {
        contender.play();
    }
}

/// The companions, at work.
pub struct Companions(Vec<Child>);

impl Companions {
    /// Starts them, with the numbers from `first` on, and waits until all are at work.
    pub fn start(pool: &str, first: u64) -> Self {
        let start = |number: u64| {
            let program = std::env::current_exe().expect("this program's path");
            let mut command = Command::new(program);
            command
                .args([pool, &number.to_string()])
                .env(ROLE, "points::companion")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            let mut child = spawn(&mut command).expect("a process that starts");
            let output = child.stdout.take().expect("a pipe");
            let line = BufReader::new(output).lines().next();
            line.expect("a line").expect("text");
            child
        };
        Self((first..first + COMPANIONS).map(start).collect())
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        COMPANIONS
    }

    /// Lets each go through some further rounds and end. One that cannot hangs.
    pub fn end(self) -> Result<(), String> {
        for mut child in self.0 {
            let mut orders = child.stdin.take().expect("a pipe");
            // An error says that it has ended, which its status tells.
            let _ = writeln!(orders, "stop");
            let status = child.wait().expect("the end of a child");
            if !status.success() {
                return Err(format!("a companion ended: {status}"));
            }
        }
        Ok(())
    }
}
