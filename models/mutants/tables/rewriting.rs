//! Mutations of rewriting in place.

use super::{Argued, Mutation};

const FILE: &str = "src/pool/layout/rewriting.rs";
const WHOLE: &str = "rewritten::a_rewritten_record_is_whole_and_stays_while_it_is_leased";
const NOT_NOTED: &str = "rewritten::a_rewrite_that_was_not_noted_has_not_happened";
const NOTED: &str = "rewritten::a_rewrite_that_was_noted_is_completed";
const NEXT: &str = "rewritten::the_next_owner_of_an_entry_writes_its_draft_after_the_repair";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "reads_a_note_with_no_acquire",
        file: FILE,
        old: "self.0.load(Ordering::Acquire)",
        new: "self.0.load(Ordering::Relaxed)",
        model: NEXT,
    },
    Mutation {
        name: "takes_a_note_away_with_no_release",
        file: FILE,
        old: "self.0.store(0, Ordering::Release)",
        new: "self.0.store(0, Ordering::Relaxed)",
        model: NEXT,
    },
    Mutation {
        name: "reads_no_note_before_it_drafts",
        file: FILE,
        old: "filter(|&key| key < LARGEST_KEY)\n    }\n\n    /// Steps 2",
        new: "filter(|_| false)\n    }\n\n    /// Steps 2",
        model: NEXT,
    },
    Mutation {
        name: "rewrites_whatever_is_in_the_slot",
        file: FILE,
        old: "if Slot::from_word(word.load(Ordering::Relaxed)) != Slot::Committed(key) {",
        new: "if false {",
        model: "rewritten::a_record_that_has_left_is_not_rewritten",
    },
    Mutation {
        name: "rewrites_with_no_mark",
        file: FILE,
        old: "mark(word, Slot::Marked(key).to_word());",
        new: "",
        model: WHOLE,
    },
    Mutation {
        name: "rewrites_with_no_fence",
        file: FILE,
        old: "lease_fence();",
        new: "",
        model: WHOLE,
    },
    Mutation {
        name: "rewrites_what_is_leased",
        file: FILE,
        old: "if is_leased() {",
        new: "if false {",
        model: WHOLE,
    },
    Mutation {
        name: "leaves_the_mark_of_what_is_leased",
        file: FILE,
        old: "pass_over(word, Slot::Committed(key).to_word());",
        new: "",
        model: WHOLE,
    },
    Mutation {
        name: "rewrites_with_no_note",
        file: FILE,
        old: "self.0.store(key + 1, Ordering::Relaxed);",
        new: "",
        model: NOTED,
    },
    Mutation {
        name: "notes_the_key_before_it_looks_at_the_leases",
        file: FILE,
        old: "mark(word, Slot::Marked(key).to_word());",
        new: "self.0.store(key + 1, Ordering::Relaxed); mark(word, Slot::Marked(key).to_word());",
        model: NOT_NOTED,
    },
    Mutation {
        name: "puts_nothing_in_place",
        file: FILE,
        old: "        copy();",
        new: "",
        model: WHOLE,
    },
    Mutation {
        name: "leaves_the_mark_of_what_is_in_place",
        file: FILE,
        old: "        commit(word, Slot::Committed(key).to_word());",
        new: "",
        model: WHOLE,
    },
    Mutation {
        name: "leaves_its_note",
        file: FILE,
        old: "self.0.store(0, Ordering::Relaxed);",
        new: "",
        model: WHOLE,
    },
    Mutation {
        name: "repairs_and_takes_no_note_away",
        file: FILE,
        old: "self.0.store(0, Ordering::Release);",
        new: "",
        model: "rewritten::a_note_of_the_dead_is_gone_before_the_record_is_marked_again",
    },
    Mutation {
        name: "takes_the_notes_of_all_shards_away",
        file: FILE,
        old: "if key.is_some_and(is_of_shard) {",
        new: "if key.is_some() {",
        model: "rewritten::a_repair_leaves_what_is_rewritten_in_other_shards",
    },
    Mutation {
        name: "completes_by_the_drafts_of_all",
        file: FILE,
        old: "if note.0.load(Ordering::Relaxed) == key + 1 {",
        new: "{",
        model: NOT_NOTED,
    },
    Mutation {
        name: "completes_by_no_draft",
        file: FILE,
        old: "            copy(entry);",
        new: "",
        model: NOTED,
    },
    Mutation {
        name: "completes_and_leaves_the_mark",
        file: FILE,
        old: "    }\n    commit(word, Slot::Committed(key).to_word());",
        new: "    }",
        model: NOT_NOTED,
    },
    Mutation {
        name: "commits_before_it_completes",
        file: FILE,
        old: "    for (entry, note) in notes.into_iter().enumerate() {",
        new: "    commit(word, Slot::Committed(key).to_word());\n    for (entry, note) in notes.into_iter().enumerate() {",
        model: NOTED,
    },
];

pub const ARGUED: &[Argued] = &[Argued {
    file: FILE,
    text: "compiler_fence(Ordering::SeqCst);",
    why: "orders the stores of one thread for a death in between: a model dies between steps as they stand in the file",
}];
