//! A worker handle whose worker is played by the test.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::segment::SharedOptions;
use crate::workers::wire::chunk::CHUNK;
use crate::workers::wire::frames::FrameHeader;
use crate::workers::wire::rings::parameters;

const HEADER: usize = size_of::<FrameHeader>();

/// Returns a worker that was not started, with rings of `capacity` bytes in memory of this process.
fn worker(capacity: usize) -> (Arc<Segment<Rings>>, WorkerHandle) {
    let parameters = parameters(1, capacity, false);
    let plan = SharedOptions::default().plan(parameters, 1, String::new());
    let segment = Arc::new(Segment::anonymous(plan).unwrap());
    let worker = WorkerHandle::new(segment.clone(), 0).unwrap();
    (segment, worker)
}

/// Takes the next frame, and returns the length of its body.
fn take(frames: &mut Consumer, written: &AtomicU64) -> Option<usize> {
    let (header, body) = frames.peek(look(written)).unwrap()?;
    let length = body.len();
    frames.step(header);
    Some(length)
}

#[test]
fn the_pad_before_a_frame_stays_until_the_frame_is_answered() {
    let (segment, mut handle) = worker(128);
    let rings = &segment.structure;
    let words = &rings.words[0];
    let (tasks, results) = (&words.from_scheduler.tasks, &words.from_worker.results);
    let mut frames = Consumer::new(rings.tasks(0));
    let mut answers = Producer::new(rings.results(0));
    let send = |handle: &mut WorkerHandle, length: usize| {
        let body = vec![0; length - HEADER];
        handle.send(CHUNK, Request::new(Work::Chunk, 1), &body)
    };

    for _ in 0..2 {
        assert!(send(&mut handle, 48));
        assert_eq!(take(&mut frames, tasks), Some(48 - HEADER));
        let answer = (AnswerKind::Done as u32, 0);
        answers.push(answer, &[], 0, results).unwrap();
    }
    handle.collect(|_| true, |_, _| {}).unwrap();
    // A pad at 96, which the worker has yet to read, and the frame at 0.
    assert!(send(&mut handle, 64));
    assert!(!send(&mut handle, 64), "there is room but for the pad");
    assert!(send(&mut handle, 32));
    assert_eq!(take(&mut frames, tasks), Some(64 - HEADER));
    assert_eq!(take(&mut frames, tasks), Some(32 - HEADER));
    assert_eq!(take(&mut frames, tasks), None);
}

#[test]
fn a_task_is_late_if_it_ran_when_its_worker_was_killed_for_it_and_no_other_is() {
    // At its death the worker runs the same task, has ended it, or runs the next.
    for (stage, answered, is_late) in [(1, 0, true), (2, 0, true), (3, 1, false)] {
        let (segment, mut handle) = worker(512);
        let request = Request {
            limit: Some(Duration::ZERO),
            ..Request::new(Work::Chunk, 3)
        };
        assert!(handle.send(CHUNK, request, &[0; 8]));
        let words = &segment.structure.words[0].from_worker;
        words.stage.store(1, Ordering::Release);
        handle.keep_limit(None, Duration::MAX);
        handle.keep_limit(None, Duration::MAX);
        assert!(handle.late.is_some());
        // What it did before the signal reached it.
        let mut answers = Producer::new(segment.structure.results(0));
        for _ in 0..answered {
            let answer = (AnswerKind::Done as u32, 0);
            answers.push(answer, &[], 0, &words.results).unwrap();
        }
        words.stage.store(stage, Ordering::Release);
        handle.collect(|_| true, |_, _| {}).unwrap();
        assert!(handle.has_begun());
        assert_eq!(handle.is_late(), is_late, "at stage {stage}");
    }
}

proptest! {
    /// A worker may write anything as its answers.
    #[test]
    fn answers_of_any_kind_and_number_are_taken_or_refused(
        tasks in 0u32..5,
        answers in prop::collection::vec((0u32..9, any::<u64>(), 0usize..40), 1..6),
    ) {
        let (segment, mut handle) = worker(512);
        handle.send(CHUNK, Request::new(Work::Chunk, tasks), &[0; 8]);
        let words = &segment.structure.words[0];
        let mut producer = Producer::new(segment.structure.results(0));
        for &(kind, number, length) in &answers {
            producer.push((kind, number), &vec![0; length], 0, &words.from_worker.results);
        }
        let mut taken = 0;
        let collected = handle.collect(|_| true, |answer, _| {
            answer.input();
            taken += 1;
        });
        prop_assert!(collected.is_err() || taken <= tasks.max(1));
        words.from_scheduler.end.store(1, Ordering::Relaxed);
    }
}
