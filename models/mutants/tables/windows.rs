//! Mutations of links, and of leases beside a reader that follows one.

use super::Mutation;

const FILE: &str = "src/pool/layout/link.rs";
const LEASE: &str = "src/pool/layout/lease.rs";
const WINDOW: &str = "windows::a_window_is_of_one_episode_and_stays";
const NEW: &str = "windows::a_window_whose_last_record_is_new_has_the_link_of_that_record";
const LINK: &str = "windows::a_link_leads_where_it_was_written_to";

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "writes_no_link",
        file: FILE,
        old: "self.0.store(link, Ordering::Relaxed);",
        new: "",
        model: NEW,
    },
    Mutation {
        name: "follows_a_link_to_the_next_key",
        file: FILE,
        old: ".checked_sub(1)",
        new: ".checked_sub(0)",
        model: WINDOW,
    },
    Mutation {
        name: "follows_a_link_that_leads_nowhere",
        file: FILE,
        old: "Some(DEPARTED_KEY..) => Lead::Departed,",
        new: "",
        model: LINK,
    },
    Mutation {
        name: "follows_a_link_and_does_not_check",
        file: LEASE,
        old: "word.load(Ordering::Acquire) == seen",
        new: "true",
        model: WINDOW,
    },
    Mutation {
        name: "follows_a_link_and_checks_with_no_acquire",
        file: LEASE,
        old: "word.load(Ordering::Acquire) == seen",
        new: "word.load(Ordering::Relaxed) == seen",
        model: NEW,
    },
    Mutation {
        name: "follows_a_link_with_no_fence",
        file: LEASE,
        old: "fence(Ordering::SeqCst);\n}\n\n/// Step 1",
        new: "}\n\n/// Step 1",
        model: WINDOW,
    },
    Mutation {
        name: "follows_a_link_and_names_no_cell",
        file: LEASE,
        old: "self.cells[cell].store(slot + 1, Ordering::Release);",
        new: "",
        model: WINDOW,
    },
    Mutation {
        name: "commits_a_link_with_no_release",
        file: LEASE,
        old: "word.store(committed, Ordering::Release)",
        new: "word.store(committed, Ordering::Relaxed)",
        model: NEW,
    },
];
