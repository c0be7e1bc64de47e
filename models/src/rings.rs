//! The rings of workers: frames pass from one process to another, through a ring that is shorter than all of them. A
//! ring is filled and read here as `Producer` and `Consumer` do it, which work on bytes.

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

/// The content of a grain: the number of its frame and, in the first grain of a frame, the frame's length.
#[derive(Clone, Copy, Default)]
struct Grain {
    frame: u64,
    length: u64,
}

/// The number of a pad.
const PAD: u64 = 0;

/// A ring, and the position up to which it is written. `UnsafeCell` makes loom report a read beside a write.
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

    /// Writes the grains from byte `at` on. Panics if they cross the end.
    fn fill(&self, at: u64, length: u64, frame: u64) {
        for grain in 0..length / GRAIN {
            let new = Grain {
                frame,
                length: if grain == 0 { length } else { 0 },
            };
            // SAFETY: the place belongs to the writer, which the model checks.
            self.grains[(at / GRAIN + grain) as usize].with_mut(|old| unsafe { *old = new });
        }
    }

    fn grain(&self, at: u64) -> Grain {
        // SAFETY: it is before `written` and not free, so no thread writes there, which the model checks.
        self.grains[(at / GRAIN) as usize].with(|grain| unsafe { *grain })
    }

    /// Writes frame `number`, if there is room.
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

    /// Reads the next frame if there is one, checks that it is whole and has number `expected`, and steps over it.
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

/// Lengths that fill the ring, wrap around, and need a pad.
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
    /// The position up to which results are read.
    read: AtomicU64,
    ready: (EventWords, Channel),
    room: (EventWords, Channel),
    finished: (EventWords, Channel),
}

fn event((words, channel): &(EventWords, Channel)) -> Event<'_> {
    Event { words, channel }
}

impl Pair {
    /// A sleeper wakes only when it is notified.
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

/// The scheduling side.
struct Scheduler {
    pair: Arc<Pair>,
    writer: Writer,
    in_flight: VecDeque<Place>,
    read: u64,
    answered: u64,
}

impl Scheduler {
    fn new(pair: &Arc<Pair>) -> Self {
        Self {
            pair: pair.clone(),
            writer: Writer::new(CAPACITY),
            in_flight: VecDeque::new(),
            read: 0,
            answered: 0,
        }
    }

    /// As `WorkerHandle::send`: the bytes before the first frame without an answer are free.
    fn send(&mut self, number: u64, length: u64) -> bool {
        let written = self.writer.written();
        let freed = self.in_flight.front().map_or(written, |first| first.begin);
        let tasks = &self.pair.tasks;
        let Some(place) = tasks.push(&mut self.writer, number, length, freed) else {
            return false;
        };
        self.in_flight.push_back(place);
        event(&self.pair.ready).notify();
        true
    }

    /// As `WorkerHandle::collect`.
    fn collect(&mut self) {
        let before = self.read;
        while self.pair.results.take(&mut self.read, self.answered + 1) {
            self.answered += 1;
            self.in_flight.pop_front().expect("an answer to something");
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

    /// As `Executor::step`, which notifies the scheduler only if there is no other task. Returns `true` if there was a
    /// task.
    fn step(&mut self, length: u64) -> bool {
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

    /// As `Answers::wait_for_tasks`.
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
        // After these the third task needs a pad.
        for number in 1..=2 {
            assert!(scheduler.send(number, LENGTHS[number as usize - 1]));
            assert!(executor.step(GRAIN));
        }
        scheduler.collect();
        let worker = thread::spawn(move || {
            while executor.answered < LENGTHS.len() as u64 {
                if !executor.step(GRAIN) {
                    relax();
                }
            }
        });
        for number in 3..=LENGTHS.len() as u64 {
            while !scheduler.send(number, LENGTHS[number as usize - 1]) {
                relax();
                scheduler.collect();
            }
        }
        while scheduler.answered < LENGTHS.len() as u64 {
            relax();
            scheduler.collect();
        }
        worker.join().unwrap();
        assert!(scheduler.in_flight.is_empty());
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
                if !executor.step(length) {
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
            scheduler.collect();
        }
        worker.join().unwrap();
    });
}
