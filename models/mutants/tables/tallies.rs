//! Mutations of tallies.

use super::Mutation;

const FILE: &str = "src/pool/layout/tally.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "begins_beside_what_is_pending",
        file: FILE,
        old: "finished(word).saturating_add(pending(word)) < self.most",
        new: "finished(word) < self.most",
        model: "tallies::a_record_is_given_out_no_more_often_than_it_may_be",
    },
    Mutation {
        name: "finishes_and_stays_pending",
        file: FILE,
        old: "let ended = word.checked_sub(ONE_PENDING)?;",
        new: "let ended = word;",
        model: "tallies::a_record_is_given_out_no_more_often_than_it_may_be",
    },
    Mutation {
        name: "finishes_and_counts_nothing",
        file: FILE,
        old: "Some(ended + u64::from(finished(word) != ABSENT))",
        new: "Some(ended)",
        model: "tallies::a_record_is_given_out_no_more_often_than_it_may_be",
    },
    Mutation {
        name: "finishes_and_does_not_say_that_it_was_the_last",
        file: FILE,
        old: "finished(word).checked_add(1) == Some(self.most)",
        new: "finished(word) == self.most",
        model: "tallies::a_record_leaves_once_when_all_tables_have_used_it_up",
    },
    Mutation {
        name: "takes_nothing_back",
        file: FILE,
        old: "let ended = |word: u64| word.checked_sub(ONE_PENDING);",
        new: "let ended = |word: u64| Some(word);",
        model: "tallies::a_sample_that_fails_uses_nothing_up",
    },
    Mutation {
        name: "leaves_as_if_nothing_were_pending",
        file: FILE,
        old: "self.change(left).is_ok_and(|word| self.has_room(word))",
        new: "self.change(left).is_ok_and(|word| finished(word) < self.most)",
        model: "tallies::of_a_record_that_left_unsampled_one_says_so",
    },
    Mutation {
        name: "leaves_and_drops_what_is_pending",
        file: FILE,
        old: "Some(word | u64::from(ABSENT))",
        new: "Some(u64::from(ABSENT))",
        model: "tallies::of_a_record_that_left_unsampled_one_says_so",
    },
    Mutation {
        name: "settles_with_no_mark",
        file: FILE,
        old: "    mark(word, marked);\n",
        new: "",
        model: "tallies::a_sample_of_the_living_is_not_dropped",
    },
    Mutation {
        name: "settles_with_no_fence",
        file: FILE,
        old: "    lease_fence();\n",
        new: "",
        model: "tallies::a_sample_of_the_living_is_not_dropped",
    },
    Mutation {
        name: "settles_with_no_look",
        file: FILE,
        old: "if is_leased() {",
        new: "if false {",
        model: "tallies::a_sample_of_the_living_is_not_dropped",
    },
    Mutation {
        name: "settles_what_is_final_too",
        file: FILE,
        old: "Some(finished(word).into())",
        new: "Some(0)",
        model: "tallies::only_samples_of_the_dead_are_dropped",
    },
    Mutation {
        name: "settles_nothing",
        file: FILE,
        old: "tallies.for_each(Tally::drop_pending);",
        new: "let _ = tallies;",
        model: "tallies::only_samples_of_the_dead_are_dropped",
    },
];
