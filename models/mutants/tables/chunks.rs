//! Mutations of the chunks' hand-out.

use super::Mutation;

const FILE: &str = "src/array/chunk_claims.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "takes_a_chunk_with_no_acquire",
        file: FILE,
        old: "Ordering::AcqRel",
        new: "Ordering::Release",
        model: "chunks::who_takes_a_chunk_in_the_next_pass_sees_what_was_written",
    },
    Mutation {
        name: "takes_a_chunk_with_no_release",
        file: FILE,
        old: "Ordering::AcqRel",
        new: "Ordering::Acquire",
        model: "chunks::who_joins_and_takes_a_chunk_is_never_taken_for_dead",
    },
    Mutation {
        name: "gives_a_chunk_back_with_no_release",
        file: FILE,
        old: "self.word.store(given, Ordering::Release)",
        new: "self.word.store(given, Ordering::Relaxed)",
        model: "chunks::who_takes_a_chunk_in_the_next_pass_sees_what_was_written",
    },
    Mutation {
        name: "takes_the_chunks_of_the_living",
        file: FILE,
        old: "if peers.is_alive(owner) {",
        new: "if false {",
        model: "chunks::a_chunk_is_given_out_once_a_pass",
    },
    Mutation {
        name: "leaves_the_chunks_of_the_dead",
        file: FILE,
        old: "if peers.is_alive(owner) {",
        new: "if true {",
        model: "chunks::exactly_one_takes_the_chunk_of_the_dead_and_is_told",
    },
    Mutation {
        name: "takes_a_chunk_whatever_its_word",
        file: FILE,
        old: "if let Err(other) = swapped {",
        new: "if let (Err(other), 0) = (swapped, self.word.swap(taken, Ordering::AcqRel)) {",
        model: "chunks::exactly_one_takes_the_chunk_of_the_dead_and_is_told",
    },
    Mutation {
        name: "does_what_is_done",
        file: FILE,
        old: "|| pass_of(word) == pass && word as u32 & DONE != 0 && is_whole()",
        new: "",
        model: "chunks::a_chunk_is_given_out_once_a_pass",
    },
    Mutation {
        name: "goes_back_to_an_earlier_pass",
        file: FILE,
        old: "pass_of(word) > pass || ",
        new: "",
        model: "chunks::a_later_pass_ends_those_before",
    },
    Mutation {
        name: "does_not_say_that_the_dead_left_it",
        file: FILE,
        old: "flags = LEFT;",
        new: "",
        model: "chunks::exactly_one_takes_the_chunk_of_the_dead_and_is_told",
    },
    Mutation {
        name: "forgets_that_it_was_left",
        file: FILE,
        old: "seen as u32 & LEFT, peers",
        new: "0, peers",
        model: "chunks::what_was_left_in_a_panic_is_given_out_again_and_says_so",
    },
    Mutation {
        name: "takes_a_range_and_forgets_that_it_was_done",
        file: FILE,
        old: "seen as u32 & (DONE | LEFT), peers",
        new: "seen as u32 & LEFT, peers",
        model: "chunks::what_was_taken_whatever_its_pass_stays_as_done_as_it_was",
    },
    Mutation {
        name: "gives_a_chunk_back_as_not_done",
        file: FILE,
        old: "Ending::Done => DONE,",
        new: "Ending::Done => 0,",
        model: "chunks::a_chunk_is_given_out_once_a_pass",
    },
    Mutation {
        name: "gives_a_range_back_as_not_done",
        file: FILE,
        old: "Ending::AsItWas => seen as u32 & (DONE | LEFT),",
        new: "Ending::AsItWas => 0,",
        model: "chunks::what_was_taken_whatever_its_pass_stays_as_done_as_it_was",
    },
    Mutation {
        name: "leaves_a_chunk_and_does_not_say_so",
        file: FILE,
        old: "Ending::Left => LEFT,",
        new: "Ending::Left => 0,",
        model: "chunks::what_was_left_in_a_panic_is_given_out_again_and_says_so",
    },
    Mutation {
        name: "believes_that_the_dead_left_it_done",
        file: FILE,
        old: "DONE != 0 && is_whole()",
        new: "DONE != 0",
        model: "chunks::what_was_done_and_taken_by_the_dead_is_not_done",
    },
];
