//! Mutations of leases and claims.

use super::{Argued, Mutation};

const FILE: &str = "src/pool/layout/lease.rs";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "takes_cells_with_no_acquire",
        file: FILE,
        old: "                used | mask,\n                Ordering::Acquire,",
        new: "                used | mask,\n                Ordering::Relaxed,",
        model: "leases::threads_of_one_participant_take_turns",
    },
    Mutation {
        name: "empties_filters_with_no_release",
        file: FILE,
        old: "word.store(0, Ordering::Release)",
        new: "word.store(0, Ordering::Relaxed)",
        model: "leases::a_filter_that_names_another_run_by_now_was_read_out",
    },
    Mutation {
        name: "empties_cells_with_no_release",
        file: FILE,
        old: "cell.store(NOTHING, Ordering::Release)",
        new: "cell.store(NOTHING, Ordering::Relaxed)",
        model: "leases::a_cell_that_names_another_slot_by_now_was_read_out",
    },
    Mutation {
        name: "names_in_filters_with_no_release",
        file: FILE,
        old: "word.load(Ordering::Relaxed) | bit, Ordering::Release",
        new: "word.load(Ordering::Relaxed) | bit, Ordering::Relaxed",
        model: "leases::a_filter_that_names_another_run_by_now_was_read_out",
    },
    Mutation {
        name: "names_in_cells_with_no_release",
        file: FILE,
        old: "self.cells[cell].store(slot + 1, Ordering::Release)",
        new: "self.cells[cell].store(slot + 1, Ordering::Relaxed)",
        model: "leases::a_cell_that_names_another_slot_by_now_was_read_out",
    },
    Mutation {
        name: "unnames_cells_with_no_release",
        file: FILE,
        old: "self.cells[cell].store(NOTHING, Ordering::Release)",
        new: "self.cells[cell].store(NOTHING, Ordering::Relaxed)",
        model: "leases::a_cell_that_names_nothing_by_now_was_read_out",
    },
    Mutation {
        name: "gives_back_with_no_release",
        file: FILE,
        old: "fetch_and(!taken.mask, Ordering::Release)",
        new: "fetch_and(!taken.mask, Ordering::Relaxed)",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "visits_blocks_with_no_acquire",
        file: FILE,
        old: "self.blocks.load(Ordering::Acquire)",
        new: "self.blocks.load(Ordering::Relaxed)",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "visits_filters_with_no_acquire",
        file: FILE,
        old: "word.load(Ordering::Acquire) & bit",
        new: "word.load(Ordering::Relaxed) & bit",
        model: "leases::a_filter_that_names_another_run_by_now_was_read_out",
    },
    Mutation {
        name: "visits_cells_with_no_acquire",
        file: FILE,
        old: "cell.load(Ordering::Acquire)",
        new: "cell.load(Ordering::Relaxed)",
        model: "leases::a_cell_that_names_another_slot_by_now_was_read_out",
    },
    Mutation {
        name: "announces_with_no_fence",
        file: FILE,
        old: "fence(Ordering::SeqCst);\n}\n\n/// Step 1",
        new: "}\n\n/// Step 1",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "announces_with_half_a_fence",
        file: FILE,
        old: "    fence(Ordering::SeqCst);\n}\n\n/// Step 1",
        new: "    fence(Ordering::AcqRel);\n}\n\n/// Step 1",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "checks_with_no_acquire",
        file: FILE,
        old: "word.load(Ordering::Acquire) == seen",
        new: "word.load(Ordering::Relaxed) == seen",
        model: "leases::a_record_found_by_its_key_is_whole",
    },
    Mutation {
        name: "does_not_check",
        file: FILE,
        old: "word.load(Ordering::Acquire) == seen",
        new: "true",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "does_not_mark",
        file: FILE,
        old: "    word.store(marked, Ordering::Relaxed);",
        new: "",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "does_not_pass_over_what_is_leased",
        file: FILE,
        old: "visit(named - 1);",
        new: "",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "passes_over_with_another_word",
        file: FILE,
        old: "word.store(seen, Ordering::Relaxed);",
        new: "word.store(seen + 10, Ordering::Relaxed);",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "commits_with_no_release",
        file: FILE,
        old: "word.store(committed, Ordering::Release)",
        new: "word.store(committed, Ordering::Relaxed)",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "names_no_cell",
        file: FILE,
        old: "self.cells[cell].store(slot + 1, Ordering::Release);",
        new: "",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "names_no_filter",
        file: FILE,
        old: "word.store(word.load(Ordering::Relaxed) | bit, Ordering::Release);",
        new: "",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "takes_no_block",
        file: FILE,
        old: "used | mask,\n",
        new: "used,\n",
        model: "leases::a_leased_record_is_whole_and_stays",
    },
    Mutation {
        name: "gives_all_blocks_back",
        file: FILE,
        old: "fetch_and(!taken.mask, Ordering::Release)",
        new: "fetch_and(0, Ordering::Release)",
        model: "leases::threads_of_one_participant_take_turns",
    },
];

pub const ARGUED: &[Argued] = &[
    Argued {
        file: FILE,
        text: "self.blocks.store(0, Ordering::Release);",
        why: "called by who holds the byte lock of a dead participant's entry, whose reads are over; and a writer counts a lease only while its entry is taken",
    },
    Argued {
        file: FILE,
        text: "compiler_fence(Ordering::SeqCst);",
        why: "orders stores of one thread for a death in between, which no interleaving of living threads shows",
    },
];
