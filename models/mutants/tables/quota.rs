//! Mutations of quotas.

use super::Mutation;

const FILE: &str = "src/pool/layout/quota.rs";
const SIZE: &str = "quotas::a_queue_takes_no_more_than_its_size";
const DEATH: &str = "quotas::each_death_moves_a_counter_by_one_call_at_most";
const SAMPLED: &str = "quotas::what_may_be_sampled_was_inserted";
const THREADS: &str = "quotas::threads_of_one_participant_strike_off_what_is_theirs";
const BACK: &str = "quotas::what_a_dead_process_was_going_to_sample_is_given_back";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "strikes_off_with_no_release",
        file: FILE,
        old: "self.0.fetch_sub(count, Ordering::Release)",
        new: "self.0.fetch_sub(count, Ordering::Relaxed)",
        model: SIZE,
    },
    Mutation {
        name: "looks_at_notes_with_no_acquire",
        file: FILE,
        old: "quota.0.load(Ordering::Acquire)",
        new: "quota.0.load(Ordering::Relaxed)",
        model: SIZE,
    },
    Mutation {
        name: "takes_back_with_no_release",
        file: FILE,
        old: "self.0.store(0, Ordering::Release)",
        new: "self.0.store(0, Ordering::Relaxed)",
        model: "quotas::what_is_taken_back_from_the_dead_may_not_be_sampled",
    },
    Mutation {
        name: "looks_at_what_there_is_before_the_notes",
        file: FILE,
        old: "    let mut noted = 0u64;",
        new: "    let read = read();\n    let read = move || read;\n    let mut noted = 0u64;",
        model: SIZE,
    },
    Mutation {
        name: "looks_at_what_there_is_to_sample_before_the_notes",
        file: FILE,
        old: "    let mut noted = 0u64;",
        new: "    let read = read();\n    let read = move || read;\n    let mut noted = 0u64;",
        model: "quotas::a_record_that_may_be_taken_from_a_queue_is_there",
    },
    Mutation {
        name: "looks_at_counters_before_the_notes",
        file: FILE,
        old: "    let mut noted = 0u64;",
        new: "    let read = read();\n    let read = move || read;\n    let mut noted = 0u64;",
        model: SAMPLED,
    },
    Mutation {
        name: "looks_at_no_notes",
        file: FILE,
        old: "if count > 0 && is_taken(entry) {",
        new: "if false {",
        model: SIZE,
    },
    Mutation {
        name: "looks_at_notes_of_the_dead",
        file: FILE,
        old: "if count > 0 && is_taken(entry) {",
        new: "if count > 0 {",
        model: "quotas::a_note_that_is_left_stops_no_queue",
    },
    Mutation {
        name: "takes_with_no_note",
        file: FILE,
        old: "self.0.fetch_add(count, Ordering::Relaxed);",
        new: "",
        model: SIZE,
    },
    Mutation {
        name: "takes_and_raises_no_counter",
        file: FILE,
        old: "            counter.fetch_add(count, Ordering::Relaxed);",
        new: "",
        model: DEATH,
    },
    Mutation {
        name: "raises_counters_before_the_note",
        file: FILE,
        old: "        self.0.fetch_add(count, Ordering::Relaxed);\n        for counter in counters {\n            counter.fetch_add(count, Ordering::Relaxed);\n        }",
        new: "        for counter in counters {\n            counter.fetch_add(count, Ordering::Relaxed);\n            fail_point(\"quota.noted\");\n        }\n        self.0.fetch_add(count, Ordering::Relaxed);",
        model: DEATH,
    },
    Mutation {
        name: "strikes_off_what_is_another_threads",
        file: FILE,
        old: "self.0.fetch_sub(count, Ordering::Release);",
        new: "self.0.swap(0, Ordering::Release);",
        model: THREADS,
    },
    Mutation {
        name: "notes_over_what_another_thread_noted",
        file: FILE,
        old: "self.0.fetch_add(count, Ordering::Relaxed);",
        new: "self.0.swap(count, Ordering::Relaxed);",
        model: THREADS,
    },
    Mutation {
        name: "gives_back_and_lowers_no_counter",
        file: FILE,
        old: "            lower(counter, count);\n        }\n        self.strike_off(count);",
        new: "        }\n        self.strike_off(count);",
        model: SAMPLED,
    },
    Mutation {
        name: "gives_the_note_back_before_the_counters",
        file: FILE,
        old: "        for counter in counters {\n            lower(counter, count);\n        }\n        self.strike_off(count);",
        new: "        self.strike_off(count);\n        for counter in counters {\n            lower(counter, count);\n        }",
        model: SAMPLED,
    },
    Mutation {
        name: "gives_back_and_leaves_the_note",
        file: FILE,
        old: "        self.strike_off(count);\n    }\n\n    /// Step 5",
        new: "    }\n\n    /// Step 5",
        model: THREADS,
    },
    Mutation {
        name: "takes_back_and_lowers_no_counter",
        file: FILE,
        old: "            lower(counter, count);\n        }\n        // Release: as in",
        new: "        }\n        // Release: as in",
        model: BACK,
    },
    Mutation {
        name: "takes_back_and_leaves_the_note",
        file: FILE,
        old: "        self.0.store(0, Ordering::Release);",
        new: "",
        model: BACK,
    },
    Mutation {
        name: "lowers_a_counter_below_zero",
        file: FILE,
        old: "Some(now.saturating_sub(by))",
        new: "Some(now.wrapping_sub(by))",
        model: BACK,
    },
];
