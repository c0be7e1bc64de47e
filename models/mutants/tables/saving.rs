//! Mutations of the guard of a snapshot.

use super::{Argued, Mutation};

const FILE: &str = "src/pool/layout/save_words.rs";
const CLAIMED: &str = "snapshot::what_belongs_to_a_cut_is_saved_although_its_slot_is_claimed";
const REMOVED: &str = "snapshot::what_belongs_to_a_cut_is_saved_although_it_is_removed";
const REWRITTEN: &str = "snapshot::what_belongs_to_a_cut_is_saved_whole_although_it_is_rewritten";
const WORDS: &str = "snapshot::the_words_of_a_save_are_seen_with_its_name";
const LEASED: &str = "the saver leases a slot after it has read its link and before it reads its record, and a claim looks at the leases: that gives the same order; this would alone";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "guards_what_is_committed_no_more",
        file: FILE,
        old: "Slot::Committed(key) | Slot::Marked(key) | Slot::Removed(key) =>",
        new: "Slot::Committed(_) => false, Slot::Marked(key) | Slot::Removed(key) =>",
        model: CLAIMED,
    },
    Mutation {
        name: "guards_what_was_removed_no_more",
        file: FILE,
        old: "Slot::Committed(key) | Slot::Marked(key) | Slot::Removed(key) =>",
        new: "Slot::Removed(_) => false, Slot::Committed(key) | Slot::Marked(key) =>",
        model: REMOVED,
    },
    Mutation {
        name: "begins_to_save_where_the_last_save_ended",
        file: FILE,
        old: "self.saved.store(0, Ordering::Relaxed);",
        new: "",
        model: WORDS,
    },
    Mutation {
        name: "begins_to_save_with_the_last_cut",
        file: FILE,
        old: "self.cut.store(next_key, Ordering::Relaxed);",
        new: "",
        model: WORDS,
    },
    Mutation {
        name: "begins_to_save_with_no_name",
        file: FILE,
        old: "self.saving.store(saver, Ordering::Release);",
        new: "",
        model: CLAIMED,
    },
    Mutation {
        name: "begins_to_save_with_no_release",
        file: FILE,
        old: "self.saving.store(saver, Ordering::Release);",
        new: "self.saving.store(saver, Ordering::Relaxed);",
        model: WORDS,
    },
    Mutation {
        name: "looks_for_the_saver_with_no_acquire",
        file: FILE,
        old: "self.saving.load(Ordering::Acquire)",
        new: "self.saving.load(Ordering::Relaxed)",
        model: WORDS,
    },
    Mutation {
        name: "saves_one_more_than_it_has_read",
        file: FILE,
        old: "self.saved.store(key, Ordering::Release);",
        new: "self.saved.store(key + 1, Ordering::Release);",
        model: CLAIMED,
    },
    Mutation {
        name: "ends_the_save_of_another",
        file: FILE,
        old: "compare_exchange(saver, 0, Ordering::Release, Ordering::Relaxed)",
        new: "swap(0, Ordering::Release)",
        model: "snapshot::a_save_is_ended_once_and_the_next_one_stays",
    },
    Mutation {
        name: "ends_no_save",
        file: FILE,
        old: "compare_exchange(saver, 0, Ordering::Release, Ordering::Relaxed)",
        new: "load(Ordering::Relaxed)",
        model: CLAIMED,
    },
    Mutation {
        name: "saves_what_is_in_the_slot",
        file: FILE,
        old: "if is_unchanged(word, committed) {",
        new: "{",
        model: REWRITTEN,
    },
    Mutation {
        name: "saves_what_is_marked",
        file: FILE,
        old: "let _guard = lock()?;",
        new: "drop(lock()?);",
        model: REWRITTEN,
    },
    Mutation {
        name: "saves_nothing_that_was_removed",
        file: FILE,
        old: " || is_unchanged(word, Slot::Removed(key).to_word()))",
        new: ")",
        model: REMOVED,
    },
];

pub const ARGUED: &[Argued] = &[
    Argued {
        file: FILE,
        text: "self.saved.load(Ordering::Acquire)",
        why: LEASED,
    },
    Argued {
        file: FILE,
        text: "self.saved.store(key, Ordering::Release);",
        why: LEASED,
    },
    Argued {
        file: FILE,
        text: "compare_exchange(saver, 0, Ordering::Release, Ordering::Relaxed)",
        why: LEASED,
    },
];
