//! Mutations of the entries of the participant table.

use super::Mutation;

const FILE: &str = "src/segment/entry.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "occupies_with_no_release",
        file: FILE,
        old: "self.generation.store(generation, Ordering::Release)",
        new: "self.generation.store(generation, Ordering::Relaxed)",
        model: "participants::what_a_participant_has_counted_is_read_as_its_own_and_no_others",
    },
    Mutation {
        name: "retires_with_no_release",
        file: FILE,
        old: ".store(generation.wrapping_add(1), Ordering::Release)",
        new: ".store(generation.wrapping_add(1), Ordering::Relaxed)",
        model: "participants::who_finds_an_owner_dead_sees_what_it_wrote_beside_a_cleaner",
    },
    Mutation {
        name: "reads_the_generation_with_no_acquire",
        file: FILE,
        old: "self.generation.load(Ordering::Acquire)",
        new: "self.generation.load(Ordering::Relaxed)",
        model: "participants::who_finds_an_owner_dead_sees_what_it_wrote_beside_a_cleaner",
    },
    Mutation {
        name: "asks_with_no_fence",
        file: FILE,
        old: "fence(Ordering::Acquire);\n        let is_its",
        new: "let is_its",
        model: "participants::who_joins_is_never_taken_for_dead_by_who_only_looks",
    },
    Mutation {
        name: "does_not_ask_for_the_byte",
        file: FILE,
        old: "&& is_locked() && is_its()",
        new: "",
        model: "participants::who_finds_an_owner_dead_sees_what_it_wrote",
    },
    Mutation {
        name: "looks_at_the_generation_once",
        file: FILE,
        old: "&& is_locked() && is_its()",
        new: "&& is_locked()",
        model: "participants::who_finds_an_owner_dead_sees_what_it_wrote_beside_a_joiner",
    },
    Mutation {
        name: "asks_for_the_byte_alone",
        file: FILE,
        old: "|generation| owner.is_generation(generation)",
        new: "|_| true",
        model: "participants::a_cleaner_and_a_joiner_of_a_dead_entry_take_turns",
    },
    Mutation {
        name: "retires_without_a_new_generation",
        file: FILE,
        old: "generation.wrapping_add(1), Ordering::Release",
        new: "generation - 1, Ordering::Release",
        model: "participants::a_cleaner_and_a_joiner_of_a_dead_entry_take_turns",
    },
    Mutation {
        name: "notes_what_was_counted_with_no_fence",
        file: FILE,
        old: "fence(Ordering::Release);",
        new: "",
        model: "participants::what_a_participant_has_counted_is_read_as_its_own_and_no_others",
    },
    Mutation {
        name: "reads_what_is_counted_with_no_fence",
        file: FILE,
        old: "fence(Ordering::Acquire); // before the generation is read again",
        new: "",
        model: "participants::what_a_participant_has_counted_is_read_as_its_own_and_no_others",
    },
    Mutation {
        name: "reads_what_is_counted_by_another",
        file: FILE,
        old: "(now == generation << 1 | 1).then_some(counted)",
        new: "Some(counted).filter(|_| now > 0)",
        model: "participants::what_a_participant_has_counted_is_read_as_its_own_and_no_others",
    },
    Mutation {
        name: "counts_for_the_next_what_the_dead_counted",
        file: FILE,
        old: "before.store(counter.load(Ordering::Relaxed), Ordering::Relaxed);",
        new: "let _ = (counter, before);",
        model: "participants::what_a_participant_has_counted_is_read_as_its_own_and_no_others",
    },
];
