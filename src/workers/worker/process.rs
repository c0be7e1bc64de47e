//! How a process becomes a worker, and ends as one.
//!
//! The pool starts its own program again with three arguments: [`WORD`], the name of its segment, and which
//! worker it is. The process's standard input is a pipe that the pool's process alone holds open (no child that
//! it forks does), so its end says that the pool is gone, however it went. Imports `os` for the end.

use std::cell::{Cell, RefCell};
use std::env;
use std::ffi::OsString;
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::exit;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::executor::Executor;
use super::task::registered;
use crate::error::{self, Error};
use crate::os::{self, ParentOnly, ProcessTree};
use crate::segment::{Attach, LockWait, Segment, unlink};
use crate::workers::wire::control_words::Channels;
use crate::workers::wire::rings::{Rings, pinned};

/// The first argument of a worker's process.
const WORD: &str = "millpond-worker";

/// Starts the process of worker `slot`. Returns the pipe that it waits for the end of, and the process.
pub(crate) fn start(
    program: &Path,
    segment: &str,
    slot: usize,
) -> io::Result<(ParentOnly, ProcessTree)> {
    ProcessTree::start(program, &[WORD, segment, &slot.to_string()])
}

/// The names of tasks, as they stand in a segment.
pub(crate) fn names_of_tasks() -> String {
    let names: Vec<_> = registered().iter().map(|task| task.name()).collect();
    names.join("\n")
}

/// If this is a worker's process: is one, and ends.
pub(crate) fn become_worker_if_asked() {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|word| word != WORD) {
        return;
    }
    match serve(arguments) {
        Ok(()) => exit(0),
        Err(error) => {
            eprintln!("a worker cannot begin: {error}");
            exit(2);
        }
    }
}

fn serve(mut arguments: impl Iterator<Item = OsString>) -> error::Result<()> {
    let text = |argument: Option<OsString>| argument.and_then(|text| text.into_string().ok());
    let name = text(arguments.next());
    let slot = text(arguments.next()).and_then(|slot| slot.parse::<usize>().ok());
    let (Some(name), Some(slot)) = (name, slot) else {
        let found = format!("`{}`", env::args().collect::<Vec<_>>().join(" "));
        let expected = format!("`{WORD} SEGMENT NUMBER`, by a pool of workers alone");
        return Error::invalid("the command line", found, expected);
    };
    let pool = os::take_input().map_err(Error::system("take", "the standard input"))?;
    let watched = name.clone();
    let watch = thread::Builder::new().name("millpond-watch".into());
    watch
        .spawn(move || end_with_the_pool(pool, watched))
        .map_err(Error::system("start a thread of", "a worker"))?;
    let role = format!("worker {slot}");
    // The pool knows how long a worker may take to begin.
    let attach = Attach::new()
        .role(role)
        .lock_wait(LockWait::within(Duration::MAX));
    let segment = Segment::<Rings>::open(&name, &attach, |header| {
        let (expected, found) = (&header.schema, names_of_tasks());
        match *expected == found {
            true => Ok(()),
            false => Error::invalid(
                "the list of tasks that `Workers::begin` was given in the worker",
                format!("`{}`", found.replace('\n', ", ")),
                format!("that of its pool, `{}`", expected.replace('\n', ", ")),
            ),
        }
    })?;
    if slot >= segment.structure.words.len() {
        return Error::invalid("the worker", slot.to_string(), "one of its pool's".into());
    }
    if pinned(&segment.header) {
        os::pin_to_cpu(slot).map_err(Error::system(
            "pin to a processor",
            format!("worker {slot}"),
        ))?;
    }
    keep_panics();
    let channels = Channels::new(&segment, slot)?;
    Executor::new(Arc::new(segment), channels, slot, false).work();
    Ok(())
}

/// Waits for the pool to be gone. Then nobody needs this process, what it has started, nor its segment.
fn end_with_the_pool(pool: ParentOnly, name: String) {
    let mut bytes = [0; 64];
    loop {
        match pool.get().and_then(|mut pool| pool.read(&mut bytes)) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // Who has the lock of all names may be stopped; then the next program that looks removes it.
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(unlink(&name)));
    let _ = is_done.recv_timeout(Duration::from_secs(1));
    os::end_process();
}

thread_local! {
    /// Whether this thread runs a task whose panic is caught.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    /// What the task panicked with, and where.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a task. If it panics: what it said, and in a worker's process also where.
pub(crate) fn catch<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    CATCHES.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(run));
    CATCHES.set(false);
    ended.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let said = PANIC.take().or(text);
        said.unwrap_or_else(|| "something that is no text".into())
    })
}

/// From now on the panic of a task is not printed, but kept for the pool.
fn keep_panics() {
    if cfg!(panic = "abort") {
        return; // nobody will ask
    }
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !CATCHES.get() {
            return usual(panic);
        }
        let text = panic
            .payload_as_str()
            .unwrap_or("something that is no text");
        let place = panic.location().map(|place| format!(", at {place}"));
        PANIC.set(Some(format!("{text}{}", place.unwrap_or_default())));
    }));
}
