//! A worker as its pool sees it, whose part is played by the test.

use super::*;
use crate::segment::SharedOptions;
use crate::workers::wire::rings::parameters;

/// A worker that has a chunk of three tasks, with no time for any of them.
fn slot() -> (Arc<Segment<Rings>>, WorkerHandle) {
    let plan = SharedOptions::default().plan(parameters(1, 512, false), 1, String::new());
    let segment = Arc::new(Segment::anonymous(plan).unwrap());
    let mut slot = WorkerHandle::new(segment.clone(), 0).unwrap();
    let sent = InFlight {
        limit: Some(Duration::ZERO),
        ..InFlight::new(Work::Chunk, 3)
    };
    assert!(slot.send(chunk::CHUNK, sent, &[0; 8]));
    (segment, slot)
}

#[test]
fn a_task_is_late_if_it_ran_when_its_worker_was_killed_for_it_and_no_other_is() {
    // At its death it runs the same task, has ended it, or runs the next.
    for (stage, answers, is_late) in [(1, 0, true), (2, 0, true), (3, 1, false)] {
        let (segment, mut slot) = slot();
        let words = &segment.structure.words[0].from_worker;
        words.stage.store(1, Ordering::Release);
        slot.keep_limit(None, Duration::MAX);
        slot.keep_limit(None, Duration::MAX);
        assert!(slot.late.is_some());
        // What it did before the signal reached it.
        let mut results = Producer::new(segment.structure.results(0));
        for _ in 0..answers {
            let answer = (AnswerKind::Done as u32, 0);
            results.push(answer, &[], 0, &words.results).unwrap();
        }
        words.stage.store(stage, Ordering::Release);
        slot.drain(|_| true, |_, _| {}).unwrap();
        assert!(slot.has_begun());
        assert_eq!(slot.is_late(), is_late, "at stage {stage}");
    }
}
