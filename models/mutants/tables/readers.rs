//! Mutations of the readers beside a lock.

use super::Mutation;

const FILE: &str = "src/sync/readers.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "enters_with_no_fence",
        file: FILE,
        old: "        // SeqCst: step 1; pairs with the fence in `exclude`.\n        fence(Ordering::SeqCst);",
        new: "",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "enters_with_half_a_fence",
        file: FILE,
        old: "        // SeqCst: step 1; pairs with the fence in `exclude`.\n        fence(Ordering::SeqCst);",
        new: "        fence(Ordering::AcqRel);",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "excludes_with_no_fence",
        file: FILE,
        old: "        // SeqCst: step 3; pairs with the fence in `try_enter`.\n        fence(Ordering::SeqCst);",
        new: "",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "excludes_with_half_a_fence",
        file: FILE,
        old: "        // SeqCst: step 3; pairs with the fence in `try_enter`.\n        fence(Ordering::SeqCst);",
        new: "        fence(Ordering::AcqRel);",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "leaves_with_no_release",
        file: FILE,
        old: "count.fetch_sub(1, Ordering::Release)",
        new: "count.fetch_sub(1, Ordering::Relaxed)",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "looks_at_counts_with_no_acquire",
        file: FILE,
        old: "self.inside.load(Ordering::Acquire)",
        new: "self.inside.load(Ordering::Relaxed)",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "resets_with_no_release",
        file: FILE,
        old: "inside.store(0, Ordering::Release)",
        new: "inside.store(0, Ordering::Relaxed)",
        model: "readers::a_writer_does_not_wait_for_a_dead_reader_who_is_cleaned_up_after",
    },
    Mutation {
        name: "enters_beside_an_owner",
        file: FILE,
        old: "if self.lock.is_open()",
        new: "if true",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "does_not_say_that_it_ever_read",
        file: FILE,
        old: "Marks(self.seen).set(entry);",
        new: "",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "steps_back_and_stays_counted",
        file: FILE,
        old: "        self.leave();\n        false",
        new: "        false",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "leaves_and_wakes_nobody",
        file: FILE,
        old: "self.gone.notify();",
        new: "",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "waits_for_the_dead",
        file: FILE,
        old: "false => (!is_alive()).then_some(true),",
        new: "false => None,",
        model: "readers::a_writer_does_not_wait_for_a_dead_reader",
    },
    Mutation {
        name: "does_not_wait_for_readers",
        file: FILE,
        old: "dead |= self.wait_for(count, || is_alive(entry));",
        new: "",
        model: "readers::a_writer_is_alone_and_is_woken_by_the_last_reader",
    },
    Mutation {
        name: "waits_for_one_reader_only",
        file: FILE,
        old: "in Marks(self.seen).iter()",
        new: "in Marks(self.seen).iter().take(1)",
        model: "readers::two_readers_and_a_writer_take_turns",
    },
    Mutation {
        name: "takes_the_living_readers_for_dead",
        file: FILE,
        old: "(!is_alive()).then_some",
        new: "is_alive().then_some",
        model: "readers::who_joins_and_reads_is_never_taken_for_dead_by_a_writer",
    },
    Mutation {
        name: "resets_no_count",
        file: FILE,
        old: "self.inside.store(0, Ordering::Release);",
        new: "",
        model: "readers::a_writer_waits_for_who_reads_in_a_dead_readers_place",
    },
];
