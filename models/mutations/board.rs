//! Mutations of the board.

use super::Mutation;

const FILE: &str = "src/board/slots.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "reads_the_newest_with_no_acquire",
        file: FILE,
        old: "acquire(self.newest)",
        new: "self.newest.load(Ordering::Relaxed)",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "begins_with_no_release",
        file: FILE,
        old: "self.stamps[buffer].store(0, Ordering::Release)",
        new: "self.stamps[buffer].store(0, Ordering::Relaxed)",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "publishes_with_no_fence",
        file: FILE,
        old: "        fence(Ordering::Release);\n",
        new: "",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "makes_newest_with_no_release",
        file: FILE,
        old: "self.newest.store(version, Ordering::Release)",
        new: "self.newest.store(version, Ordering::Relaxed)",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "fetches_with_no_fence",
        file: FILE,
        old: "        fence(Ordering::Acquire);\n        // Acquired:",
        new: "        // Acquired:",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "checks_the_stamp_with_no_acquire",
        file: FILE,
        old: "acquire(&self.stamps[buffer])",
        new: "self.stamps[buffer].load(Ordering::Relaxed)",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "acquires_with_no_fence",
        file: FILE,
        old: "    fence(Ordering::Acquire);\n    value",
        new: "    value",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "does_not_check_the_stamp",
        file: FILE,
        old: "(stamp == version)",
        new: "(stamp == stamp)",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "begins_with_no_zero",
        file: FILE,
        old: "self.stamps[buffer].store(0, Ordering::Release);",
        new: "",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
    Mutation {
        name: "does_not_stamp",
        file: FILE,
        old: "self.stamps[buffer].store(version, Ordering::Relaxed);",
        new: "",
        model: "versions::a_fetched_value_is_whole_and_is_its_versions",
    },
];
