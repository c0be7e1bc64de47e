//! Mutations of a dictionary's reads without a lock.

use super::{Argued, Mutation};

const FILE: &str = "src/dict/seqlock.rs";
const INSERTED: &str = "dict::a_row_that_is_inserted_is_whole";
const CHANGED: &str = "dict::a_row_that_is_changed_is_whole";
const REUSED: &str = "dict::a_row_that_is_used_again_is_not_that_of_the_key_before";
const STAYS: &str = "dict::a_key_that_stays_is_found_while_indexes_are_exchanged";
const LATER: &str =
    "dict::a_slot_that_another_key_has_in_a_later_index_is_not_that_of_the_key_before";
const DIED: &str = "dict::a_row_is_whole_although_its_writer_died";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "reads_which_index_is_in_use_with_no_acquire",
        file: FILE,
        old: "self.0.load(Ordering::Acquire)\n    }\n\n    /// Step 3, after",
        new: "self.0.load(Ordering::Relaxed)\n    }\n\n    /// Step 3, after",
        model: STAYS,
    },
    Mutation {
        name: "does_not_check_the_generation",
        file: FILE,
        old: "self.0.load(Ordering::Relaxed) == word",
        new: "true",
        model: STAYS,
    },
    Mutation {
        name: "does_not_check_the_generation_of_a_row",
        file: FILE,
        old: "            && is_current();",
        new: ";",
        model: LATER,
    },
    Mutation {
        name: "exchanges_indexes_with_no_release",
        file: FILE,
        old: "self.0.store(word, Ordering::Release)",
        new: "self.0.store(word, Ordering::Relaxed)",
        model: STAYS,
    },
    Mutation {
        name: "finds_a_slot_with_no_acquire",
        file: FILE,
        old: "let row = self.0.load(Ordering::Acquire);",
        new: "let row = self.0.load(Ordering::Relaxed);",
        model: INSERTED,
    },
    Mutation {
        name: "finds_slots_of_other_keys",
        file: FILE,
        old: "(is_live && is_key())",
        new: "is_live",
        model: REUSED,
    },
    Mutation {
        name: "reads_the_key_before_the_row",
        file: FILE,
        old: "        let row = self.0.load(Ordering::Acquire);",
        new: "        let is = is_key(); let is_key = move || is;\n        let row = self.0.load(Ordering::Acquire);",
        model: LATER,
    },
    Mutation {
        name: "checks_the_slot_with_no_acquire",
        file: FILE,
        old: "self.0.load(Ordering::Acquire) == row as u32 + 1",
        new: "self.0.load(Ordering::Relaxed) == row as u32 + 1",
        model: LATER,
    },
    Mutation {
        name: "does_not_check_the_slot",
        file: FILE,
        old: "self.0.load(Ordering::Acquire) == row as u32 + 1",
        new: "true",
        model: REUSED,
    },
    Mutation {
        name: "publishes_a_slot_with_no_release",
        file: FILE,
        old: "self.0.store(row as u32 + 1, Ordering::Release)",
        new: "self.0.store(row as u32 + 1, Ordering::Relaxed)",
        model: INSERTED,
    },
    Mutation {
        name: "publishes_a_slot_before_its_key",
        file: FILE,
        old: "        write_key();\n        // Release: pairs with the Acquire in `find`.\n        self.0.store(row as u32 + 1, Ordering::Release);",
        new: "        self.0.store(row as u32 + 1, Ordering::Release);\n        write_key();",
        model: LATER,
    },
    Mutation {
        name: "leaves_a_slot_live",
        file: FILE,
        old: "self.0.store(DEAD, Ordering::Release);",
        new: "",
        model: REUSED,
    },
    Mutation {
        name: "reads_the_sequence_number_with_no_acquire",
        file: FILE,
        old: "let sequence = self.0.load(Ordering::Acquire);",
        new: "let sequence = self.0.load(Ordering::Relaxed);",
        model: CHANGED,
    },
    Mutation {
        name: "reads_where_the_sequence_number_is_odd",
        file: FILE,
        old: "sequence & 1 == 0\n            && ",
        new: "",
        model: CHANGED,
    },
    Mutation {
        name: "does_not_check_the_sequence_number",
        file: FILE,
        old: "self.0.load(Ordering::Relaxed) == sequence",
        new: "true",
        model: CHANGED,
    },
    Mutation {
        name: "reads_a_row_with_no_fence",
        file: FILE,
        old: "        after_reading();\n",
        new: "",
        model: CHANGED,
    },
    Mutation {
        name: "changes_a_row_that_is_even_after_a_death",
        file: FILE,
        old: "self.0.load(Ordering::Relaxed) | 1",
        new: "self.0.load(Ordering::Relaxed) + 1",
        model: DIED,
    },
    Mutation {
        name: "changes_a_row_that_is_even",
        file: FILE,
        old: "self.0.store(odd, Ordering::Relaxed);",
        new: "",
        model: CHANGED,
    },
    Mutation {
        name: "changes_a_row_with_no_fence",
        file: FILE,
        old: "        before_writing();\n",
        new: "",
        model: CHANGED,
    },
    Mutation {
        name: "ends_a_change_with_no_release",
        file: FILE,
        old: "self.0.store(odd.wrapping_add(1), Ordering::Release);",
        new: "self.0.store(odd.wrapping_add(1), Ordering::Relaxed);",
        model: CHANGED,
    },
    Mutation {
        name: "leaves_a_row_odd",
        file: FILE,
        old: "self.0.store(odd.wrapping_add(1), Ordering::Release);",
        new: "",
        model: DIED,
    },
    Mutation {
        name: "misses_a_key_with_no_fence",
        file: FILE,
        old: "fence(Ordering::Acquire);",
        new: "",
        model: "dict::a_key_that_moves_to_another_slot_is_found_while_indexes_are_exchanged",
    },
    Mutation {
        name: "empties_an_index_with_no_fence",
        file: FILE,
        old: "fence(Ordering::Release);",
        new: "",
        model: STAYS,
    },
    Mutation {
        name: "empties_a_row_with_no_fence",
        file: FILE,
        old: "fence(Ordering::Release);",
        new: "",
        model: REUSED,
    },
];

pub const ARGUED: &[Argued] = &[Argued {
    file: FILE,
    text: "self.0.store(DEAD, Ordering::Release);",
    why: "readers need the fence that follows; this orders the journal's entry before it, for a death in between",
}];
