//! Inputs that may fail, and inputs that are ranges of a file.

use std::ops::Range;
use std::path::PathBuf;

use super::*;

/// A file that is removed when the value is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn of(name: &str, bytes: &[u8]) -> Self {
        let name = format!("millpond-inputs-{}-{name}", std::process::id());
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

static LENGTHS: Task<(), (PathBuf, Range<u64>), (u64, u64)> = Task {
    name: "lengths",
    run: lengths,
};
/// The line of a record, and its second field.
type Second = (u64, Vec<u8>);

static FIELDS: Task<(), (PathBuf, CsvRange), Vec<Second>> = Task {
    name: "fields",
    run: fields,
};

/// Returns how many lines and bytes a range has.
fn lengths(
    worker: &mut Worker<'_, ()>,
    (path, range): (PathBuf, Range<u64>),
) -> std::result::Result<(u64, u64), Failure> {
    let bytes = worker.state::<Vec<u8>>();
    LineRanges::read_bytes(path, &range, bytes)?;
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').count();
    Ok((lines as u64, bytes.len() as u64))
}

fn fields(
    _: &mut Worker<'_, ()>,
    (path, range): (PathBuf, CsvRange),
) -> std::result::Result<Vec<Second>, Failure> {
    let mut all = Vec::new();
    for record in Csv::new().records(path, &range)? {
        let record = record?;
        let field = record.get(1).ok_or("a second field")?;
        all.push((record.line(), field.to_vec()));
    }
    Ok(all)
}

fn begin() {
    Workers::begin(&[&LENGTHS, &FIELDS]);
}

/// Returns inputs that fail after `after` items, and panic if another is asked for.
fn failing(after: u64) -> impl Iterator<Item = Result<u64>> {
    (0..).map(move |number| match number.cmp(&after) {
        std::cmp::Ordering::Less => Ok(number),
        std::cmp::Ordering::Equal => Error::invalid("an input", number.to_string(), "less".into()),
        std::cmp::Ordering::Greater => panic!("asked for after an error"),
    })
}

#[test]
fn the_error_of_an_input_comes_after_the_outputs_of_those_before_it() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        for after in [0, 1, 100, 3000] {
            let mut results = workers.call(&SQUARE).try_imap(failing(after)).unwrap();
            for number in 0..after {
                assert_eq!(results.next().unwrap().unwrap(), number * number);
            }
            let last = results.next().unwrap();
            assert!(
                matches!(last, Err(Error::InvalidArgument { .. })),
                "{last:?}"
            );
            assert!(results.next().is_none());
            assert!(results.next().is_none());

            let call = workers.call(&SQUARE).chunk_len(7);
            let results = call.try_imap_unordered(failing(after)).unwrap();
            let mut results: Vec<_> = results.collect();
            assert!(results.pop().unwrap().is_err());
            let mut squares: Vec<u64> = results.into_iter().map(Result::unwrap).collect();
            squares.sort_unstable();
            assert!((0..after).map(|number| number * number).eq(squares));
        }
        let all = (0..1000).map(Ok);
        let squares: Result<Vec<u64>> = workers.call(&SQUARE).try_imap(all).unwrap().collect();
        assert_eq!(squares.unwrap().len(), 1000);
    }
}

/// Returns text with a byte that is not UTF-8, some long lines, and no line break at the end.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0..20_000u64 {
        text.extend(format!("{number} {}", "straße ".repeat((number % 97) as usize)).bytes());
        text.push(b'\n');
    }
    text.extend(b"the \xfe last");
    text
}

#[test]
fn ranges_of_lines_are_inputs_and_their_bytes_need_not_be_text() {
    begin();
    let text = text();
    let file = Scratch::of("lines", &text);
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        for about in [1000, 100_000, 1 << 30] {
            let ranges = LineRanges::open(&file.0, about).unwrap();
            let inputs = ranges.map(|range| Ok((file.0.clone(), range?)));
            let results = workers.call(&LENGTHS).try_imap(inputs).unwrap();
            let lengths: Result<Vec<_>> = results.collect();
            let (lines, bytes): (Vec<u64>, Vec<u64>) = lengths.unwrap().into_iter().unzip();
            assert_eq!(lines.iter().sum::<u64>(), 20_001);
            assert_eq!(bytes.iter().sum::<u64>(), text.len() as u64);
        }
    }
}

#[test]
fn text_that_is_no_utf_8_is_named_by_its_line_and_byte_of_the_file() {
    let text = text();
    let file = Scratch::of("text", &text);
    let wrong = text.iter().position(|&byte| byte == 0xfe).unwrap() as u64;
    let ranges = LineRanges::open(&file.0, 5000).unwrap();
    let ranges: Vec<Range<u64>> = ranges.collect::<Result<_>>().unwrap();
    let mut read = String::from("what it held");
    let mut errors = Vec::new();
    for range in &ranges {
        match LineRanges::read(&file.0, range, &mut read) {
            Ok(()) => {
                let at = range.start as usize..range.end as usize;
                assert_eq!(read.as_bytes(), &text[at]);
                let line = LineRanges::line_at(&file.0, range.start).unwrap();
                assert!(read.starts_with(&format!("{} ", line - 1)));
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("line 20001 "), "{errors:?}");
    assert!(errors[0].contains(&format!("byte {wrong} ")), "{errors:?}");
    assert!(errors[0].contains("read_bytes"), "{errors:?}");
    let last = ranges.last().unwrap();
    let mut bytes = vec![1, 2, 3];
    LineRanges::read_bytes(&file.0, last, &mut bytes).unwrap();
    assert_eq!(bytes, &text[last.start as usize..]);
    let beyond = last.start..last.end + 1;
    assert!(LineRanges::read_bytes(&file.0, &beyond, &mut bytes).is_err());
}

#[test]
fn ranges_of_records_are_inputs() {
    begin();
    let mut text = String::from("number,text\n");
    let mut expected = Vec::new();
    let mut line = 2;
    for number in 0..5000usize {
        let field = "a, b\n\"c\"".repeat(number % 40);
        expected.push((line, field.clone().into_bytes()));
        text.push_str(&format!("{number},\"{}\"\r\n", field.replace('"', "\"\"")));
        line += 1 + (number % 40) as u64;
    }
    let file = Scratch::of("records", text.as_bytes());
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let ranges = Csv::new().ranges(&file.0, 3000).unwrap();
        let ranges = ranges.skip_heading().unwrap();
        let inputs = ranges.map(|range| Ok((file.0.clone(), range?)));
        let results = workers.call(&FIELDS).try_imap(inputs).unwrap();
        let found: Result<Vec<_>> = results.collect();
        let found = found.unwrap();
        assert!(found.len() > 100, "{} ranges", found.len());
        assert_eq!(found.concat(), expected);
    }
}
