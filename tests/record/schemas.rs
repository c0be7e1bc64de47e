//! A schema that is made at run time is the one of the derived type with the same fields.

use millpond::record::{Field, Scalar, SchemaBuilder};
use millpond::{Error, Record, Schema};

/// Derives a type of these fields, and builds a schema of those that are not padding.
macro_rules! assert_same {
    ($($(#[$padding:ident])? $field:ident: $scalar:ident $shape:expr => $type:ty),* $(,)?) => {{
        #[derive(Clone, Copy, Record)]
        #[repr(C)]
        #[allow(dead_code, non_snake_case)]
        struct Derived { $($field: $type),* }

        let builder = Schema::builder();
        $(assert_same!(@ $($padding)? builder $field $scalar $shape);)*
        let built = builder.build().unwrap();
        assert_eq!(built, Schema::of::<Derived>(), "{}", built.difference(&Schema::of::<Derived>()));
        assert_eq!(Schema::parse(&built.to_string()), Ok(built));
    }};
    (@ padding $builder:ident $field:ident $scalar:ident $shape:expr) => {};
    (@ $builder:ident $field:ident $scalar:ident $shape:expr) => {
        let $builder = $builder.field(stringify!($field), Scalar::$scalar, &$shape);
    };
}

#[test]
fn every_scalar_alone_and_after_a_byte_lies_as_in_a_derived_type() {
    macro_rules! each {
        ($($scalar:ident $type:ident $gap:literal),*) => {$(
            assert_same!(one: $scalar [] => $type);
            assert_same!(many: $scalar [3, 2] => [[$type; 2]; 3]);
            assert_same!(
                byte: U8 [] => u8,
                #[padding] _padding: U8 [$gap] => [u8; $gap],
                number: $scalar [] => $type,
                last: U8 [] => u8,
                #[padding] _padding2: U8 [$gap] => [u8; $gap],
            );
            assert_eq!(Schema::of_numbers(Scalar::$scalar, &[]).unwrap(), Schema::of::<$type>());
            assert_eq!(Schema::of::<$type>().as_number(), Some(Scalar::$scalar));
            assert_eq!(Schema::of::<[$type; 1]>().as_number(), None);
        )*};
    }
    each!(U16 u16 1, U32 u32 3, U64 u64 7, I16 i16 1, I32 i32 3, I64 i64 7, F32 f32 3, F64 f64 7);
    assert_same!(one: U8 [] => u8, two: I8 [2, 5] => [[i8; 5]; 2], three: U8 [1] => [u8; 1]);
    assert_eq!(
        Schema::of_numbers(Scalar::U8, &[]).unwrap(),
        Schema::of::<u8>()
    );
    assert_eq!(
        Schema::of_numbers(Scalar::I8, &[7]).unwrap(),
        Schema::of::<[i8; 7]>()
    );
}

#[test]
fn arrays_of_every_rank_lie_as_in_a_derived_type() {
    type Deepest = [[[[[[[[u16; 2]; 1]; 3]; 1]; 1]; 2]; 1]; 1];
    assert_same!(rank8: U16 [1, 1, 2, 1, 1, 3, 1, 2] => Deepest);
    assert_same!(
        rank1: F32 [4] => [f32; 4],
        rank2: F32 [84, 84] => [[f32; 84]; 84],
        rank3: U8 [3, 5, 7] => [[[u8; 7]; 5]; 3],
        #[padding] _padding: U8 [7] => [u8; 7],
        rank4: I64 [1, 2, 3, 4] => [[[[i64; 4]; 3]; 2]; 1],
        rank5: U16 [1, 1, 1, 1, 1] => [[[[[u16; 1]; 1]; 1]; 1]; 1],
        #[padding] _padding2: U8 [6] => [u8; 6],
    );
}

#[test]
fn fields_of_padding_take_names_that_are_free() {
    assert_same!(
        _padding: U8 [] => u8,
        #[padding] _padding3: U8 [1] => [u8; 1],
        _padding2: I16 [] => i16,
        #[padding] _padding4: U8 [4] => [u8; 4],
        wide: U64 [] => u64,
        _padding5: U8 [] => u8,
        #[padding] _padding6: U8 [3] => [u8; 3],
        number: F32 [] => f32,
    );
}

/// A program may know a layout with its padding, as a Rust type has it.
#[test]
fn padding_that_is_given_is_taken() {
    assert_same!(
        reward: F32 [] => f32,
        done: U8 [] => u8,
        _padding: U8 [3] => [u8; 3],
    );
}

#[test]
fn a_name_may_have_parts_with_dots() {
    let schema = Schema::builder()
        .field("observation.image", Scalar::U8, &[2])
        .field("observation.state.0", Scalar::F32, &[])
        .build()
        .unwrap();
    let text = "size 8 align 4\nobservation.image u8[2] @0\n_padding u8[2] @2\nobservation.state.0 f32 @4\n";
    assert_eq!(schema.to_string(), text);
    assert_eq!(Schema::parse(text), Ok(schema));
}

#[test]
fn as_many_fields_as_there_can_be() {
    let fields = |count: usize| {
        (0..count).fold(Schema::builder(), |builder, number| {
            builder.field(format!("field{number}"), Scalar::U64, &[])
        })
    };
    let schema = fields(128).build().unwrap();
    assert_eq!((schema.size(), schema.fields().len()), (1024, 128));
    assert_eq!(Schema::parse(&schema.to_string()), Ok(schema));
    refused(&fields(129), &["129", "1 to 128", "arrays"]);
    // The padding at the end is a field, too.
    refused(&fields(127).field("last", Scalar::U8, &[]), &["129"]);
}

#[track_caller]
fn refused(builder: &SchemaBuilder, parts: &[&str]) {
    let error = builder.build().unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { .. }));
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{text}: {part} is missing");
    }
}

#[test]
fn fields_that_cannot_be_are_errors_that_say_what_can() {
    let field = |name: &str, scalar, shape: &[usize]| Schema::builder().field(name, scalar, shape);
    refused(&Schema::builder(), &["is 0", "1 to 128"]);
    for name in [
        "",
        "7",
        "a b",
        "größe",
        ".a",
        "a.",
        "a..b",
        "a\nb",
        &"n".repeat(65),
    ] {
        let shown = format!("{name:?}");
        refused(
            &field(name, Scalar::U8, &[]),
            &["the name of a field", &shown, "1 to 64"],
        );
    }
    let twice = field("x", Scalar::U8, &[]).field("x", Scalar::U16, &[2]);
    refused(&twice, &["\"x\"", "another field", "different"]);
    refused(
        &field("x", Scalar::U8, &[2, 0, 3]),
        &["[2, 0, 3]", "`x`", "1 or more"],
    );
    refused(&field("x", Scalar::U8, &[1; 9]), &["9", "`x`", "at most 8"]);
    let huge = usize::MAX / 2;
    for shape in [&[huge][..], &[huge, huge], &[1 << 62, 4]] {
        refused(
            &field("x", Scalar::F64, shape),
            &["size of a record", "`x`", "at most"],
        );
    }
    let two_halves = field("x", Scalar::U8, &[huge / 2]).field("y", Scalar::U8, &[huge]);
    refused(&two_halves, &["size of a record", "`y`"]);
    assert!(Field::new("x", Scalar::U64, &[], usize::MAX - 8).is_err());
}
