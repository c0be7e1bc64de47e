//! The other side of `child.rs`: what a process in a role was told. It answers with `println!`.

use std::env;
use std::io;
use std::process;
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// Argument number `index` of this process's role.
pub fn argument<T: FromStr>(index: usize) -> T {
    let found = env::args().nth(index + 1).expect("an argument");
    let parsed = found.parse();
    parsed.unwrap_or_else(|_| panic!("argument {index} is `{found}`"))
}

/// The lines that the trial sends. When the trial is gone, however it ended, so is this process.
pub struct Orders(Receiver<String>);

impl Orders {
    /// Begins to listen.
    pub fn listen() -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
            process::exit(0);
        });
        Self(receiver)
    }

    /// Waits for the next order.
    pub fn next(&self) -> String {
        self.0.recv().expect("an order")
    }

    /// Whether there is an order, which is taken.
    pub fn arrived(&self) -> bool {
        self.0.try_recv().is_ok()
    }
}
