//! Mutations of the workers' rings.

use super::Mutation;

const FILE: &str = "src/workers/wire/ring.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "publishes_frames_with_no_release",
        file: FILE,
        old: "written.store(end, Ordering::Release)",
        new: "written.store(end, Ordering::Relaxed)",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "looks_for_frames_with_no_acquire",
        file: FILE,
        old: "word.load(Ordering::Acquire)",
        new: "word.load(Ordering::Relaxed)",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "frees_frames_with_no_release",
        file: FILE,
        old: "word.store(position, Ordering::Release)",
        new: "word.store(position, Ordering::Relaxed)",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "answers_tasks_with_no_release",
        file: FILE,
        old: "written.store(end, Ordering::Release)",
        new: "written.store(end, Ordering::Relaxed)",
        model: "rings::tasks_and_the_pads_before_them_stay_until_they_are_answered",
    },
    Mutation {
        name: "places_a_frame_over_the_end",
        file: FILE,
        old: "let pad = if length > left { left } else { 0 };",
        new: "let pad = 0;",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "steps_over_the_end_with_no_pad",
        file: FILE,
        old: "pad: (pad > 0).then_some((offset, pad)),",
        new: "pad: None,",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "overwrites_a_grain_that_is_not_free",
        file: FILE,
        old: "<= self.capacity)",
        new: "<= self.capacity + GRAIN)",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "asks_only_whether_the_beginning_is_free",
        file: FILE,
        old: "(end.checked_sub(freed)?",
        new: "(start.checked_sub(freed)?",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "has_no_room_for_the_longest_frame_and_its_pad",
        file: FILE,
        old: "<= self.capacity)",
        new: "< self.capacity - GRAIN)",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "forgets_how_far_it_has_written",
        file: FILE,
        old: "self.written = end;",
        new: "",
        model: "rings::frames_arrive_whole_and_in_order_and_are_overwritten_only_when_they_are_read",
    },
    Mutation {
        name: "takes_a_pad_for_read_that_is_not",
        file: FILE,
        old: "begin: self.written,",
        new: "begin: start,",
        model: "rings::tasks_and_the_pads_before_them_stay_until_they_are_answered",
    },
];
