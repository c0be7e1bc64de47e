//! The rings of workers: frames pass from one process to one other, through a ring that is shorter than all of
//! them. Who fills a ring, and who reads it, do so here as `Producer` and `Consumer` do, which are made of bytes.

use std::collections::VecDeque;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::model;
use crate::ring::{GRAIN, Place, Writer, free, look};
use crate::sync::primitive::{AtomicU64, Channel, relax};
use crate::sync::{Event, EventWords};

/// Bytes of a ring: four grains.
const CAPACITY: u64 = 64;

/// What stands in a grain: of which frame it is, and in its first grain also how long that is.
#[derive(Clone, Copy, Default)]
struct Grain {
    frame: u64,
    length: u64,
}

/// The number of a pad.
const PAD: u64 = 0;

/// A ring, and how far it is written. `UnsafeCell` makes loom report who reads what is being written.
struct Ring {
    grains: [UnsafeCell<Grain>; (CAPACITY / GRAIN) as usize],
    written: AtomicU64,
}

impl Ring {
    fn new() -> Self {
        Self {
            grains: std::array::from_fn(|_| UnsafeCell::new(Grain::default())),
            written: AtomicU64::new(0),
        }
    }

    /// Writes the grains from byte `at` on; panics where they go over the end.
    fn fill(&self, at: u64, length: u64, frame: u64) {
        for grain in 0..length / GRAIN {
            let new = Grain {
                frame,
                length: if grain == 0 { length } else { 0 },
            };
            // SAFETY: the place is the writer's alone, which is what the model checks.
            self.grains[(at / GRAIN + grain) as usize].with_mut(|old| unsafe { *old = new });
        }
    }

    fn grain(&self, at: u64) -> Grain {
        // SAFETY: it is before `written` and not free, so nobody writes there, which is what the model checks.
        self.grains[(at / GRAIN) as usize].with(|grain| unsafe { *grain })
    }

    /// Puts frame `number` into it, if there is room.
    fn push(&self, writer: &mut Writer, number: u64, length: u64, freed: u64) -> Option<Place> {
        let place = writer.place(length, freed)?;
        if let Some((at, _)) = place.pad {
            let length = place.start - place.begin;
            self.grains[(at / GRAIN) as usize].with_mut(|old| {
                let pad = Grain { frame: PAD, length };
                // SAFETY: as in `fill`.
                unsafe { *old = pad };
            });
        }
        self.fill(place.start % CAPACITY, length, number);
        writer.publish(place.end, &self.written);
        Some(place)
    }

    /// Reads the next frame, which is whole and number `expected`, if it is there; steps over it.
    fn take(&self, read: &mut u64, expected: u64) -> bool {
        let written = look(&self.written);
        while *read != written {
            let at = *read % CAPACITY;
            let first = self.grain(at);
            assert!(first.length > 0 && first.length <= written - *read);
            *read += first.length;
            if first.frame == PAD {
                continue;
            }
            for grain in 0..first.length / GRAIN {
                assert_eq!(self.grain(at + grain * GRAIN).frame, expected);
            }
            return true;
        }
        false
    }
}

/// Lengths that fill the ring, go round it, and need a pad.
const LENGTHS: [u64; 5] = [16, 32, 32, 16, 16];

#[test]
fn frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read() {
    model(3, || {
        let shared = Arc::new((Ring::new(), AtomicU64::new(0)));
        let reader = thread::spawn({
            let shared = shared.clone();
            move || {
                let (ring, freed) = &*shared;
                let mut read = 0;
                for number in 1..=LENGTHS.len() as u64 {
                    while !ring.take(&mut read, number) {
                        relax();
                    }
                    free(freed, read);
                }
            }
        });
        let (ring, freed) = &*shared;
        let mut writer = Writer::new(CAPACITY);
        for (number, length) in (1..).zip(LENGTHS) {
            while ring
                .push(&mut writer, number, length, look(freed))
                .is_none()
            {
                relax();
            }
        }
        reader.join().unwrap();
        assert_eq!(look(freed), writer.written());
    });
}

/// What a scheduler and a worker share.
struct Pair {
    tasks: Ring,
    results: Ring,
    /// How far results are read.
    read: AtomicU64,
    ready: (EventWords, Channel),
    room: (EventWords, Channel),
    finished: (EventWords, Channel),
}

fn event((words, channel): &(EventWords, Channel)) -> Event<'_> {
    Event { words, channel }
}

impl Pair {
    /// Nobody who sleeps wakes by himself.
    fn new() -> Arc<Self> {
        let event = || (EventWords::new(), Channel::patient());
        Arc::new(Self {
            tasks: Ring::new(),
            results: Ring::new(),
            read: AtomicU64::new(0),
            ready: event(),
            room: event(),
            finished: event(),
        })
    }
}

/// The scheduler's side.
struct Scheduler {
    pair: Arc<Pair>,
    writer: Writer,
    queue: VecDeque<Place>,
    read: u64,
    answered: u64,
}

impl Scheduler {
    fn new(pair: &Arc<Pair>) -> Self {
        Self {
            pair: pair.clone(),
            writer: Writer::new(CAPACITY),
            queue: VecDeque::new(),
            read: 0,
            answered: 0,
        }
    }

    /// As `WorkerHandle::send`: what stands before the first frame that is not answered is free.
    fn send(&mut self, number: u64, length: u64) -> bool {
        let written = self.writer.written();
        let freed = self.queue.front().map_or(written, |first| first.begin);
        let tasks = &self.pair.tasks;
        let Some(place) = tasks.push(&mut self.writer, number, length, freed) else {
            return false;
        };
        self.queue.push_back(place);
        event(&self.pair.ready).notify();
        true
    }

    /// As `WorkerHandle::drain`.
    fn drain(&mut self) {
        let before = self.read;
        while self.pair.results.take(&mut self.read, self.answered + 1) {
            self.answered += 1;
            self.queue.pop_front().expect("an answer to something");
        }
        if self.read != before {
            free(&self.pair.read, self.read);
            event(&self.pair.room).notify();
        }
    }

    /// As `Scheduler::wait`.
    fn wait(&self) {
        let there = || (look(&self.pair.results.written) != self.read).then_some(());
        event(&self.pair.finished).wait_for(Duration::MAX, there);
    }
}

/// The worker's side.
struct Executor {
    pair: Arc<Pair>,
    writer: Writer,
    read: u64,
    answered: u64,
}

impl Executor {
    fn new(pair: &Arc<Pair>) -> Self {
        Self {
            pair: pair.clone(),
            writer: Writer::new(CAPACITY),
            read: 0,
            answered: 0,
        }
    }

    /// As `Answers::put`, for an answer of this length; the scheduler may then overwrite the task.
    fn answer(&mut self, length: u64) {
        let number = self.answered + 1;
        loop {
            let read = look(&self.pair.read);
            let results = &self.pair.results;
            if results
                .push(&mut self.writer, number, length, read)
                .is_some()
            {
                self.answered = number;
                return;
            }
            event(&self.pair.finished).notify();
            let room = || (look(&self.pair.read) != read).then_some(());
            event(&self.pair.room).wait_for(Duration::MAX, room);
        }
    }

    /// As `Executor::next`, which tells of answers only where there is nothing else to do; says whether there was a
    /// task.
    fn next(&mut self, length: u64) -> bool {
        let pair = self.pair.clone();
        if !pair.tasks.take(&mut self.read, self.answered + 1) {
            return false;
        }
        self.answer(length);
        if look(&pair.tasks.written) == self.read {
            event(&pair.finished).notify();
        }
        true
    }

    /// As `Executor::wait_for_tasks`.
    fn wait(&self) {
        let there = || (look(&self.pair.tasks.written) != self.read).then_some(());
        event(&self.pair.ready).wait_for(Duration::MAX, there);
    }
}

#[test]
fn tasks_and_the_pads_before_them_stay_until_they_are_answered() {
    model(3, || {
        let pair = Pair::new();
        let (mut scheduler, mut executor) = (Scheduler::new(&pair), Executor::new(&pair));
        // So far that the third task needs a pad.
        for number in 1..=2 {
            assert!(scheduler.send(number, LENGTHS[number as usize - 1]));
            assert!(executor.next(GRAIN));
        }
        scheduler.drain();
        let worker = thread::spawn(move || {
            while executor.answered < LENGTHS.len() as u64 {
                if !executor.next(GRAIN) {
                    relax();
                }
            }
        });
        for number in 3..=LENGTHS.len() as u64 {
            while !scheduler.send(number, LENGTHS[number as usize - 1]) {
                relax();
                scheduler.drain();
            }
        }
        while scheduler.answered < LENGTHS.len() as u64 {
            relax();
            scheduler.drain();
        }
        worker.join().unwrap();
        assert!(scheduler.queue.is_empty());
    });
}

#[test]
fn a_scheduler_and_its_worker_never_sleep_while_the_other_waits_for_them() {
    model(2, || {
        let pair = Pair::new();
        let (mut scheduler, mut executor) = (Scheduler::new(&pair), Executor::new(&pair));
        // Two of these fill a ring.
        let (tasks, length) = (3, CAPACITY / 2);
        let worker = thread::spawn(move || {
            while executor.answered < tasks {
                if !executor.next(length) {
                    executor.wait();
                }
            }
        });
        let mut sent = 0;
        while scheduler.answered < tasks {
            while sent < tasks && scheduler.send(sent + 1, length) {
                sent += 1;
            }
            scheduler.wait();
            scheduler.drain();
        }
        worker.join().unwrap();
    });
}
