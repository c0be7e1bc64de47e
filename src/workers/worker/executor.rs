//! The executor of a worker: takes frames from the ring of tasks, and has their tasks run.
//!
//! It is the same in a process, in a thread, and in the scheduler's own thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::answers::{Answers, Fatal};
use super::environment::Environment;
use super::registry::{registered, unnamed};
use super::task::AnyTask;
use crate::segment::Segment;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::channels::Channels;
use crate::workers::wire::chunk::{self, Chunk};
use crate::workers::wire::frames::Consumer;
use crate::workers::wire::ring::look;
use crate::workers::wire::rings::Rings;

/// What runs the tasks of one worker.
pub(crate) struct Executor {
    tasks: Vec<&'static dyn AnyTask>,
    frames: Consumer,
    environment: Environment,
    answers: Answers,
}

/// What an executor found in its ring.
enum Step {
    /// A frame, which is done.
    Done,
    /// No frame now.
    Idle,
    /// The frame after which no other comes.
    Stop,
}

impl Executor {
    /// The executor of worker `worker`; `is_inline` if it runs in the scheduler's own thread.
    pub(crate) fn new(
        segment: Arc<Segment<Rings>>,
        channels: Channels,
        worker: usize,
        is_inline: bool,
    ) -> Self {
        Self {
            tasks: registered(),
            frames: Consumer::new(segment.structure.tasks(worker)),
            environment: Environment::new(worker),
            answers: Answers::new(segment, channels, worker, is_inline),
        }
    }

    /// Executes frames until the worker is told to stop.
    pub(crate) fn run(&mut self) {
        let is_there = &self.answers.words().from_worker.is_there;
        // Relaxed: says that the worker is ready, and publishes nothing else.
        is_there.store(1, Ordering::Relaxed);
        self.answers.notify();
        let ended = loop {
            match self.step() {
                Ok(Step::Done) => {}
                Ok(Step::Idle) if self.answers.words().is_ended() => break Ok(()),
                Ok(Step::Idle) => self.answers.wait_for_tasks(self.frames.read()),
                Ok(Step::Stop) => break Ok(()),
                Err(fatal) => break Err(fatal),
            }
        };
        if let Err(Fatal(reason)) = ended {
            self.answers.write_end(&reason);
        }
        self.environment.clear(); // which drops values of the user's
        self.answers.end_if_forked();
    }

    /// Executes one frame, if there is one, in the scheduler's own thread.
    ///
    /// # Errors
    /// Why the worker cannot go on.
    pub(crate) fn run_one(&mut self) -> Result<(), String> {
        let step = self.step();
        self.answers.flush();
        step.map(drop).map_err(|fatal| fatal.0)
    }

    /// Executes the next frame.
    fn step(&mut self) -> Result<Step, Fatal> {
        let written = look(&self.answers.words().from_scheduler.tasks);
        let Some((header, body)) = self.frames.peek(written).map_err(Fatal)? else {
            return Ok(Step::Idle);
        };
        self.answers.begin_frame();
        match header.kind {
            chunk::CHUNK | chunk::TIMED => {
                let chunk = Chunk::read(body).map_err(Fatal)?;
                let named = self.tasks.get(chunk.task).copied();
                let Some(task) = named.or_else(|| unnamed(chunk.task)) else {
                    return Err(Fatal(format!("there is no task {}", chunk.task)));
                };
                let is_timed = header.kind == chunk::TIMED;
                self.answers
                    .begin_chunk(header.number, chunk.tasks, is_timed);
                task.run(&mut self.environment, &mut self.answers, chunk)?;
            }
            chunk::SHARE => {
                let name = String::from_utf8_lossy(body).into_owned();
                self.environment.share(name); // which drops values of the user's
                self.answers.end_if_forked();
                self.answers.answer_last(AnswerKind::Done, 0, Vec::new());
            }
            chunk::STOP => return Ok(Step::Stop),
            other => return Err(Fatal(format!("a frame of an unknown kind ({other})"))),
        }
        self.frames.step(header);
        self.answers.write_last()?;
        let written = look(&self.answers.words().from_scheduler.tasks);
        self.answers.notify_when_due(written == self.frames.read());
        Ok(Step::Done)
    }
}
