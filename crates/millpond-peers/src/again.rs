//! The program once more, as another process that does what it is told, a line each.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::side::Outcome;

/// A process of this program, ended with its handle.
pub struct Again {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Again {
    pub fn start(arguments: &[&str]) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = process.stdout.take().ok_or("a process without answers")?;
        Ok(Self {
            process,
            answers: BufReader::new(answers),
        })
    }

    pub fn tell(&mut self, order: &str) -> Outcome<()> {
        let orders = self.process.stdin.as_mut();
        Ok(writeln!(
            orders.ok_or("a process without orders")?,
            "{order}"
        )?)
    }

    pub fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        // It has ended already, unless something failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
