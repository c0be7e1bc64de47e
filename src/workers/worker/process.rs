//! How a process becomes a worker, and ends as one.
//!
//! The scheduler starts its own program again with three arguments: [`ARGUMENT`], the name of its segment, and the
//! number of the worker. The standard input of the worker is a pipe that only the scheduler's process holds open, and
//! no child that it forks. So the end of the pipe says that the scheduler's process is gone, however it ended.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::process::exit;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::executor::Executor;
use super::panics::keep_panics;
use super::registry::names_of_tasks;
use crate::error::{self, Error};
use crate::os::{self, ParentOnly, ProcessTree};
use crate::segment::{Attach, LockWait, Segment, unlink};
use crate::workers::wire::channels::Channels;
use crate::workers::wire::rings::{Rings, pinned};

/// The first argument of a worker's process.
const ARGUMENT: &str = "millpond-worker";

/// Starts the process of a worker. Returns the process, and the pipe whose end tells it to end.
pub(crate) fn start(
    program: &Path,
    segment: &str,
    worker: usize,
) -> io::Result<(ParentOnly, ProcessTree)> {
    ProcessTree::start(program, &[ARGUMENT, segment, &worker.to_string()])
}

/// Runs as a worker and ends the process, if it was started as a worker.
pub(crate) fn become_worker_if_asked() {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != ARGUMENT) {
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
    let worker = text(arguments.next()).and_then(|worker| worker.parse::<usize>().ok());
    let (Some(name), Some(worker)) = (name, worker) else {
        let found = format!("`{}`", env::args().collect::<Vec<_>>().join(" "));
        let expected = format!("`{ARGUMENT} SEGMENT NUMBER`, as a worker group does");
        return Error::invalid("the command line", found, expected);
    };
    let pipe = os::take_input().map_err(Error::system("take", "the standard input"))?;
    let watched = name.clone();
    let watch = thread::Builder::new().name("millpond-watch".into());
    watch
        .spawn(move || end_with_the_pipe(pipe, watched))
        .map_err(Error::system("start a thread of", "a worker"))?;
    let role = format!("worker {worker}");
    // The scheduler limits how long a worker may take to start.
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
                format!(
                    "that of its worker group, `{}`",
                    expected.replace('\n', ", ")
                ),
            ),
        }
    })?;
    let workers = segment.structure.words.len();
    if worker >= workers {
        let expected = format!("less than {workers}");
        return Error::invalid("the number of a worker", worker.to_string(), expected);
    }
    if pinned(&segment.header) {
        os::pin_to_cpu(worker).map_err(Error::system(
            "pin to a processor",
            format!("worker {worker}"),
        ))?;
    }
    keep_panics();
    let channels = Channels::new(&segment, worker)?;
    Executor::new(Arc::new(segment), channels, worker, false).run();
    Ok(())
}

/// Waits until the scheduler's process is gone. Then ends this process and those that it has started, and removes the
/// name of the segment.
fn end_with_the_pipe(pipe: ParentOnly, name: String) {
    let mut bytes = [0; 64];
    loop {
        match pipe.get().and_then(|mut pipe| pipe.read(&mut bytes)) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // The owner of the lock of all names may be stopped. Then the next program that lists segments removes the name.
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(unlink(&name)));
    let _ = is_done.recv_timeout(Duration::from_secs(1));
    os::end_process();
}
