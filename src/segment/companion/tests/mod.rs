//! A small structure with two companions, as no public one has any. Each test runs in a process of its
//! own, with a directory for segments of its own; some processes die in there.

#[cfg(feature = "failpoints")]
mod deaths;
mod full;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::companion_of;
use crate::error::{Error, Result};
use crate::segment::{
    Attach, Carver, Header, Lifetime, Mapping, PARAMETERS, Plan, Region, Segment, SharedOptions,
    Structure,
};

const NAME: &str = "run/Growing";
/// Two pages of most systems, and a half.
const LENGTH: usize = 10 << 10;
const WORDS: usize = LENGTH / size_of::<u64>();

/// What lies in the segment itself: a word.
struct Growing {
    word: Region<AtomicU64>,
}

impl Structure for Growing {
    const KIND: &'static str = "growing";
    const COMPANIONS: usize = 2;
    type Layout = crate::segment::Span<AtomicU64>;

    fn lay_out(_header: &Header, carver: &mut Carver) -> std::result::Result<Self::Layout, String> {
        carver.carve(1).ok_or_else(|| "it is too large".into())
    }

    fn place(layout: Self::Layout, mapping: &Arc<Mapping>) -> Self {
        let word = mapping.region(&layout);
        Self { word }
    }

    fn initialise(&self, _header: &Header) {
        self.word[0].store(7, Ordering::Relaxed);
    }

    fn reset(&self, _entry: usize) {}
}

fn plan(lifetime: Lifetime) -> Plan {
    let plan = SharedOptions::default().plan([0; PARAMETERS], 1, String::new());
    Plan { lifetime, ..plan }
}

fn create() -> Segment<Growing> {
    Segment::create(NAME, plan(Lifetime::UntilUnlinked)).unwrap()
}

fn open() -> Result<Segment<Growing>> {
    Segment::open(NAME, &Attach::new(), |_| Ok(()))
}

/// The first `count` words of a companion.
fn words(segment: &Segment<Growing>, number: usize, count: usize) -> Region<AtomicU64> {
    let span = Carver::after(0).carve(count).unwrap();
    let mapping = segment.companion(number).map(count * size_of::<u64>());
    mapping.unwrap().region(&span)
}

fn is_zero(words: &[AtomicU64]) -> bool {
    words.iter().all(|word| word.load(Ordering::Relaxed) == 0)
}

fn root() -> PathBuf {
    env::var_os("MILLPOND_DIR").unwrap().into()
}

/// All files below the root but its lock.
fn files() -> Vec<PathBuf> {
    let (mut files, mut directories) = (Vec::new(), vec![root()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            match entry.unwrap().path() {
                path if path.is_dir() => directories.push(path),
                path if path.ends_with(".lock") => {}
                path => files.push(path),
            }
        }
    }
    files.sort();
    files
}

/// The companions' files, by their numbers.
fn companions() -> Vec<PathBuf> {
    let mut files = files();
    files.retain(|path| companion_of(path).is_some());
    files
}

/// Says what a process is to do instead of its test.
const ROLE: &str = "MILLPOND_COMPANION_ROLE";
/// Says that a process has a directory of its own.
const ALONE: &str = "MILLPOND_COMPANION_ALONE";

/// A process that runs one of these tests.
fn process(test: &str) -> Command {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--nocapture"]);
    command
}

/// A directory for a test.
fn place(test: &str) -> PathBuf {
    let name = format!("companions-{}-{test}", std::process::id());
    env::temp_dir().join(name.replace("::", "-"))
}

#[track_caller]
fn check(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let ran = output.status.success() && text.contains("1 passed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(ran, "{text}\n{errors}");
}

/// Runs `body`, which is that of `test`, in a process and a directory of its own.
#[track_caller]
fn alone(test: &str, body: impl FnOnce()) {
    if let Ok(role) = env::var(ROLE) {
        return play(&role);
    }
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let place = place(test);
    let mut command = process(test);
    let done = command.env(ALONE, "1").env("MILLPOND_DIR", &place).output();
    let _ = fs::remove_dir_all(place);
    check(&done.unwrap());
}

/// What a process does that may be told to die meanwhile.
fn play(role: &str) {
    let segment = match role {
        "nameless" => Segment::<Growing>::anonymous(plan(Lifetime::UntilUnlinked)),
        "last" => Segment::create(NAME, plan(Lifetime::WhileAttached)),
        _ => Segment::create(NAME, plan(Lifetime::UntilUnlinked)),
    };
    let segment = segment.unwrap();
    for number in 0..2 {
        segment.companion(number).extend(LENGTH as u64).unwrap();
        words(&segment, number, WORDS)[WORDS - 1].store(1, Ordering::Relaxed);
    }
    if role == "unlinks" {
        crate::unlink(NAME).unwrap();
    }
}

#[test]
fn mappings_of_all_lengths_show_the_same_memory() {
    alone("mappings_of_all_lengths_show_the_same_memory", || {
        let segment = create();
        let companion = segment.companion(1);
        companion.extend(LENGTH as u64).unwrap();
        let older = words(&segment, 1, WORDS);
        assert!(is_zero(&older));
        older[WORDS - 1].store(11, Ordering::Relaxed);

        companion.extend(20 * LENGTH as u64).unwrap();
        let newer = words(&segment, 1, 20 * WORDS);
        assert_eq!(newer[WORDS - 1].load(Ordering::Relaxed), 11);
        assert!(is_zero(&newer[..WORDS - 1]) && is_zero(&newer[WORDS..]));
        newer[0].store(12, Ordering::Relaxed);
        older[1].store(13, Ordering::Relaxed);
        assert_eq!(older[0].load(Ordering::Relaxed), 12);
        assert_eq!(newer[1].load(Ordering::Relaxed), 13);

        // Another process sees it too; here, another attachment, with other open files.
        let attach = Attach::new().prefault(true);
        let other = Segment::<Growing>::open(NAME, &attach, |_| Ok(())).unwrap();
        let seen = words(&other, 1, 20 * WORDS);
        assert_eq!(seen[1].load(Ordering::Relaxed), 13);
        other.companion(1).extend(21 * LENGTH as u64).unwrap();
        let newest = words(&segment, 1, 21 * WORDS);
        newest[2].store(14, Ordering::Relaxed);
        assert_eq!(older[2].load(Ordering::Relaxed), 14);
        assert_eq!(segment.structure.word[0].load(Ordering::Relaxed), 7);
        assert_eq!(companions()[0].metadata().unwrap().len(), 0);
    });
}

#[test]
fn a_companion_that_is_long_enough_stays_as_it_is() {
    alone("a_companion_that_is_long_enough_stays_as_it_is", || {
        let segment = create();
        segment.companion(0).extend(LENGTH as u64).unwrap();
        for shorter in [0, 1, LENGTH as u64] {
            segment.companion(0).extend(shorter).unwrap();
            assert_eq!(companions()[0].metadata().unwrap().len(), LENGTH as u64);
        }
    });
}

#[test]
fn a_list_counts_the_companions_and_shows_none_as_a_segment() {
    alone(
        "a_list_counts_the_companions_and_shows_none_as_a_segment",
        || {
            let segment = create();
            let before = crate::list(None).unwrap()[0].bytes;
            segment.companion(0).extend(LENGTH as u64).unwrap();
            segment.companion(1).extend(1).unwrap();
            let found = crate::list(None).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].bytes, before + LENGTH as u64 + 1);
            assert_eq!(companions().len(), 2);
        },
    );
}

#[test]
fn unlinking_removes_the_companions_and_who_is_attached_goes_on_growing() {
    alone(
        "unlinking_removes_the_companions_and_who_is_attached_goes_on_growing",
        || {
            let (segment, other) = (create(), open().unwrap());
            segment.companion(0).extend(LENGTH as u64).unwrap();
            let older = words(&segment, 0, WORDS);
            crate::unlink(NAME).unwrap();
            assert_eq!(companions(), [""; 0].map(PathBuf::from));
            assert!(matches!(open(), Err(Error::NotFound { .. })));

            let next = create();
            other.companion(0).extend(3 * LENGTH as u64).unwrap();
            let newer = words(&segment, 0, 3 * WORDS);
            newer[5].store(5, Ordering::Relaxed);
            assert_eq!(older[5].load(Ordering::Relaxed), 5);
            assert_eq!(companions()[0].metadata().unwrap().len(), 0, "the next's");
            assert!(next.companion(0).map(1).is_err());
            drop((segment, other, next, older, newer));
            assert_eq!(crate::unlink_all("run").unwrap(), 1);
            crate::list(None).unwrap();
            assert_eq!(files(), [""; 0].map(PathBuf::from));
        },
    );
}

#[test]
fn the_last_participant_removes_the_companions() {
    alone("the_last_participant_removes_the_companions", || {
        let create = || Segment::<Growing>::create(NAME, plan(Lifetime::WhileAttached));
        let (segment, other) = (create().unwrap(), open().unwrap());
        segment.companion(0).extend(LENGTH as u64).unwrap();
        drop(segment);
        assert_eq!(companions().len(), 2);
        drop(other);
        crate::list(None).unwrap();
        assert_eq!(files(), [""; 0].map(PathBuf::from));
    });
}

#[test]
fn a_segment_without_a_name_grows_and_leaves_no_files() {
    alone("a_segment_without_a_name_grows_and_leaves_no_files", || {
        let segment = Segment::<Growing>::anonymous(plan(Lifetime::UntilUnlinked)).unwrap();
        assert_eq!(companions(), [""; 0].map(PathBuf::from));
        segment.companion(1).extend(LENGTH as u64).unwrap();
        let older = words(&segment, 1, WORDS);
        crate::list(None).unwrap();
        segment.companion(1).extend(2 * LENGTH as u64).unwrap();
        words(&segment, 1, 2 * WORDS)[3].store(3, Ordering::Relaxed);
        assert_eq!(older[3].load(Ordering::Relaxed), 3);
        drop((segment, older));
        crate::list(None).unwrap();
        assert_eq!(files(), [""; 0].map(PathBuf::from));
    });
}

#[test]
fn a_missing_or_short_companion_is_damage() {
    alone("a_missing_or_short_companion_is_damage", || {
        let segment = create();
        segment.companion(0).extend(LENGTH as u64).unwrap();
        let error = segment.companion(0).map(LENGTH + 1).err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, Error::Damaged { .. }), "{text}");
        assert!(text.contains("has 10240 bytes, not 10241"), "{text}");

        drop(segment); // on Windows, what is open is not removed
        let missing = companions().remove(1);
        fs::remove_file(&missing).unwrap();
        let error = open().err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, Error::Damaged { .. }), "{text}");
        assert!(text.contains("is missing"), "{text}");
        assert!(text.contains(missing.to_str().unwrap()), "{text}");
        crate::unlink(NAME).unwrap();
        assert_eq!(files(), [""; 0].map(PathBuf::from));
    });
}

#[test]
fn growth_that_does_not_fit_is_an_error_and_changes_nothing() {
    alone(
        "growth_that_does_not_fit_is_an_error_and_changes_nothing",
        || {
            let segment = create();
            segment.companion(0).extend(LENGTH as u64).unwrap();
            let older = words(&segment, 0, WORDS);
            older[4].store(4, Ordering::Relaxed);
            crate::unlink(NAME).unwrap();
            let asked = 1 << 52;
            let error = segment.companion(0).extend(asked).unwrap_err();
            let text = error.to_string();
            assert!(
                matches!(error, Error::NoSpace { asked: found, .. } if found == asked - LENGTH as u64),
                "{text}"
            );
            assert!(segment.companion(0).map(LENGTH + 1).is_err());
            segment.companion(0).extend(2 * LENGTH as u64).unwrap();
            let newer = words(&segment, 0, 2 * WORDS);
            assert_eq!(newer[4].load(Ordering::Relaxed), 4);
        },
    );
}

#[test]
fn companions_that_nobody_needs_are_swept_and_others_stay() {
    alone(
        "companions_that_nobody_needs_are_swept_and_others_stay",
        || {
            let segment = create();
            let kept = companions();
            let file = root().join("run").join(kept[0].file_name().unwrap());
            let text = file.to_str().unwrap().to_string();
            // Of an earlier segment of that name, of a segment that is gone, and not millpond's.
            let nonce = &text[text.len() - 18..text.len() - 2];
            let earlier = text.replace(nonce, "0123456789abcdef");
            let gone = text.replace("growing", "gone");
            let foreign = [
                text.replace(nonce, "FEDCBA9876543210"),
                text.replace(nonce, "1"),
                text.replace(".pond.", ".lake."),
            ];
            for path in [&earlier, &gone].into_iter().chain(&foreign) {
                fs::write(path, "x").unwrap();
            }
            assert_eq!(crate::list(None).unwrap().len(), 1);
            assert!(!Path::new(&earlier).exists() && !Path::new(&gone).exists());
            assert!(foreign.iter().all(|path| Path::new(path).exists()));
            assert_eq!(companions(), kept);

            // A segment that cannot be read keeps its companions until it is unlinked.
            drop(segment);
            let whole = files()
                .into_iter()
                .find(|path| path.ends_with("+growing.pond"));
            fs::write(whole.unwrap(), "x").unwrap();
            crate::list(None).unwrap();
            assert_eq!(companions(), kept);
            crate::unlink(NAME).unwrap();
            assert_eq!(companions(), [""; 0].map(PathBuf::from));
        },
    );
}
