//! What errors say, and that their advice is true where it is shown.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ANONYMOUS, Error};

fn damaged(name: &str) -> String {
    let (name, reason) = (name.into(), "its version is 0".into());
    Error::Damaged { name, reason }.to_string()
}

/// An absolute path on every system.
fn path() -> PathBuf {
    std::env::temp_dir().join("words.pond")
}

fn refused(kind: io::ErrorKind) -> Error {
    Error::system("open", path())(kind.into())
}

#[test]
fn debug_shows_what_display_shows() {
    let errors = [
        Error::NothingPublished,
        refused(io::ErrorKind::PermissionDenied),
        Error::NothingToSample {
            length: 3,
            used_up: 0,
        },
    ];
    for error in errors {
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(format!("{error:#?}"), error.to_string());
    }
}

#[test]
fn a_chain_of_errors_says_nothing_twice() {
    let error = refused(io::ErrorKind::TimedOut);
    let own = io::Error::from(io::ErrorKind::TimedOut).to_string();
    assert!(error.to_string().contains(&own), "{error}");
    let mut chain = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        chain.push(cause.to_string());
        next = cause.source();
    }
    assert_eq!(chain.join(": ").matches(&own).count(), 1, "{chain:?}");
}

#[test]
fn what_is_damaged_is_named_as_what_it_is() {
    assert_eq!(
        damaged("run/pool"),
        "segment `run/pool` is damaged: its version is 0; unlink it and create it again"
    );
    let text = damaged(ANONYMOUS);
    assert!(
        !text.contains("unlink") && !text.contains(ANONYMOUS),
        "{text}"
    );
    assert!(text.contains("create another"), "{text}");
    let text = damaged(&path().display().to_string());
    assert!(
        text.starts_with("file ") && text.contains("publish it again"),
        "{text}"
    );
}

#[test]
fn a_child_is_not_told_to_open_what_has_no_name() {
    let text = |name: &str| Error::Forked { name: name.into() }.to_string();
    assert!(
        text("run/pool").contains("segment `run/pool`"),
        "{}",
        text("run/pool")
    );
    assert!(
        text("run/pool").contains("open the segment again"),
        "{}",
        text("run/pool")
    );
    assert!(
        text(ANONYMOUS).contains("create another"),
        "{}",
        text(ANONYMOUS)
    );
}

#[test]
fn nobody_who_has_waited_is_told_to_wait() {
    let text = |waited| {
        let (name, root) = ("run/pool".into(), Path::new("/segments").into());
        Error::NotFound { name, root, waited }.to_string()
    };
    let at_once = text(Duration::ZERO);
    for part in ["`Attach::wait`", "`OpenOptions::wait`", "MILLPOND_DIR"] {
        assert!(at_once.contains(part), "{at_once}");
    }
    let late = text(Duration::from_secs(2));
    assert!(
        late.contains("within 2s") && late.contains("MILLPOND_DIR"),
        "{late}"
    );
    assert!(!late.contains("Attach::wait"), "{late}");
}

#[test]
fn a_file_system_that_does_not_say_what_is_free_is_not_called_full() {
    let text = |free| {
        let (directory, remedy) = (path(), "make it smaller");
        let asked = 5 << 20;
        Error::NoSpace {
            directory,
            asked,
            free,
            remedy,
        }
        .to_string()
    };
    assert!(text(Some(0)).contains("0 bytes free; free some, or make it smaller"));
    assert!(
        text(None).contains("it does not say how much is free;"),
        "{}",
        text(None)
    );
}

#[test]
fn advice_on_an_error_of_the_system_holds_for_plain_files_too() {
    for kind in [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
        io::ErrorKind::StorageFull,
    ] {
        let text = refused(kind).to_string();
        assert!(text.contains("choose"), "{text}");
        assert!(text.contains("for segments"), "{text}");
    }
}

#[test]
fn each_reason_for_which_nothing_can_be_sampled_has_its_own_words() {
    let text = |length, used_up| Error::NothingToSample { length, used_up }.to_string();
    assert!(
        text(0, 0).contains("holds 0 records; insert some first"),
        "{}",
        text(0, 0)
    );
    assert!(
        text(4, 0).contains("holds 4 records, all of priority 0;"),
        "{}",
        text(4, 0)
    );
    let used_up = text(4, 4);
    assert!(used_up.contains("as often as it may be"), "{used_up}");
    assert!(!used_up.contains("priority"), "{used_up}");
    let mixed = text(4, 1);
    for part in ["4 records", "1 were sampled", "3 have priority 0"] {
        assert!(mixed.contains(part), "{mixed}");
    }
}
