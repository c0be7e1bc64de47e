//! Mutations of the board.

use super::{Argued, Mutation};

const FILE: &str = "src/board/slots.rs";
const FETCH: &str = "versions::a_fetched_value_is_whole_and_is_its_versions";
const LEASE: &str = "versions::a_leased_value_is_whole_and_stays";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "reads_the_newest_with_no_acquire",
        file: FILE,
        old: "acquire(self.newest)",
        new: "self.newest.load(Ordering::Relaxed)",
        model: FETCH,
    },
    Mutation {
        name: "begins_with_no_release",
        file: FILE,
        old: "self.stamps[buffer].store(0, Ordering::Release)",
        new: "self.stamps[buffer].store(0, Ordering::Relaxed)",
        model: FETCH,
    },
    Mutation {
        name: "begins_with_no_zero",
        file: FILE,
        old: "self.stamps[buffer].store(0, Ordering::Release);",
        new: "",
        model: FETCH,
    },
    Mutation {
        name: "begins_beside_lessees_with_no_zero",
        file: FILE,
        old: "self.stamps[buffer].store(0, Ordering::Release);",
        new: "",
        model: LEASE,
    },
    Mutation {
        name: "publishes_with_no_fence",
        file: FILE,
        old: "            // in `fetch`.\n            fence(Ordering::SeqCst);\n",
        new: "",
        model: FETCH,
    },
    Mutation {
        name: "chooses_with_a_fence_that_is_not_ordered_with_the_lessees",
        file: FILE,
        old: "            // in `fetch`.\n            fence(Ordering::SeqCst);\n",
        new: "            fence(Ordering::AcqRel);\n",
        model: LEASE,
    },
    Mutation {
        name: "does_not_look_at_the_counts",
        file: FILE,
        old: "!self.is_leased(buffer)",
        new: "true",
        model: LEASE,
    },
    Mutation {
        name: "looks_at_the_counts_with_no_acquire",
        file: FILE,
        old: "count.load(Ordering::Acquire) != 0",
        new: "count.load(Ordering::Relaxed) != 0",
        model: LEASE,
    },
    Mutation {
        name: "looks_for_lessees_with_no_acquire",
        file: "src/sync/marks.rs",
        old: "let mut bits = word.load(Ordering::Acquire);",
        new: "let mut bits = word.load(Ordering::Relaxed);",
        model: "versions::who_finds_leases_cleared_knows_that_the_reads_are_over",
    },
    Mutation {
        name: "chooses_the_newest",
        file: FILE,
        old: "(1..buffers)",
        new: "(0..buffers)",
        model: FETCH,
    },
    Mutation {
        name: "does_not_stamp",
        file: FILE,
        old: "self.stamps[buffer].store(version, Ordering::Release);",
        new: "",
        model: FETCH,
    },
    Mutation {
        name: "makes_newest_with_no_release",
        file: FILE,
        old: "self.newest.store(next.to_word(), Ordering::Release)",
        new: "self.newest.store(next.to_word(), Ordering::Relaxed)",
        model: FETCH,
    },
    Mutation {
        name: "fetches_with_no_fence",
        file: FILE,
        old: "        fence(Ordering::Acquire);\n        // Acquired:",
        new: "        // Acquired:",
        model: FETCH,
    },
    Mutation {
        name: "checks_the_stamp_with_no_acquire",
        file: FILE,
        old: "acquire(&self.stamps[newest.buffer])",
        new: "self.stamps[newest.buffer].load(Ordering::Relaxed)",
        model: FETCH,
    },
    Mutation {
        name: "acquires_with_no_fence",
        file: FILE,
        old: "    fence(Ordering::Acquire);\n    value",
        new: "    value",
        model: FETCH,
    },
    Mutation {
        name: "does_not_check_the_stamp",
        file: FILE,
        old: "acquire(&self.stamps[newest.buffer]) == newest.version",
        new: "true",
        model: FETCH,
    },
    Mutation {
        name: "leases_a_buffer_with_no_count",
        file: FILE,
        old: ".fetch_add(1, Ordering::Relaxed)",
        new: ".fetch_add(0, Ordering::Relaxed)",
        model: LEASE,
    },
    Mutation {
        name: "leases_a_buffer_with_no_bit",
        file: FILE,
        old: "Marks(self.lessees).set(entry);",
        new: "",
        model: LEASE,
    },
    Mutation {
        name: "leases_a_buffer_once_for_all_threads",
        file: FILE,
        old: ".fetch_add(1, Ordering::Relaxed)",
        new: ".swap(1, Ordering::Relaxed)",
        model: "versions::a_lease_of_one_thread_is_not_given_back_by_another",
    },
    Mutation {
        name: "leases_a_buffer_with_no_fence",
        file: FILE,
        old: "        fence(Ordering::SeqCst);\n        // Acquire: as in",
        new: "        // Acquire: as in",
        model: LEASE,
    },
    Mutation {
        name: "leases_a_buffer_with_a_fence_that_is_not_ordered_with_the_publishers",
        file: FILE,
        old: "        fence(Ordering::SeqCst);\n        // Acquire: as in",
        new: "        fence(Ordering::AcqRel);\n        // Acquire: as in",
        model: LEASE,
    },
    Mutation {
        name: "leases_a_buffer_and_does_not_check_the_stamp",
        file: FILE,
        old: "self.stamps[newest.buffer].load(Ordering::Acquire) == newest.version",
        new: "true",
        model: LEASE,
    },
    Mutation {
        name: "leases_a_buffer_and_checks_the_stamp_with_no_acquire",
        file: FILE,
        old: "self.stamps[newest.buffer].load(Ordering::Acquire) == newest.version",
        new: "self.stamps[newest.buffer].load(Ordering::Relaxed) == newest.version",
        model: LEASE,
    },
    Mutation {
        name: "gives_a_buffer_back_with_no_release",
        file: FILE,
        old: ".fetch_sub(1, Ordering::Release)",
        new: ".fetch_sub(1, Ordering::Relaxed)",
        model: LEASE,
    },
    Mutation {
        name: "clears_the_counts_of_the_dead_with_no_release",
        file: FILE,
        old: "count.store(0, Ordering::Release)",
        new: "count.store(0, Ordering::Relaxed)",
        model: "versions::who_finds_leases_cleared_knows_that_the_reads_are_over",
    },
    Mutation {
        name: "clears_the_bit_of_the_dead_with_no_release",
        file: "src/sync/marks.rs",
        old: "fetch_and(!(1 << (entry % BITS)), Ordering::Release)",
        new: "fetch_and(!(1 << (entry % BITS)), Ordering::Relaxed)",
        model: "versions::who_finds_leases_cleared_knows_that_the_reads_are_over",
    },
];

pub const ARGUED: &[Argued] = &[Argued {
    file: FILE,
    text: "self.stamps[buffer].store(version, Ordering::Release);",
    why: "who leases has acquired the newest version, which is stored later; but by a fence, which ThreadSanitizer does not follow, and this it does",
}];
