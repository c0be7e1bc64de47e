//! Records, the derive macro that makes them, and what both say of themselves.

use millpond::record::Scalar;
use millpond::{Record, Schema};

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    observation: [f32; 4],
    cameras: [[[u8; 2]; 3]; 4],
    time: u64,
    reward: f32,
    action: u16,
    done: u8,
    _padding: [u8; 1],
}

const TRANSITION: &str = "size 56 align 8\n\
    observation f32[4] @0\n\
    cameras u8[4,3,2] @16\n\
    time u64 @40\n\
    reward f32 @48\n\
    action u16 @52\n\
    done u8 @54\n\
    _padding u8[1] @55\n";

#[test]
fn the_schema_says_where_each_field_is() {
    let schema = Schema::of::<Transition>();
    assert_eq!(schema.to_string(), TRANSITION);
    assert_eq!((schema.size(), schema.align()), (56, 8));
    let cameras = schema.field("cameras").unwrap();
    assert_eq!(cameras.scalar(), Scalar::U8);
    assert_eq!(cameras.shape(), [4, 3, 2]);
    assert_eq!(
        (
            cameras.offset(),
            cameras.len(),
            cameras.size(),
            cameras.end()
        ),
        (16, 24, 24, 40)
    );
    assert!(!cameras.is_empty());
    assert_eq!(schema.field("camera"), None);
    assert_eq!(schema.fields(), Transition::FIELDS);
}

#[test]
fn a_record_is_its_bytes() {
    let transition = Transition {
        observation: [1.0, 2.0, 3.0, 4.0],
        cameras: [[[5; 2]; 3]; 4],
        time: 6,
        reward: 7.0,
        action: 8,
        done: 1,
        _padding: [0],
    };
    let bytes = bytemuck::bytes_of(&transition);
    assert_eq!(bytes.len(), 56);
    let action = Schema::of::<Transition>().field("action").unwrap().offset();
    assert_eq!(bytes[action..][..2], 8_u16.to_ne_bytes());
    let copy: Transition = bytemuck::pod_read_unaligned(bytes);
    assert_eq!((copy.time, copy.reward, copy.done), (6, 7.0, 1));
}

#[test]
fn numbers_and_arrays_are_records_of_one_value() {
    assert_eq!(
        Schema::of::<f64>().to_string(),
        "size 8 align 8\nvalue f64 @0\n"
    );
    assert_eq!(
        Schema::of::<[[i16; 3]; 2]>().to_string(),
        "size 12 align 2\nvalue i16[2,3] @0\n"
    );
    for scalar in Scalar::ALL {
        assert_eq!(Scalar::from_name(scalar.name()), Some(scalar));
    }
    assert_eq!(Scalar::from_name("usize"), None);
}

#[test]
fn the_text_of_a_schema_reads_back() {
    assert_eq!(Schema::parse(TRANSITION), Ok(Schema::of::<Transition>()));
    let mut random = Random(1);
    for _ in 0..2_000 {
        let text = random.schema();
        assert!(text.len() <= Schema::MAX_TEXT);
        assert_eq!(
            Schema::parse(&text).map(|schema| schema.to_string()),
            Ok(text)
        );
    }
}

#[test]
fn the_parser_says_what_is_wrong() {
    let max = usize::MAX;
    let long = "n".repeat(65);
    let cases = [
        ("", "expected a line like `size 24 align 4`, found \"\""),
        ("size 4 align\n", "expected a line like"),
        ("size -4 align 4\n", "expected a line like"),
        ("size 4 align 4\n", "the fields fill 0 of the 4 bytes"),
        ("size 0 align 1\n", "the fields fill 0 of the 0 bytes"),
        (
            "size 8 align 4\na f32 @0\n",
            "the fields fill 4 of the 8 bytes",
        ),
        (
            "size 4 align 4\na f32 @0\nb f32 @4\n",
            "`b f32 @4` is not within the 4 bytes",
        ),
        (
            "size 8 align 4\na f32 @0\nb f32 @2\n",
            "`b f32 @2` overlaps",
        ),
        (
            "size 8 align 4\na f32 @4\nb f32 @0\n",
            "there is a gap before `a f32 @4`",
        ),
        (
            "size 12 align 4\na f32 @0\nb f32 @8\n",
            "there is a gap before `b f32 @8`",
        ),
        (
            "size 8 align 4\na f32 @0\na f32 @4\n",
            "two fields are named `a`",
        ),
        (
            "size 4 align 8\na f32 @0\n",
            "8 is not a possible alignment",
        ),
        (
            "size 4 align 0\na f32 @0\n",
            "0 is not a possible alignment",
        ),
        (
            "size 6 align 4\na u16[3] @0\n",
            "4 is not a possible alignment",
        ),
        ("size 4 align 4\n0a f32 @0\n", "expected a field like"),
        ("size 4 align 4\na-b f32 @0\n", "expected a field like"),
        ("size 4 align 4\n f32 @0\n", "expected a field like"),
        ("size 4 align 4\na f33 @0\n", "expected a field like"),
        ("size 4 align 4\na f32[] @0\n", "expected a field like"),
        ("size 4 align 4\na f32[0] @0\n", "expected a field like"),
        (
            "size 4 align 4\na f32[1,1,1,1,1,1,1,1,1] @0\n",
            "expected a field like",
        ),
        ("size 4 align 4\na f32 @0", "not in the canonical form"),
        ("size 4 align 4\r\na f32 @0\n", "not in the canonical form"),
        ("size 4 align 4\na f32 @+0\n", "not in the canonical form"),
        (
            "size 4 align 4\na f32[01] @0\n",
            "not in the canonical form",
        ),
        (
            &format!("size 4 align 4\n{long} f32 @0\n"),
            "expected a field like",
        ),
        (
            &format!("size {max} align 1\na u8[{max}] @0\n"),
            "expected a field like",
        ),
        (
            &format!("size 4 align 4\na f32[{max},{max}] @0\n"),
            "expected a field like",
        ),
        (
            &format!("size 4 align 4\na f32 @{max}\n"),
            "expected a field like",
        ),
        (
            &format!("size 4 align 4\n{}", "\n".repeat(9)),
            "expected a field like",
        ),
        (&"x".repeat(100_000), "a schema has at most"),
    ];
    for (text, message) in cases {
        let error = Schema::parse(text).unwrap_err();
        assert!(
            error.contains(message),
            "{text:?} gives {error:?} and not {message:?}"
        );
        assert!(error.len() < 400, "{error}");
    }
}

#[test]
fn a_record_has_no_more_fields_than_the_text_has_room_for() {
    let fields = |n: usize| -> String { (0..n).map(|i| format!("f{i} u8 @{i}\n")).collect() };
    let text = |n| format!("size {n} align 1\n{}", fields(n));
    assert_eq!(Schema::parse(&text(128)).unwrap().fields().len(), 128);
    assert!(
        Schema::parse(&text(129))
            .unwrap_err()
            .contains("at most 128 fields")
    );
}

/// Whatever a mutation makes of a schema: it is refused, or it is a schema with the same text.
#[test]
fn garbage_does_no_harm() {
    let mut random = Random(2);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..300_000 {
        let mut bytes = match round % 3 {
            0 => random.schema().into_bytes(),
            _ => TRANSITION.as_bytes().to_vec(),
        };
        for _ in 0..1 + random.below(4) {
            random.mutate(&mut bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        match Schema::parse(&text) {
            Ok(schema) => {
                assert_eq!(schema.to_string(), text);
                accepted += 1;
            }
            Err(message) => {
                assert!(!message.is_empty());
                refused += 1;
            }
        }
    }
    assert!(
        accepted > 1_000 && refused > 100_000,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn the_difference_shows_both_schemas_side_by_side() {
    let found = Schema::parse(
        "size 56 align 4\n\
         observation f32[4] @0\n\
         cameras u8[4,3,2] @16\n\
         reward f32 @40\n\
         action i32 @44\n\
         discount f32 @48\n\
         done u8 @52\n\
         _padding u8[3] @53\n",
    )
    .unwrap();
    let expected = Schema::of::<Transition>();
    let table = expected.difference(&found).to_string();
    let lines = [
        "  expected                      | found",
        "! record      56 bytes  align 8 | record      56 bytes  align 4",
        "  observation f32[4]    @0      | observation f32[4]    @0",
        "  cameras     u8[4,3,2] @16     | cameras     u8[4,3,2] @16",
        "! time        u64       @40     |",
        "! reward      f32       @48     | reward      f32       @40",
        "! action      u16       @52     | action      i32       @44",
        "!                               | discount    f32       @48",
        "! done        u8        @54     | done        u8        @52",
        "! _padding    u8[1]     @55     | _padding    u8[3]     @53",
    ];
    assert_eq!(table, lines.join("\n") + "\n");
    assert!(!expected.difference(&expected).to_string().contains('!'));
}

/// Every field of either schema is in the table once, also where the order differs.
#[test]
fn the_difference_leaves_no_field_out() {
    let mut random = Random(3);
    for _ in 0..2_000 {
        let [left, right] = [(); 2].map(|()| Schema::parse(&random.schema()).unwrap());
        let table = left.difference(&right).to_string();
        for (i, schema) in [left, right].iter().enumerate() {
            let half = |line: &str| {
                line[2..]
                    .split(" | ")
                    .nth(i)
                    .unwrap_or("")
                    .trim()
                    .to_owned()
            };
            let names = table.lines().skip(2).map(half);
            let names: Vec<_> = names
                .filter_map(|cells| Some(cells.split(' ').next()?.to_owned()))
                .collect();
            let names: Vec<_> = names
                .iter()
                .filter(|name| !name.is_empty() && *name != "|")
                .collect();
            let fields: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
            assert_eq!(names, fields, "{table}");
        }
    }
}

/// A small source of numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }

    /// The text of some schema, of bytes or of 8-byte numbers.
    fn schema(&mut self) -> String {
        let kinds = [
            ["u8", "i8", "u8[3]", "i8[2,2]"],
            ["f64", "u64", "i64[3]", "f64[1,2]"],
        ];
        let sizes = [[1, 1, 3, 4], [8, 8, 24, 16]];
        let wide = self.below(2);
        let mut fields: Vec<_> = (0..12).map(|i| format!("f{i}")).collect();
        let (mut text, mut end) = (String::new(), 0);
        for _ in 0..1 + self.below(6) {
            let name = fields.swap_remove(self.below(fields.len()));
            let kind = self.below(4);
            text += &format!("{name} {} @{end}\n", kinds[wide][kind]);
            end += sizes[wide][kind];
        }
        format!("size {end} align {}\n{text}", [1, 8][wide])
    }

    /// Changes, inserts, deletes or doubles something.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let likely = b"0123456789 @[],\nuif_size align\xff\0+-";
        let at = self.below(bytes.len().max(1));
        let byte = match self.below(4) {
            0 => self.next() as u8,
            _ => likely[self.below(likely.len())],
        };
        match self.below(5) {
            _ if bytes.is_empty() => bytes.push(byte),
            0 => bytes.insert(at, byte),
            1 => drop(bytes.remove(at)),
            2 => {
                let end = (at + self.below(20)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            3 => bytes.truncate(at),
            _ => bytes[at] = byte,
        }
    }
}
