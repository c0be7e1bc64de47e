//! Arrays in one process, as their users see them: what threads share, what dies in a panic, and bad input.

mod chunks;
mod dynamic;
mod errors;
mod locked;
mod numbers;

use millpond::{Error, Result};

/// The error of a result, which has these words.
#[track_caller]
fn refuse<T>(result: Result<T>, parts: &[&str]) -> Error {
    let error = result.err().expect("an error");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    error
}

/// Runs `act` in a thread that panics, and says nothing about it.
fn panicking(act: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            act();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(thread.join().is_err());
    });
}
