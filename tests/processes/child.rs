//! A process that a trial starts: spoken to by lines on its standard input and output, and killed
//! when the trial is over, however it ends.

use std::env;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use crate::stage::{ROLE, spawn};

/// A process in a role.
pub struct Child {
    role: String,
    process: process::Child,
    orders: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts this program in `role`, with arguments that it finds by `orders::argument`.
    pub fn start(role: &str, arguments: &[&dyn Display]) -> Self {
        let program = env::current_exe().expect("the path of this program");
        Self::start_by(Command::new(program), role, arguments)
    }

    /// As [`start`](Self::start), by a command that ends with this program.
    pub fn start_by(mut command: Command, role: &str, arguments: &[&dyn Display]) -> Self {
        command
            .args(arguments.iter().map(ToString::to_string))
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process =
            spawn(&mut command).unwrap_or_else(|error| panic!("cannot start {role}: {error}"));
        Self {
            role: role.into(),
            orders: process.stdin.take().expect("a pipe"),
            lines: BufReader::new(process.stdout.take().expect("a pipe")).lines(),
            process,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The next line that it says; waits for it.
    pub fn line(&mut self) -> String {
        match self.lines.next() {
            Some(line) => line.expect("text from a child"),
            None => panic!("{} ended: {:?}", self.role, self.process.wait()),
        }
    }

    /// Waits until it says `expected`, and fails where it says something else.
    pub fn expect(&mut self, expected: &str) {
        let line = self.line();
        assert_eq!(line, expected, "{} said something else", self.role);
    }

    /// Gives it an order.
    pub fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("a child that listens");
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Kills it, and gives the other ends of its pipes, which children that it forked still have.
    #[cfg(unix)]
    pub fn kill_and_keep_its_pipes(mut self) -> Self {
        self.end();
        self
    }

    /// Orders it to stop, and gives the lines it had left to say. It must end well.
    pub fn finish(mut self) -> Vec<String> {
        self.tell("stop");
        self.ended()
    }

    /// Waits for it to end by itself, and gives the lines it had left to say. It must end well.
    pub fn ended(mut self) -> Vec<String> {
        let said: Result<Vec<_>, _> = self.lines.by_ref().collect();
        let status = self.process.wait().expect("the end of a child");
        assert!(status.success(), "{} ended with {status}", self.role);
        said.expect("text from a child")
    }

    fn end(&mut self) {
        // Errors say that it has ended before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}
