//! Where a worker runs: in a process, in a thread, or in the pool's own thread. Starts it, and ends it.
//!
//! Knows nothing of what it does.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::bench::Bench;
use super::options::Start;
use super::process;
use super::rings::{Inlet, Rings};
use super::words::Channels;
use crate::error::{Error, Result};
use crate::os::{ParentOnly, ProcessTree};
use crate::segment::Segment;

/// Where a worker runs.
pub(super) enum Body {
    Process {
        tree: ProcessTree,
        /// The pipe whose end tells it that the pool is gone.
        _open: ParentOnly,
    },
    Thread(JoinHandle<()>),
    Inline(Box<Bench>, Inlet),
    Gone,
}

impl Body {
    /// Starts worker `number`. `program` is for a process.
    pub(super) fn start(
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
                let work = move || Bench::new(segment, channels, number, false).work();
                let started = thread.spawn(work);
                Self::Thread(started.map_err(Error::system("start", "a thread"))?)
            }
            Start::Inline => {
                let bench = Bench::new(segment, channels, number, true);
                let inlet = bench.inlet();
                Self::Inline(Box::new(bench), inlet)
            }
        })
    }

    /// Does one frame's work where that is to be done in this thread; gives why it cannot go on, if so.
    pub(super) fn work(&mut self) -> Option<String> {
        let Self::Inline(bench, inlet) = self else {
            return None;
        };
        let done = bench.next(inlet);
        bench.flush();
        done.err().map(|gone| gone.0)
    }

    /// How it ended, if it did. What its process had started ends with it, unless it `was_told` to end and did so
    /// well.
    pub(super) fn ended(&mut self, was_told: bool) -> Option<String> {
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

    /// Ends a process at once, and what it has started. A thread sees that it is to end.
    pub(super) fn kill(&mut self) {
        if let Self::Process { tree, .. } = self {
            tree.kill();
        }
    }

    /// Waits until it is gone, after [`kill`](Self::kill) or where it ends by itself. A thread ends after its task.
    pub(super) fn wait(&mut self) {
        match std::mem::replace(self, Self::Gone) {
            Self::Process { mut tree, .. } => drop(tree.wait()),
            Self::Thread(thread) => drop(thread.join()),
            Self::Inline(..) | Self::Gone => {}
        }
    }
}
