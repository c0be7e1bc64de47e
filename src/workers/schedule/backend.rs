//! The backend of a worker: a process, a thread, or the scheduler's own thread. Starts it, and ends it.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::os::{ParentOnly, ProcessTree};
use crate::segment::Segment;
use crate::workers::options::Start;
use crate::workers::wire::channels::Channels;
use crate::workers::wire::rings::Rings;
use crate::workers::worker::executor::Executor;
use crate::workers::worker::process;

/// Where a worker runs.
pub(crate) enum Backend {
    Process {
        tree: ProcessTree,
        /// The pipe whose end tells the worker that the scheduler's process is gone.
        _open: ParentOnly,
    },
    Thread(JoinHandle<()>),
    Inline(Box<Executor>),
    Gone,
}

impl Backend {
    /// Starts worker `number`. `program` is for a process.
    pub(crate) fn start(
        start: Start,
        program: &Path,
        segment: &Arc<Segment<Rings>>,
        number: usize,
    ) -> Result<Self> {
        let channels = Channels::new(segment, number)?;
        let segment = segment.clone();
        Ok(match start {
            Start::Processes => {
                let name = segment.name().unwrap_or_default();
                let started = process::start(program, name, number);
                let (_open, tree) = started.map_err(Error::system("start", program))?;
                Self::Process { tree, _open }
            }
            Start::Threads => {
                let thread = thread::Builder::new().name(format!("worker {number}"));
                // Made in its thread, as what it keeps cannot be sent to another.
                let run = move || Executor::new(segment, channels, number, false).run();
                let started = thread.spawn(run);
                Self::Thread(started.map_err(Error::system("start", "a thread"))?)
            }
            Start::Inline => Self::Inline(Box::new(Executor::new(segment, channels, number, true))),
        })
    }

    /// Executes one frame, if the worker runs in this thread. Returns why the worker cannot go on, if so.
    pub(crate) fn run_inline(&mut self) -> Option<String> {
        match self {
            Self::Inline(executor) => executor.run_one().err(),
            _ => None,
        }
    }

    /// Returns how it ended, if it did. Processes that it started end with it, unless it `was_told` to end and ended
    /// without an error.
    pub(crate) fn ended(&mut self, was_told: bool) -> Option<String> {
        match self {
            Self::Process { tree, .. } => match tree.ended(was_told) {
                Ok(None) => None,
                Ok(Some(status)) => Some(format!("its process {} ended: {status}", tree.id())),
                Err(error) => Some(format!("its process is lost: {error}")),
            },
            Self::Thread(thread) => thread.is_finished().then(|| "its thread ended".into()),
            Self::Inline(..) => None,
            Self::Gone => Some("it was not started".into()),
        }
    }

    /// Kills a process, and those that it has started. Does nothing to a thread, which reads the end flag.
    pub(crate) fn kill(&mut self) {
        if let Self::Process { tree, .. } = self {
            tree.kill();
        }
    }

    /// Waits until it is gone, after [`kill`](Self::kill) or because it ends by itself. A thread ends after its task.
    pub(crate) fn wait(&mut self) {
        match std::mem::replace(self, Self::Gone) {
            Self::Process { mut tree, .. } => drop(tree.wait()),
            Self::Thread(thread) => drop(thread.join()),
            Self::Inline(..) | Self::Gone => {}
        }
    }
}
