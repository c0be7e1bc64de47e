//! Frames that go through a ring, against plain models, and rings full of any bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::segment::{Segment, SharedOptions};
use crate::workers::wire::ring::{free, look};
use crate::workers::wire::rings::{Rings, parameters};

/// Returns the rings of some workers, in memory of this process.
fn segment(workers: usize, capacity: usize) -> Arc<Segment<Rings>> {
    let parameters = parameters(workers, capacity, false);
    let plan = SharedOptions::default().plan(parameters, 1, String::new());
    Arc::new(Segment::anonymous(plan).unwrap())
}

/// A ring as a list of grains, each free or taken.
struct Plain {
    taken: Vec<bool>,
    /// The grains of each frame, with its pad.
    frames: VecDeque<Vec<usize>>,
    /// The grain after the last frame.
    next: usize,
}

impl Plain {
    /// Returns the grains of the pad and of the frame that should come next, and whether they are free.
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

/// Returns the grains from a position on.
fn grains(capacity: u64, from: u64, length: u64) -> Vec<usize> {
    let start = from % capacity / GRAIN;
    (start..start + length / GRAIN)
        .map(|grain| grain as usize)
        .collect()
}

proptest! {
    /// A frame is placed as in a plain ring, and is refused only for a lack of room.
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
            // All before the first frame that is left is free.
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

    /// Any frames, read at any time, come out once, whole and in order. The rings beside it are not touched.
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
            // SAFETY: no other thread or process has this segment.
            let bytes = unsafe { beside.slice(0, lines * 64) };
            prop_assert!(bytes.iter().all(|&byte| byte == 0));
        }
    }

    /// For any bytes in a ring, and any position as its end: frames that lie inside, or an error.
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
        // SAFETY: no other thread or process has this segment, and no slice of it is there.
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
}
