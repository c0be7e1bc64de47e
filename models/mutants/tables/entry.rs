//! Mutations of the entries of the participant table.

use super::Mutation;

const FILE: &str = "src/segment/entry.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "occupies_with_no_release",
        file: FILE,
        old: "self.generation.store(generation, Ordering::Release)",
        new: "self.generation.store(generation, Ordering::Relaxed)",
        model: "participants::who_finds_an_owner_dead_sees_what_it_wrote_beside_a_joiner",
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
        old: "fence(Ordering::Acquire);",
        new: "",
        model: "participants::who_joins_is_never_taken_for_dead_by_who_only_looks",
    },
    Mutation {
        name: "does_not_ask_for_the_byte",
        file: FILE,
        old: "&& is_locked()",
        new: "",
        model: "participants::who_finds_an_owner_dead_sees_what_it_wrote",
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
        name: "counts_the_departed_twice",
        file: FILE,
        old: "mine.swap(0, Ordering::Relaxed)",
        new: "mine.load(Ordering::Relaxed)",
        model: "participants::a_cleaner_and_a_joiner_of_a_dead_entry_take_turns",
    },
];
