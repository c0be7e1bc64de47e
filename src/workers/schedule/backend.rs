//! Where a worker runs: in a process, in a thread, or in the pool's own thread. Starts it, and ends it.
//!
//! Knows nothing of what it does.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::os::{ParentOnly, ProcessTree};
use crate::segment::Segment;
use crate::workers::options::Start;
use crate::workers::wire::control_words::Channels;
use crate::workers::wire::rings::{Consumer, Rings};
use crate::workers::worker::executor::Executor;
use crate::workers::worker::process;

/// Where a worker runs.
pub(crate) enum Backend {
    Process {
        tree: ProcessTree,
        /// The pipe whose end tells it that the pool is gone.
        _open: ParentOnly,
    },
    Thread(JoinHandle<()>),
    Inline(Box<Executor>, Consumer),
    Fatal,
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
                // There, as what it keeps stays in its thread.
                let work = move || Executor::new(segment, channels, number, false).work();
                let started = thread.spawn(work);
                Self::Thread(started.map_err(Error::system("start", "a thread"))?)
            }
            Start::Inline => {
                let executor = Executor::new(segment, channels, number, true);
                let consumer = executor.consumer();
                Self::Inline(Box::new(executor), consumer)
            }
        })
    }

    /// Does one frame's work where that is to be done in this thread; gives why it cannot go on, if so.
    pub(crate) fn work(&mut self) -> Option<String> {
        let Self::Inline(executor, consumer) = self else {
            return None;
        };
        let done = executor.next(consumer);
        executor.flush();
        done.err().map(|gone| gone.0)
    }

    /// How it ended, if it did. What its process had started ends with it, unless it `was_told` to end and did so
    /// well.
    pub(crate) fn ended(&mut self, was_told: bool) -> Option<String> {
        match self {
            Self::Process { tree, .. } => match tree.ended(was_told) {
                Ok(None) => None,
                Ok(Some(status)) => Some(format!("its process {} ended: {status}", tree.id())),
                Err(error) => Some(format!("its process is lost: {error}")),
            },
            Self::Thread(thread) => thread.is_finished().then(|| "its thread ended".into()),
            Self::Inline(..) => None,
            Self::Fatal => Some("it was not started".into()),
        }
    }

    /// Ends a process at once, and what it has started. A thread sees that it is to end.
    pub(crate) fn kill(&mut self) {
        if let Self::Process { tree, .. } = self {
            tree.kill();
        }
    }

    /// Waits until it is gone, after [`kill`](Self::kill) or where it ends by itself. A thread ends after its task.
    pub(crate) fn wait(&mut self) {
        match std::mem::replace(self, Self::Fatal) {
            Self::Process { mut tree, .. } => drop(tree.wait()),
            Self::Thread(thread) => drop(thread.join()),
            Self::Inline(..) | Self::Fatal => {}
        }
    }
}
