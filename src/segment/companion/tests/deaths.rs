//! Deaths of those who create, extend and remove companions, at every fail point.

use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::Ordering;

use super::{LENGTH, NAME, ROLE, WORDS, alone, files, open, process, words};

/// Runs another process, which plays `role` until it dies at `point`.
fn send(test: &str, role: &str, point: &str) -> Output {
    let mut command = process(test);
    command.env(ROLE, role);
    command.env("MILLPOND_FAIL", point).output().unwrap()
}

/// Whoever dies: what has its name is whole, and nothing else is left.
#[test]
fn a_death_at_any_point_leaves_a_whole_segment_or_none() {
    const TEST: &str = "deaths::a_death_at_any_point_leaves_a_whole_segment_or_none";
    // Where a name changes in two steps.
    let between = match cfg!(windows) {
        true => "unlink.renamed",
        false => "create.linked",
    };
    alone(TEST, || {
        let ways = [
            ("unlinks", "create.directories"),
            ("unlinks", "create.file"),
            ("unlinks", "companion.created:1"),
            ("unlinks", "companion.created:2"),
            ("unlinks", "create.unfinished"),
            ("unlinks", "create.reserved"),
            ("unlinks", "create.header"),
            ("unlinks", "create.initialised"),
            ("unlinks", between),
            ("unlinks", "create.published"),
            ("unlinks", "create.unlocked"),
            ("unlinks", "companion.extended:1"),
            ("unlinks", "companion.extended:2"),
            ("unlinks", "unlink.begun"),
            ("unlinks", "unlink.removed"),
            ("unlinks", "unlink.companion:1"),
            ("unlinks", "unlink.companion:2"),
            ("last", "companion.created:2"),
            ("last", "companion.extended:2"),
            ("last", "leave.retired"),
            ("last", "unlink.begun"),
            ("last", "unlink.removed"),
            ("last", "unlink.companion:1"),
            ("last", "unlink.companion:2"),
            ("nameless", "companion.nameless:1"),
            ("nameless", "companion.nameless:2"),
            ("nameless", "companion.extended:1"),
        ];
        for (role, point) in ways {
            let died = send(TEST, role, point);
            let text = String::from_utf8_lossy(&died.stdout);
            let finished = died.status.success() || text.contains("FAILED");
            assert!(!finished, "{role} did not die at {point}: {text}");

            let listed = crate::list(None).unwrap();
            if listed.is_empty() {
                assert_eq!(files(), [""; 0].map(PathBuf::from), "{role}, {point}");
                continue;
            }
            let segment = open().unwrap();
            assert_eq!(files().len(), 3, "{role}, {point}: {:?}", files());
            segment.companion(0).extend(2 * LENGTH as u64).unwrap();
            words(&segment, 0, 2 * WORDS)[0].store(1, Ordering::Relaxed);
            drop(segment);
            let _ = crate::unlink(NAME); // the last to leave may have removed it
            crate::list(None).unwrap();
            assert_eq!(files(), [""; 0].map(PathBuf::from), "{role}, {point}");
        }
    });
}
