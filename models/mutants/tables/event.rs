//! Mutations of the event.

use super::{Argued, Mutation};

const FILE: &str = "src/sync/event.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "notifies_with_no_fence",
        file: FILE,
        old: "        // SeqCst: step 2; pairs with the fence in `wait_for`.\n        fence(Ordering::SeqCst);",
        new: "",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "notifies_with_half_a_fence",
        file: FILE,
        old: "        // SeqCst: step 2; pairs with the fence in `wait_for`.\n        fence(Ordering::SeqCst);",
        new: "        fence(Ordering::AcqRel);",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "waits_with_no_fence",
        file: FILE,
        old: "            // SeqCst: step 1; pairs with the fence in `notify`.\n            fence(Ordering::SeqCst);",
        new: "",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "waits_with_half_a_fence",
        file: FILE,
        old: "            // SeqCst: step 1; pairs with the fence in `notify`.\n            fence(Ordering::SeqCst);",
        new: "            fence(Ordering::AcqRel);",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "does_not_raise_the_sequence",
        file: FILE,
        old: "self.words.sequence.fetch_add(1, Ordering::Release);",
        new: "",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "wakes_nobody",
        file: FILE,
        old: "self.channel.wake_all(&self.words.sequence);",
        new: "",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "does_not_say_that_it_waits",
        file: FILE,
        old: "self.words.waiting.store(1, Ordering::Relaxed);",
        new: "",
        model: "lock_and_event::an_event_wakes_whoever_waits_for_it",
    },
    Mutation {
        name: "clears_after_it_raised",
        file: FILE,
        old: "        self.words.waiting.store(0, Ordering::Relaxed);\n        // Release: a waiter that reads this value must see `waiting` cleared, so that its own\n        // store to it comes later.\n        self.words.sequence.fetch_add(1, Ordering::Release);\n",
        new: "self.words.sequence.fetch_add(1, Ordering::Release);\n        self.words.waiting.store(0, Ordering::Relaxed);\n",
        model: "lock_and_event::an_event_that_came_too_early_is_waited_for_again",
    },
];

/// Why the sequence needs them: who reads it raised must store to `waiting` after it was cleared. `loom`
/// takes the stores to one word in the order in which they ran, so it cannot miss them;
/// `clears_after_it_raised` is what would come of it.
pub const ARGUED: &[Argued] = &[
    Argued {
        file: FILE,
        text: "fetch_add(1, Ordering::Release)",
        why: "a waiter that reads this value sees `waiting` cleared",
    },
    Argued {
        file: FILE,
        text: "sequence.load(Ordering::Acquire)",
        why: "the other half",
    },
];
