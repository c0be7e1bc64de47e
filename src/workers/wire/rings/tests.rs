//! What goes through a ring, against plain models, and what comes of a ring full of anything.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::segment::{Segment, SharedOptions};
use crate::workers::schedule::in_flight::{InFlight, Work};
use crate::workers::schedule::worker_handle::WorkerHandle;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::CHUNK;
use crate::workers::wire::ring::{Place, free, look};

/// The rings of so many workers, in memory of this process.
fn segment(workers: usize, capacity: usize) -> Arc<Segment<Rings>> {
    let parameters = parameters(workers, capacity, false);
    let plan = SharedOptions::default().plan(parameters, 1, String::new());
    Arc::new(Segment::anonymous(plan).unwrap())
}

/// Takes the next frame, and gives the length of its body.
fn take(consumer: &mut Consumer, written: &AtomicU64) -> Option<usize> {
    let (header, body) = consumer.peek(look(written)).unwrap()?;
    let length = body.len();
    consumer.step(header);
    Some(length)
}

#[test]
fn the_pad_before_a_frame_stays_until_the_frame_is_answered() {
    let segment = segment(1, 128);
    let rings = &segment.structure;
    let words = &rings.words[0];
    let (tasks, results) = (&words.from_scheduler.tasks, &words.from_worker.results);
    let mut slot = WorkerHandle::new(segment.clone(), 0).unwrap();
    let mut worker = (
        Consumer::new(rings.tasks(0)),
        Producer::new(rings.results(0)),
    );
    let frame = |slot: &mut WorkerHandle, length: usize| {
        slot.send(
            CHUNK,
            InFlight::new(Work::Chunk, 1),
            &vec![0; length - HEADER],
        )
    };

    for _ in 0..2 {
        assert!(frame(&mut slot, 48));
        assert_eq!(take(&mut worker.0, tasks), Some(48 - HEADER));
        let answer = (AnswerKind::Done as u32, 0);
        worker.1.push(answer, &[], 0, results).unwrap();
    }
    slot.drain(|_| true, |_, _| {}).unwrap();
    // A pad at 96, which the worker has yet to read, and the frame at 0.
    assert!(frame(&mut slot, 64));
    assert!(!frame(&mut slot, 64), "there is room but for the pad");
    assert!(frame(&mut slot, 32));
    assert_eq!(take(&mut worker.0, tasks), Some(64 - HEADER));
    assert_eq!(take(&mut worker.0, tasks), Some(32 - HEADER));
    assert_eq!(take(&mut worker.0, tasks), None);
}

/// A ring of which each grain is free or not.
struct Plain {
    taken: Vec<bool>,
    /// Of each frame with its pad, which grains.
    frames: VecDeque<Vec<usize>>,
    /// The grain after the last frame.
    next: usize,
}

impl Plain {
    /// The grains of the pad, and of the frame, that should come next; whether they are free.
    fn expected(&self, length: usize) -> (Vec<usize>, Vec<usize>, bool) {
        let count = self.taken.len();
        let (pad, start) = match self.next + length <= count {
            true => (Vec::new(), self.next),
            false => ((self.next..count).collect(), 0),
        };
        let frame: Vec<usize> = (start..start + length).collect();
        let mut all = pad.iter().chain(&frame);
        let is_free = all.all(|&grain| !self.taken[grain]);
        (pad, frame, is_free)
    }

    fn take(&mut self, grains: Vec<usize>) {
        grains.iter().for_each(|&grain| self.taken[grain] = true);
        self.next = (grains.last().unwrap() + 1) % self.taken.len();
        self.frames.push_back(grains);
    }

    fn free_first(&mut self) {
        for grain in self.frames.pop_front().unwrap() {
            self.taken[grain] = false;
        }
    }
}

/// The grains from a position on.
fn grains(capacity: u64, from: u64, length: u64) -> Vec<usize> {
    let start = from % capacity / GRAIN;
    (start..start + length / GRAIN)
        .map(|grain| grain as usize)
        .collect()
}

proptest! {
    /// A frame goes where a plain ring has it, and only a lack of room keeps it out.
    #[test]
    fn frames_lie_where_a_plain_ring_has_them(
        lines in 1u64..8,
        steps in prop::collection::vec(prop::option::of(0u64..32), 1..300),
    ) {
        let capacity = lines * 64;
        let mut writer = Writer::new(capacity);
        let written = AtomicU64::new(0);
        let mut plain = Plain {
            taken: vec![false; (capacity / GRAIN) as usize],
            frames: VecDeque::new(),
            next: 0,
        };
        let mut places = VecDeque::<Place>::new();
        for step in steps {
            let Some(length) = step else {
                if places.pop_front().is_some() {
                    plain.free_first();
                }
                continue;
            };
            let length = (1 + length % (writer.longest() / GRAIN)) * GRAIN;
            // What is free is known in both ways: by the first frame that is left, and by the last that went.
            let freed = places.front().map_or(writer.written(), |first| first.begin);
            let (pad, frame, is_free) = plain.expected((length / GRAIN) as usize);
            let Some(place) = writer.place(length, freed) else {
                prop_assert!(!is_free, "there is room for {} at {}", length, writer.written());
                continue;
            };
            prop_assert!(is_free, "{:?} overlaps what was not read", place);
            prop_assert_eq!(place.begin, writer.written());
            prop_assert_eq!(place.end, place.start + length);
            let found = place.pad.map_or(Vec::new(), |(at, length)| grains(capacity, at, length));
            prop_assert_eq!(place.start - place.begin, found.len() as u64 * GRAIN);
            prop_assert_eq!(&found, &pad);
            prop_assert_eq!(&grains(capacity, place.start, length), &frame);
            plain.take([pad, frame].concat());
            writer.publish(place.end, &written);
            prop_assert_eq!(look(&written), place.end);
            places.push_back(place);
        }
    }

    /// Any frames, read at any time: each once, whole, in order; and the ring beside it is not touched.
    #[test]
    fn what_goes_into_a_ring_comes_out(
        lines in 1usize..6,
        steps in prop::collection::vec(prop::option::weighted(0.6, 0usize..1000), 1..200),
    ) {
        let segment = segment(3, lines * 64);
        let rings = &segment.structure;
        let (written, read) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut producer = Producer::new(rings.results(1));
        let mut consumer = Consumer::new(rings.results(1));
        let mut model = VecDeque::new();
        for (number, step) in (0u64..).zip(steps) {
            if let Some(length) = step {
                let body = vec![number as u8; length % (producer.longest() + 1)];
                if let Some(place) = producer.push((7, number), &body, look(&read), &written) {
                    prop_assert_eq!(producer.body(place.start, body.len()), &body[..]);
                    model.push_back((number, body));
                } else {
                    prop_assert!(!model.is_empty(), "an empty ring has room for any frame");
                }
                continue;
            }
            let Some((header, body)) = consumer.peek(look(&written)).unwrap() else {
                prop_assert!(model.is_empty());
                continue;
            };
            let found = (header.number, body.to_vec());
            prop_assert_eq!(header.kind, 7);
            prop_assert_eq!(Some(found), model.pop_front());
            consumer.step(header);
            free(&read, consumer.read());
        }
        for beside in [rings.results(0), rings.results(2)] {
            // SAFETY: nobody else has this segment.
            let bytes = unsafe { beside.slice(0, lines * 64) };
            prop_assert!(bytes.iter().all(|&byte| byte == 0));
        }
    }

    /// Whatever stands in a ring, and wherever it is said to end: frames that lie inside, or an error.
    #[test]
    fn a_ring_full_of_anything_gives_frames_inside_or_an_error(
        lines in 1usize..4,
        words in prop::collection::vec(prop_oneof![0u32..5, 0u32..300, any::<u32>()], 48),
        ends in prop::collection::vec(prop_oneof![
            (0u64..40).prop_map(|grains| grains * GRAIN),
            0u64..1000,
            any::<u64>(),
        ], 1..20),
    ) {
        let capacity = lines * 64;
        let segment = segment(3, capacity);
        let ring = segment.structure.tasks(1);
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        // SAFETY: nobody else has this segment, and no slice of it is there.
        unsafe { ring.fill(0, &bytes[..capacity]) };
        // SAFETY: as above.
        let inside = unsafe { ring.slice(0, capacity) }.as_ptr_range();
        let mut consumer = Consumer::new(segment.structure.tasks(1));
        for end in ends {
            // A reader ends at the first error.
            for _ in 0..=capacity as u64 / GRAIN {
                let before = consumer.read();
                let Ok(Some((header, body))) = consumer.peek(end) else {
                    break;
                };
                let frame = body.as_ptr_range();
                prop_assert!(inside.start <= frame.start && frame.end <= inside.end);
                prop_assert_eq!(body.len() + HEADER, header.length as usize);
                consumer.step(header);
                prop_assert!(before < consumer.read() && consumer.read() <= end);
            }
        }
    }

    /// Nor does a pool fall over what a worker writes as its answers.
    #[test]
    fn answers_of_any_kind_and_number_are_taken_or_refused(
        tasks in 0u32..5,
        answers in prop::collection::vec((0u32..9, any::<u64>(), 0usize..40), 1..6),
    ) {
        let segment = segment(1, 512);
        let mut slot = WorkerHandle::new(segment.clone(), 0).unwrap();
        slot.send(CHUNK, InFlight::new(Work::Chunk, tasks), &[0; 8]);
        let words = &segment.structure.words[0];
        let mut producer = Producer::new(segment.structure.results(0));
        for &(kind, number, length) in &answers {
            producer.push((kind, number), &vec![0; length], 0, &words.from_worker.results);
        }
        let mut taken = 0;
        let drained = slot.drain(|_| true, |answer, _| {
            answer.input();
            taken += 1;
        });
        prop_assert!(drained.is_err() || taken <= tasks.max(1));
        words.from_scheduler.end.store(1, Ordering::Relaxed);
    }
}
