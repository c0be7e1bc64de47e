//! A process of the crew, as the harness sees it.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millpond::{Board, BoardOptions};

use crate::pulse::{Pulse, board_of, newest};
use crate::score::Score;
use crate::stage::{ROLE, spawn};

/// A wait that is longer hangs.
const HANG: Duration = Duration::from_secs(20);

/// A process at work.
pub struct Worker {
    pub role: &'static str,
    pub number: u64,
    pub process: Child,
    pub pulse: Board<Pulse>,
}

impl Worker {
    /// Starts a worker and waits until it has done something.
    pub fn start(role: &'static str, number: u64, pool: &str) -> Self {
        let pulse = Board::create(&board_of(number), BoardOptions::new(1)).unwrap();
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command
            .args([pool, &number.to_string()])
            .env(ROLE, format!("storm::{role}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let process = spawn(&mut command).expect("a process that starts");
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
    pub fn wait_for(&mut self, version: u64) -> Result<(), String> {
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

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let process = nix::unistd::Pid::from_raw(self.process.id() as i32);
        // It is a child that was not waited for, so that its number is its own.
        nix::sys::signal::kill(process, signal).expect("a process to signal");
    }

    /// Lets it go on where it has stopped itself.
    #[cfg(unix)]
    fn go_on(&self) {
        if self.role == "stopper" {
            self.signal(nix::sys::signal::Signal::SIGCONT);
        }
    }

    #[cfg(not(unix))]
    fn go_on(&self) {}

    /// Kills it, and waits until it and the children that it forked are gone: they have its output.
    /// Counts the records that it checked.
    pub fn end(&mut self, score: &mut Score) {
        self.process.kill().expect("a process to kill");
        self.process.wait().expect("the end of a child");
        let mut output = self.process.stdout.take().expect("a pipe");
        let mut said = String::new();
        output.read_to_string(&mut said).expect("text");
        if !said.is_empty() {
            score.violation(format!("worker {} ({}): {said}", self.number, self.role));
        }
        score.checked += newest(&self.pulse).checked;
        millpond::unlink(&board_of(self.number)).unwrap();
    }
}
