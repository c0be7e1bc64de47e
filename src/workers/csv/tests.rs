//! Ranges and their records, compared with what the crate `csv` reads from the whole file.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// A file that is removed when the value is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn of(bytes: &[u8]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("millpond-csv-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

type Fields = Vec<Vec<u8>>;

/// Returns what the crate `csv` reads.
fn expected(rules: &Csv, bytes: &[u8]) -> Vec<Fields> {
    let mut reader = ::csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true);
    reader.delimiter(rules.delimiter);
    match rules.quote {
        Some(quote) => reader.quote(quote),
        None => reader.quoting(false),
    };
    let mut reader = reader.from_reader(bytes);
    let records = reader.byte_records().map(|record| record.unwrap());
    records
        .map(|record| record.iter().map(<[u8]>::to_vec).collect())
        .collect()
}

/// Compares the records of all ranges with the whole file, for ranges of different lengths.
fn check(rules: &Csv, bytes: &[u8], abouts: &[usize]) {
    let file = Scratch::of(bytes);
    let expected = expected(rules, bytes);
    for &about in abouts {
        let ranges: Vec<CsvRange> = rules
            .ranges(&file.0, about)
            .unwrap()
            .collect::<Result<_>>()
            .unwrap();
        let mut found = Vec::new();
        let (mut next, mut line) = (0, 1);
        for (number, range) in ranges.iter().enumerate() {
            assert_eq!(range.start, next, "ranges follow each other");
            assert_eq!(range.line, line);
            assert!(range.end > range.start);
            let length = (range.end - range.start) as usize;
            assert!(length >= about || number == ranges.len() - 1);
            next = range.end;
            let inside = &bytes[range.start as usize..range.end as usize];
            line += inside.iter().filter(|&&byte| byte == b'\n').count() as u64;
            read_range(rules, &file, range, bytes, &mut found);
        }
        assert_eq!(next, bytes.len() as u64, "all of the file");
        assert_eq!(found, expected, "ranges of {about} bytes");
    }
}

/// Reads a range, and checks that its records begin where they say.
fn read_range(
    rules: &Csv,
    file: &Scratch,
    range: &CsvRange,
    bytes: &[u8],
    found: &mut Vec<Fields>,
) {
    let mut records = rules.records(&file.0, range).unwrap();
    let mut record = CsvRecord::new();
    let (mut byte, mut line) = (range.start, range.line);
    while records.read(&mut record).unwrap() {
        assert!(byte <= record.byte() && record.byte() < range.end);
        let between = &bytes[byte as usize..record.byte() as usize];
        line += between.iter().filter(|&&byte| byte == b'\n').count() as u64;
        byte = record.byte();
        let before = bytes[..byte as usize].last();
        assert!(matches!(before, None | Some(b'\n' | b'\r' | b'\xbf')));
        assert_eq!(record.line(), line, "at byte {byte}");
        found.push(record.iter().map(<[u8]>::to_vec).collect());
    }
    assert!(record.is_empty());
}

/// Pieces of text with a meaning in CSV, and some without.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"\"",
        b"\"\"",
        b",",
        b";",
        b"\n",
        b"\r\n",
        b"\r",
        b"\n\n",
        b",\"",
        b"\",",
        b"\"\n",
        b"\n\"",
        b"a",
        b"1.5",
        b" ",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\0",
        b"stra\xc3\x9fe",
        b"'",
        b"\\",
        b"#",
    ];
    prop_oneof![
        20 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => (any::<u8>(), 1usize..400).prop_map(|(byte, times)| vec![byte; times]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any bytes, most of which no program would write as CSV.
    #[test]
    fn ranges_of_any_bytes_hold_the_records_of_the_whole(
        pieces in prop::collection::vec(piece(), 0..120),
        about in 1usize..300,
        rules in prop::sample::select(vec![
            Csv::new(),
            Csv::new().delimiter(b';'),
            Csv::new().quote(None),
            Csv::new().quote(Some(b'\'')),
        ]),
    ) {
        check(&rules, &pieces.concat(), &[1, about, 1 << 20]);
    }
}

/// A xorshift generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Writes a field, sometimes with quotes and line breaks in it. Some are longer than each buffer and
/// range.
fn field(random: &mut Random, bytes: &mut Vec<u8>) {
    let text = |random: &mut Random, length: u64, bytes: &mut Vec<u8>| {
        for _ in 0..length {
            match random.below(40) {
                0 => bytes.extend("é".as_bytes()),
                1 => bytes.push(0xff), // no UTF-8
                letter => bytes.push(b'a' + (letter % 26) as u8),
            }
        }
    };
    match random.below(400) {
        0 => {
            bytes.push(b'"');
            for _ in 0..random.below(40_000) {
                text(random, 8, bytes);
                bytes.extend([&b",\"\""[..], b"\r\n", b"\n", b" "][random.below(4) as usize]);
            }
            bytes.push(b'"');
        }
        1..80 => {
            bytes.push(b'"');
            for _ in 0..random.below(5) {
                text(random, random.0 % 12, bytes);
                bytes.extend([&b","[..], b"\"\"", b"\r\n", b"\n"][random.below(4) as usize]);
            }
            bytes.push(b'"');
        }
        80..90 => bytes.extend(b"5\" disk"), // a quote within a field is one
        90..120 => {}
        120..240 => {
            let mut number = String::new();
            write!(number, "{}.{}", random.below(100_000), random.below(100)).unwrap();
            bytes.extend(number.bytes());
        }
        _ => text(random, random.0 % 30, bytes),
    }
}

fn table(seed: u64, rows: u64, line_break: &[u8], is_last_ended: bool) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = b"number,name,\"a, b\",rest".to_vec();
    bytes.extend(line_break);
    for row in 0..rows {
        bytes.extend(row.to_string().bytes());
        for _ in 0..2 + random.below(3) {
            bytes.push(b',');
            field(&mut random, &mut bytes);
        }
        if row + 1 < rows || is_last_ended {
            bytes.extend(line_break);
        }
        if random.below(100) == 0 {
            bytes.extend(line_break); // an empty line
        }
    }
    bytes
}

#[test]
fn ranges_of_large_files_hold_the_records_of_the_whole() {
    let ways: [(&[u8], bool); 4] = [
        (b"\n", true),
        (b"\r\n", true),
        (b"\r\n", false),
        (b"\r", false),
    ];
    for (seed, (line_break, is_last_ended)) in (1..).zip(ways) {
        let bytes = table(seed, 6000, line_break, is_last_ended);
        assert!(
            bytes.len() > 4 << 20,
            "larger than each buffer: {}",
            bytes.len()
        );
        check(
            &Csv::new(),
            &bytes,
            &[100, 5000, 64 << 10, 1 << 20, 1 << 30],
        );
    }
}

#[test]
fn a_heading_and_a_byte_order_mark_are_left_out_and_lines_are_those_of_the_file() {
    let text = "\u{feff}name,\"says\r\nwhat\"\r\n\r\nfox,\"one\r\ntwo\"\r\n\"\u{feff}owl\",hu";
    let file = Scratch::of(text.as_bytes());
    let rules = Csv::new();
    let ranges = rules.ranges(&file.0, 1).unwrap().skip_heading().unwrap();
    let ranges: Vec<CsvRange> = ranges.collect::<Result<_>>().unwrap();
    let starts: Vec<_> = ranges.iter().map(|range| range.line).collect();
    assert_eq!(starts, [3, 6]);
    let read = |range| {
        let records = rules.records(&file.0, range).unwrap();
        records.map(Result::unwrap).collect::<Vec<_>>()
    };
    let (fox, owl) = (&read(&ranges[0])[0], &read(&ranges[1])[0]);
    assert_eq!((fox.text(0), fox.text(1)), (Ok("fox"), Ok("one\r\ntwo")));
    assert_eq!((owl.text(0), owl.text(1)), (Ok("\u{feff}owl"), Ok("hu")));
    assert_eq!((fox.line(), owl.line()), (4, 6));
    assert!(text.as_bytes()[fox.byte() as usize..].starts_with(b"fox"));
    let whole = &read(&CsvRange {
        start: 0,
        ..ranges[1]
    })[0];
    assert_eq!((whole.text(0), whole.len()), (Ok("name"), 2));
}

#[test]
fn a_field_that_is_no_text_or_not_there_is_named_with_its_place_in_the_file() {
    let mut bytes = b"a,b\n".repeat(1000);
    bytes.extend(b"c,\"x\xffy\"\nd,e\n");
    let file = Scratch::of(&bytes);
    let ranges = Csv::new().ranges(&file.0, 500).unwrap();
    let records = ranges.flat_map(|range| Csv::new().records(&file.0, &range.unwrap()).unwrap());
    let records: Vec<CsvRecord> = records.map(Result::unwrap).collect();
    assert_eq!(records.len(), 1002);
    let record = &records[1000];
    assert_eq!(record.get(1), Some(&b"x\xffy"[..]));
    let wrong = record.text(1).unwrap_err();
    assert_eq!((wrong.field, wrong.line, wrong.byte), (1, 1001, 4000));
    let said = wrong.to_string();
    assert!(
        said.contains("0xff") && said.contains("line 1001"),
        "{said}"
    );
    let missing = record.text(2).unwrap_err().to_string();
    assert!(missing.contains("it has 2"), "{missing}");
    assert_eq!(records[1001].text(1), Ok("e"));
}

#[test]
fn what_cannot_be_is_an_error() {
    let file = Scratch::of(b"a,b\nc,d\n");
    let rules = Csv::new();
    assert!(matches!(
        rules.ranges(&file.0, 0),
        Err(Error::InvalidArgument { .. })
    ));
    for rules in [
        rules.delimiter(b'"'),
        rules.delimiter(b'\n'),
        rules.quote(Some(b'\r')),
    ] {
        let refused = rules.ranges(&file.0, 10);
        assert!(
            matches!(refused, Err(Error::InvalidArgument { .. })),
            "{rules:?}"
        );
    }
    let absent = file.0.with_extension("absent");
    assert!(matches!(
        rules.ranges(&absent, 10),
        Err(Error::System { .. })
    ));
    // A file that is shorter than when its ranges were made.
    let range = CsvRange {
        start: 4,
        end: 100,
        line: 2,
    };
    let records: Vec<_> = rules.records(&file.0, &range).unwrap().take(5).collect();
    assert!(records[0].is_ok() && records[1].is_err(), "{records:?}");
    let mut ranges = rules.ranges(&file.0, 3).unwrap();
    std::fs::write(&file.0, b"").unwrap();
    assert!(matches!(ranges.next(), Some(Err(Error::System { .. }))));
    assert!(ranges.next().is_none());
}
