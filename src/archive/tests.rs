//! Values through bytes and back, and what becomes of damaged ones.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::io;
use std::rc::Rc;

use rkyv::collections::swiss_table::ArchivedHashMap;
use rkyv::rend::u64_le;

use super::{Archivable, Root, write::write};
use crate::volume::{Content, PARAMETERS, Volume};

/// One of everything.
#[derive(rkyv::Archive, rkyv::Serialize, PartialEq, Clone)]
#[rkyv(
    derive(Debug),
    serialize_bounds(__S: rkyv::ser::Writer + rkyv::ser::Allocator, __S::Error: rkyv::rancor::Source),
    bytecheck(bounds(
        __C: rkyv::validation::ArchiveContext,
        <__C as rkyv::rancor::Fallible>::Error: rkyv::rancor::Source,
    ))
)]
struct Model {
    name: String,
    classes: Vec<Class>,
    words: HashMap<String, Vec<f32>>,
    ordered: BTreeMap<u64, Option<String>>,
    nested: HashMap<u32, BTreeMap<String, Vec<(u8, bool)>>>,
    #[rkyv(omit_bounds)] // a type within itself
    next: Option<Box<Model>>,
    matrix: [[f64; 3]; 2],
    sign: char,
}

#[derive(rkyv::Archive, rkyv::Serialize, PartialEq, Clone)]
#[rkyv(derive(Debug))]
enum Class {
    Nothing,
    Named(String),
    Weighted { weight: f32, parents: Vec<u16> },
}

fn model(depth: u32) -> Model {
    let long = "a string that is longer than what fits into the place of its pointer".to_string();
    let inner = BTreeMap::from([(long.clone(), vec![(1, true), (2, false)])]);
    Model {
        name: "spam".into(),
        classes: vec![
            Class::Nothing,
            Class::Named(long.clone()),
            Class::Weighted {
                weight: 0.25,
                parents: vec![1, 2, 3],
            },
        ],
        words: (0..7)
            .map(|n| (format!("word number {n}"), vec![n as f32; n]))
            .collect(),
        ordered: BTreeMap::from([(1, None), (2, Some(long)), (1 << 40, Some("short".into()))]),
        nested: HashMap::from([(7, inner), (8, BTreeMap::new())]),
        next: (depth > 0).then(|| Box::new(model(depth - 1))),
        matrix: [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        sign: 'ß',
    }
}

fn written<T: Archivable>(value: &T) -> (Vec<u8>, [u64; PARAMETERS]) {
    let mut data = Vec::new();
    let parameters = write(value, &mut data).unwrap();
    (data, parameters)
}

fn archive<T: Archivable>(value: &T) -> Root<T> {
    let (data, parameters) = written(value);
    let archive = Root::<T>::place(Volume::of(&data, parameters).unwrap()).unwrap();
    archive.verify().unwrap();
    archive
}

/// Every part of a model as text; also looks every key up.
fn read_through(model: &ArchivedModel, text: &mut String) {
    for (word, weights) in model.words.iter() {
        let found = model.words.get(word.as_str()).map(|found| found.len());
        write!(text, "{word} {weights:?} {found:?}").unwrap();
    }
    for (number, name) in model.ordered.iter() {
        let found = model.ordered.get(number).is_some();
        write!(text, "{number} {name:?} {found}").unwrap();
    }
    write!(text, "{model:?}").unwrap();
}

#[test]
fn every_kind_of_structure_is_read_in_place() {
    let archive = archive(&model(1));
    assert_eq!(archive.name, "spam");
    assert_eq!(archive.words["word number 3"].len(), 3);
    assert_eq!(archive.words["word number 3"][2], 3.0);
    assert!(archive.words.get("word number 7").is_none());
    assert_eq!(archive.ordered.len(), 3);
    let short = archive.ordered.get(&(1u64 << 40).into()).unwrap();
    assert_eq!(short.as_ref().unwrap(), "short");
    let inner = archive.nested.get(&7.into()).unwrap();
    assert_eq!(inner.values().next().unwrap()[1], (2, false));
    assert_eq!(archive.matrix[1][2], 6.0);
    assert_eq!(archive.sign, 'ß');
    let next = archive.next.as_ref().unwrap();
    assert!(next.next.is_none());
    let ArchivedClass::Weighted { weight, parents } = &next.classes[2] else {
        panic!("{:?}", next.classes)
    };
    assert_eq!((weight.to_native(), parents.len()), (0.25, 3));
    assert!(matches!(next.classes[0], ArchivedClass::Nothing));
}

#[test]
fn every_key_of_a_large_hash_map_is_found() {
    fn check<K, A>(map: HashMap<K, u64>, archived: impl Fn(&K) -> A)
    where
        HashMap<K, u64>: Archivable + rkyv::Archive<Archived = ArchivedHashMap<A, u64_le>>,
        A: std::hash::Hash + Eq,
    {
        let archive = archive(&map);
        assert_eq!(archive.len(), map.len());
        for (key, value) in &map {
            let found = archive.get(&archived(key)).map(|found| found.to_native());
            assert_eq!(found, Some(*value));
        }
        assert_eq!(archive.iter().count(), map.len());
    }
    for count in [1, 2, 7, 15, 16, 17, 1000, 50_000] {
        check((0..count).map(|n| (n * n, n)).collect(), |&key: &u64| {
            key.into()
        });
        check((0..count).map(|n| (n as u8, n)).collect(), |&key: &u8| key);
        check(
            (0..count).map(|n| ((n as u16, n), n)).collect(),
            |&(first, second): &(u16, u64)| {
                rkyv::tuple::ArchivedTuple2(first.into(), second.into())
            },
        );
    }
}

#[test]
fn plain_values_are_archives_too() {
    assert_eq!(*archive(&17u64), 17);
    assert_eq!(*archive(&"text".to_string()), *"text");
    assert_eq!(archive(&Some(vec![1u8, 2])).as_ref().unwrap()[1], 2);
    assert!(archive(&Vec::<String>::new()).is_empty());
    let _nothing: () = *archive(&());
}

#[test]
fn what_two_pointers_share_is_written_once() {
    let shared: Rc<str> = "x".repeat(10_000).into();
    let (data, _) = written(&vec![shared.clone(), shared.clone(), shared]);
    assert!(data.len() < 11_000, "{}", data.len());
}

/// A file that counts, and keeps nothing.
struct Counted {
    bytes: usize,
    largest: usize,
    room: usize,
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes + bytes.len() > self.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes += bytes.len();
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_value_is_written_piece_by_piece_and_the_files_error_is_the_result() {
    let words: Vec<String> = (0..100_000)
        .map(|n| format!("the long word number {n:09}"))
        .collect();
    let mut file = Counted {
        bytes: 0,
        largest: 0,
        room: usize::MAX,
    };
    let parameters = write(&words, &mut file).unwrap();
    assert!(
        file.bytes > 4_000_000 && file.largest <= 1 << 16,
        "{} {}",
        file.bytes,
        file.largest
    );
    assert_eq!(
        parameters[0] as usize + size_of::<rkyv::Archived<Vec<String>>>(),
        file.bytes
    );

    let mut full = Counted {
        bytes: 0,
        largest: 0,
        room: 1_000_000,
    };
    let error = write(&words, &mut full).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn every_changed_byte_is_an_error_or_reads_safely() {
    let (data, parameters) = written(&model(0));
    let mut text = String::new();
    let mut refused = 0;
    for index in 0..data.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut damaged = data.clone();
            damaged[index] ^= change;
            let volume = Volume::of(&damaged, parameters).unwrap();
            let archive = Root::<Model>::place(volume).unwrap();
            match archive.verify() {
                Ok(()) => read_through(&archive, &mut text),
                Err(_) => refused += 1,
            }
            text.clear();
        }
    }
    assert!(refused > data.len() / 2, "{refused} of {}", 4 * data.len());
}

#[test]
fn a_truncated_archive_is_an_error() {
    let (data, parameters) = written(&model(0));
    for length in 0..data.len() {
        let volume = Volume::of(&data[..length], parameters).unwrap();
        let error = Root::<Model>::place(volume).err().unwrap();
        assert!(error.contains("is said to begin at"), "{error}");
    }
}

#[test]
fn a_root_that_cannot_be_there_is_an_error() {
    let (data, mut parameters) = written(&model(0));
    let right = parameters[0];
    for wrong in [
        right + 1,
        right + 8,
        u64::MAX,
        u64::MAX - 7,
        1 << 32,
        data.len() as u64,
    ] {
        parameters[0] = wrong;
        let volume = Volume::of(&data, parameters).unwrap();
        assert!(Root::<Model>::place(volume).is_err(), "{wrong}");
    }
    // Where a root could be, bytecheck finds that there is none.
    for wrong in (0..right).step_by(8) {
        parameters[0] = wrong;
        let volume = Volume::of(&data, parameters).unwrap();
        let archive = Root::<Model>::place(volume).unwrap();
        let error = archive.verify().unwrap_err();
        assert!(
            error.starts_with("it is no millpond::archive::tests::Model: "),
            "{error}"
        );
    }
}

#[test]
fn another_type_has_another_schema() {
    let words = Root::<Vec<String>>::schema();
    assert_eq!(
        words,
        "alloc::vec::Vec<alloc::string::String>, archived in 16 bytes aligned to 8; rkyv 0.8, \
         little-endian, aligned, 64-bit offsets"
    );
    assert_ne!(words, Root::<Vec<u8>>::schema());
    assert_ne!(Root::<Model>::schema(), Root::<Class>::schema());
}

#[test]
fn another_type_is_refused_by_bytecheck_where_the_bytes_are_none_of_it() {
    let (data, parameters) = written(&"\u{1f986}".repeat(100));
    let volume = Volume::of(&data, parameters).unwrap();
    let wrong = Root::<Vec<Vec<String>>>::place(volume).unwrap();
    assert!(wrong.verify().is_err());
}
