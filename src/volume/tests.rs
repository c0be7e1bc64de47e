//! Volumes of plain bytes: what every read-only structure gets from this folder.

mod types;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    Check, Content, Expected, OpenOptions, PARAMETERS, Place, PublishOptions, Published, Trust,
    Volume,
};
use crate::error::{Error, Result};

/// Bytes, and how many there are.
struct Bytes(Volume);

/// The text of a volume of bytes.
const TEXT: &str = "bytes";
const EXPECTED: Expected<'static> = Expected::Text(TEXT);

impl Content for Bytes {
    const KIND: &'static str = "bytes";

    fn place(volume: Volume) -> std::result::Result<Self, String> {
        Ok(Self(volume))
    }

    fn verify(&self) -> std::result::Result<(), String> {
        match self.0.parameters()[0] == self.0.bytes().len() as u64 {
            true => Ok(()),
            false => Err("there are fewer or more bytes than there were".into()),
        }
    }
}

fn publish(place: impl Into<Place>, bytes: &[u8]) -> Result<Published<Bytes>> {
    Published::publish(place.into(), &PublishOptions::new(), TEXT, |draft| {
        draft.write_all(bytes).map_err(super::explain)?;
        let mut numbers = [0; PARAMETERS];
        numbers[0] = draft.position();
        Ok(numbers)
    })
}

fn open(place: impl Into<Place>) -> Result<Published<Bytes>> {
    Published::open(place.into(), &OpenOptions::new(), Trust::Checked, EXPECTED)
}

fn bytes(published: &Published<Bytes>) -> &[u8] {
    published.content.0.bytes()
}

#[test]
fn a_draft_takes_all_that_it_is_given_in_each_call() {
    let all = Vec::from_iter((0..5_000_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8));
    let published = Published::publish(Place::Memory, &PublishOptions::new(), TEXT, |draft| {
        let (mut rest, mut length) = (&all[..], 0);
        while !rest.is_empty() {
            length = (length + 7919) % 300_007;
            let (some, after) = rest.split_at(rest.len().min(length));
            assert_eq!(draft.write(some).unwrap(), some.len());
            rest = after;
        }
        let mut numbers = [0; PARAMETERS];
        numbers[0] = draft.position();
        Ok(numbers)
    });
    assert!(bytes(&published.unwrap()) == all);
}

/// A path for a plain file, in a directory of its own.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("millpond-volume-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("bytes.pond")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes the segments of a test, of this process, before and after it.
struct Run(String);

impl Run {
    fn new(name: &str) -> Self {
        Self(format!("volume-tests/{}/{name}", std::process::id()))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = crate::unlink_all(&self.0);
    }
}

#[test]
fn what_is_published_is_opened_wherever_it_lies() {
    let (run, directory) = (Run::new("wherever"), Directory::new("wherever"));
    let long: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
    for expected in [&b""[..], b"one", &long] {
        let places = [Place::from(&run.0), Place::from(directory.file())];
        for place in places {
            let published = publish(&place, expected).unwrap();
            assert_eq!(bytes(&published), expected);
            let opened = open(&place).unwrap();
            assert_eq!(bytes(&opened), expected);
            assert_eq!(opened.version(), published.version());
            assert_eq!(opened.place(), &place);
        }
        let private = publish(Place::Memory, expected).unwrap();
        assert_eq!(bytes(&private), expected);
    }
}

#[test]
fn who_holds_a_version_keeps_it_and_moves_over_when_asked() {
    let (run, directory) = (Run::new("keeps"), Directory::new("keeps"));
    for place in [Place::from(&run.0), Place::from(directory.file())] {
        if cfg!(windows) && matches!(place, Place::File(_)) {
            continue; // a file that is mapped cannot be replaced there
        }
        publish(&place, b"first").unwrap();
        let mut reader = open(&place).unwrap();
        assert!(!reader.refresh().unwrap());
        for version in 2..12 {
            let text = format!("version {version}");
            assert_eq!(publish(&place, text.as_bytes()).unwrap().version(), version);
        }
        assert_eq!((bytes(&reader), reader.version()), (&b"first"[..], 1));
        assert!(reader.refresh().unwrap());
        assert_eq!((bytes(&reader), reader.version()), (&b"version 11"[..], 11));
    }
}

#[test]
fn one_file_is_left_of_many_versions() {
    let run = Run::new("one");
    for _ in 0..9 {
        publish(&run.0, &[1; 100_000]).unwrap();
    }
    let info = &crate::list(Some(&run.0)).unwrap()[0];
    assert!(info.bytes < 250_000, "{info:?}");
    assert_eq!(info.kind, "bytes");
    crate::unlink(&run.0).unwrap();
    assert!(matches!(open(&run.0), Err(Error::NotFound { .. })));
    assert_eq!(publish(&run.0, b"anew").unwrap().version(), 1);
}

#[test]
fn a_newer_version_is_waited_for() {
    let run = Run::new("waits");
    let reader = publish(&run.0, b"old").unwrap();
    let waited = reader.wait_newer(Duration::from_millis(1));
    assert!(matches!(waited, Err(Error::TimedOut { .. })));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| reader.wait_newer(Duration::from_secs(60)));
        publish(&run.0, b"new").unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), 2);
    });
}

#[test]
fn an_opener_waits_for_the_first_version() {
    let run = Run::new("first");
    let options = OpenOptions::new().wait(Duration::from_secs(60));
    std::thread::scope(|scope| {
        let place = Place::from(&run.0);
        let waiter = scope.spawn(move || {
            Published::<Bytes>::open(place, &options, Trust::Checked, EXPECTED)
                .map(|found| found.version())
        });
        publish(&run.0, b"first").unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn a_publisher_that_gives_up_leaves_what_was_there() {
    let (run, directory) = (Run::new("gives-up"), Directory::new("gives-up"));
    for place in [Place::from(&run.0), Place::from(directory.file())] {
        publish(&place, b"old").unwrap();
        let options = PublishOptions::new();
        let failed = Published::<Bytes>::publish(place.clone(), &options, TEXT, |draft| {
            draft.write_all(&[7; 5_000_000]).unwrap();
            Error::invalid("it", "so".into(), "otherwise".into())
        });
        assert!(matches!(failed, Err(Error::InvalidArgument { .. })));
        assert_eq!(bytes(&open(&place).unwrap()), b"old");
    }
    let names = std::fs::read_dir(&directory.0).unwrap().flatten();
    assert_eq!(names.count(), 1, "the file alone");
}

#[test]
fn every_changed_byte_of_a_file_is_an_error_but_where_nobody_looks() {
    let directory = Directory::new("damage");
    publish(directory.file(), b"what it should be").unwrap();
    let good = std::fs::read(directory.file()).unwrap();
    let (header, data) = (crate::segment::HEADER_BYTES + TEXT.len(), good.len() - 17);
    for at in (0..header).chain(data..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        std::fs::write(directory.file(), &bad).unwrap();
        assert!(open(directory.file()).is_err(), "byte {at}");
    }
    for length in [0, 100, good.len() - 1, good.len() + 1] {
        let mut bad = good.clone();
        bad.resize(length, 0);
        std::fs::write(directory.file(), &bad).unwrap();
        assert!(open(directory.file()).is_err(), "{length} bytes");
    }
}

#[test]
fn a_check_is_remembered_under_a_name_and_repeated_where_asked() {
    let run = Run::new("remembers");
    // Who publishes has looked at it.
    publish(&run.0, b"what it should be").unwrap();
    damage(&run.0);
    assert_eq!(open(&run.0).unwrap().version(), 1, "it was checked before");
    let always = OpenOptions::new().check(Check::Always);
    let place = Place::from(&run.0);
    let found = Published::<Bytes>::open(place, &always, Trust::Checked, EXPECTED);
    assert!(matches!(found, Err(Error::Damaged { .. })));
}

/// Changes the last byte of what is published.
fn damage(name: &str) {
    let root = crate::segment::Root::find().unwrap().path;
    let segment = crate::segment::Name::new(name).unwrap().file(&root);
    let stem = segment.file_name().unwrap().to_string_lossy().into_owned();
    let files = std::fs::read_dir(segment.parent().unwrap())
        .unwrap()
        .flatten();
    let is_data = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(&format!(".{stem}."))
    };
    let path = files.map(|entry| entry.path()).find(is_data).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_handle_opens_its_version_or_a_newer_one() {
    let run = Run::new("handle");
    publish(&run.0, b"first").unwrap();
    let handle = publish(&run.0, b"second").unwrap().handle().unwrap();
    let options = OpenOptions::new();
    assert_eq!(
        Published::<Bytes>::open_handle(&handle, &options, EXPECTED)
            .unwrap()
            .version(),
        2
    );
    crate::unlink(&run.0).unwrap();
    publish(&run.0, b"another first").unwrap();
    let older = Published::<Bytes>::open_handle(&handle, &options, EXPECTED);
    assert!(matches!(older, Err(Error::WrongOption { .. })));
    assert!(publish(Place::Memory, b"").unwrap().handle().is_err());
}

#[test]
fn advice_and_paging_change_nothing_about_the_contents() {
    let run = Run::new("advice");
    let long: Vec<u8> = (0..5_000_000u32)
        .map(|number| (number >> 3) as u8)
        .collect();
    publish(&run.0, &long).unwrap();
    let options = [
        OpenOptions::new().random(true),
        OpenOptions::new().will_need(true),
        OpenOptions::new().prefault(true),
        OpenOptions::new().huge_pages(true),
    ];
    for options in options {
        let place = Place::from(&run.0);
        let opened = Published::<Bytes>::open(place, &options, Trust::Checked, EXPECTED);
        match opened {
            Ok(opened) => assert!(bytes(&opened) == long, "{options:?}"),
            // Not every system, and not every machine at every time, has them.
            Err(Error::System { .. }) if options.paging.huge => {}
            Err(error) => panic!("{options:?}: {error}"),
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_handle_travels_as_text() {
    let run = Run::new("serde");
    let handle = publish(&run.0, b"first").unwrap().handle().unwrap();
    let text = serde_json::to_string(&handle).unwrap();
    let arrived = serde_json::from_str(&text).unwrap();
    assert_eq!(handle, arrived);
    let opened = Published::<Bytes>::open_handle(&arrived, &OpenOptions::new(), EXPECTED).unwrap();
    assert_eq!(bytes(&opened), b"first");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_is_refreshed_when_it_leads_to_another() {
    let directory = Directory::new("link");
    let (first, second) = (directory.0.join("first"), directory.0.join("second"));
    publish(first.clone(), b"first").unwrap();
    publish(second.clone(), b"second").unwrap();
    std::os::unix::fs::symlink(&first, directory.file()).unwrap();
    let mut reader = open(directory.file()).unwrap();
    assert!(!reader.refresh().unwrap());
    std::fs::remove_file(directory.file()).unwrap();
    std::os::unix::fs::symlink(&second, directory.file()).unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!(bytes(&reader), b"second");
    assert!(!reader.refresh().unwrap());
}

#[test]
fn a_name_that_is_removed_again_and_again_can_be_published() {
    let run = Run::new("removed");
    std::thread::scope(|scope| {
        let remover = scope.spawn(|| {
            let mut removed = 0;
            while removed < 50 {
                removed += usize::from(crate::unlink(&run.0).is_ok());
            }
        });
        while !remover.is_finished() {
            publish(&run.0, b"what it is").unwrap();
        }
    });
}

#[test]
fn a_version_that_nobody_looked_at_is_followed_by_one_that_is_looked_at() {
    let run = Run::new("blind");
    publish(&run.0, b"good").unwrap();
    damage(&run.0);
    let place = || Place::from(&run.0);
    let always = OpenOptions::new().check(Check::Always);
    let mut reader = Published::<Bytes>::open(place(), &always, Trust::Blind, EXPECTED).unwrap();
    publish(&run.0, b"good").unwrap();
    damage(&run.0);
    assert!(matches!(reader.refresh(), Err(Error::Damaged { .. })));
    assert_eq!(reader.version(), 1, "as it was");
    publish(&run.0, b"good").unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!((bytes(&reader), reader.version()), (&b"good"[..], 3));
}

#[test]
fn a_place_that_cannot_be_published_to_is_an_error_before_the_work() {
    let run = Run::new("early");
    crate::Board::<f32>::create(&run.0, crate::BoardOptions::new(1)).unwrap();
    let options = PublishOptions::new();
    let refused = Published::<Bytes>::publish(Place::from(&run.0), &options, TEXT, |_| {
        panic!("nothing is to be written")
    });
    assert!(matches!(refused, Err(Error::WrongKind { .. })));
    let nobody = PublishOptions::new().participants(0);
    let refused = Published::<Bytes>::publish(Place::from(&run.0), &nobody, TEXT, |_| {
        panic!("nothing is to be written")
    });
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
}
