//! Arrays and values without their types, in one process: what they refuse, and that nothing is changed then.

use std::time::Duration;

use millpond::array::{DynArray, DynAtomicArray, DynAtomicValue, DynChunkedArray, DynValue};
use millpond::record::{Number, Scalar};
use millpond::{ArrayOptions, Error, Schema, ValueOptions};

use crate::{panicking, refuse};

fn schema() -> Schema {
    Schema::of_numbers(Scalar::U16, &[3]).unwrap()
}

#[track_caller]
fn refuse_argument<T>(result: millpond::Result<T>, parts: &[&str]) {
    let error = refuse(result, parts);
    assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
}

#[test]
fn a_value_takes_and_gives_as_many_bytes_as_it_has() {
    let value = DynValue::anonymous(&schema(), ValueOptions::new()).unwrap();
    value.set(&[1, 2, 3, 4, 5, 6]).unwrap();
    for len in [0, 5, 7] {
        let lengths = [&*format!("is {len} bytes"), "must be 6 bytes"];
        let mut bytes = vec![9; len];
        refuse_argument(value.get(&mut bytes), &lengths);
        assert_eq!(bytes, vec![9; len]);
        refuse_argument(value.set(&bytes), &lengths);
    }
    let mut bytes = [0; 6];
    value.get(&mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 3, 4, 5, 6]);
    assert_eq!(value.schema(), &schema());
    assert_eq!(value.name(), None);
    assert_eq!(value.participants().unwrap().len(), 1);
    assert!(format!("{value:?}").starts_with("DynValue"));
}

#[test]
fn a_value_that_a_panic_left_is_unfinished_until_it_is_set_or_repaired() {
    let value = DynValue::anonymous(&schema(), ValueOptions::new()).unwrap();
    let unfinished = || {
        assert!(matches!(
            value.get(&mut [0; 6]),
            Err(Error::Unfinished { .. })
        ));
        assert!(matches!(
            value.update(|_| ()),
            Err(Error::Unfinished { .. })
        ));
    };
    panicking(|| {
        value
            .update(|bytes| std::panic::resume_unwind(Box::new(bytes[0])))
            .unwrap()
    });
    unfinished();
    value.set(&[1; 6]).unwrap();
    value.get(&mut [0; 6]).unwrap();
    // A guard that goes to another thread, which panics.
    let guard = value.write().unwrap();
    panicking(|| {
        let mut guard = guard;
        guard[0] = 9;
        std::panic::resume_unwind(Box::new("half way"));
    });
    unfinished();
    assert_eq!(value.read().unwrap()[..2], [9, 1]);
    value.write().unwrap().repaired();
    assert_eq!(value.update(|bytes| bytes[0]).unwrap(), 9);
}

#[test]
fn a_number_of_another_type_is_refused_by_every_operation() {
    let array = DynAtomicArray::anonymous(Scalar::I16, ArrayOptions::new(4)).unwrap();
    let value = DynAtomicValue::anonymous(Scalar::I16, ValueOptions::new()).unwrap();
    let (right, wrong) = (Number::I16(7), Number::U16(8));
    let types = ["the number is 8, of type u16", "must be of type i16"];
    array.store(1, right).unwrap();
    value.store(right).unwrap();
    refuse_argument(array.store(1, wrong), &types);
    refuse_argument(array.compare_exchange(1, wrong, right), &types);
    refuse_argument(array.compare_exchange(1, right, wrong), &types);
    refuse_argument(value.store(wrong), &types);
    refuse_argument(value.compare_exchange(right, wrong), &types);
    let of_array = [
        DynAtomicArray::swap,
        DynAtomicArray::fetch_add,
        DynAtomicArray::fetch_sub,
        DynAtomicArray::fetch_min,
        DynAtomicArray::fetch_max,
    ];
    let of_value = [
        DynAtomicValue::swap,
        DynAtomicValue::fetch_add,
        DynAtomicValue::fetch_sub,
        DynAtomicValue::fetch_min,
        DynAtomicValue::fetch_max,
    ];
    for (of_array, of_value) in of_array.into_iter().zip(of_value) {
        refuse_argument(of_array(&array, 1, wrong), &types);
        refuse_argument(of_value(&value, wrong), &types);
        assert_eq!(array.load(1).unwrap(), right);
        assert_eq!(value.load(), right);
        // The same with the right type.
        let (one, before) = (Number::I16(1), right);
        assert_eq!(of_array(&array, 1, one).unwrap(), before);
        assert_eq!(of_value(&value, one).unwrap(), before);
        assert_eq!(array.swap(1, right).unwrap(), value.swap(right).unwrap());
    }
    assert_eq!(
        value.compare_exchange(right, Number::I16(9)).unwrap(),
        Ok(right)
    );
    assert_eq!(
        value.compare_exchange(right, right).unwrap(),
        Err(Number::I16(9))
    );
}

#[test]
fn an_index_outside_is_refused_by_every_operation() {
    let array = DynAtomicArray::anonymous(Scalar::F64, ArrayOptions::new(4)).unwrap();
    let number = Number::F64(1.0);
    for index in [4, usize::MAX] {
        let expected = [&*format!("the index is {index}"), "less than the length, 4"];
        refuse_argument(array.load(index), &expected);
        refuse_argument(array.store(index, number), &expected);
        refuse_argument(array.swap(index, number), &expected);
        refuse_argument(array.compare_exchange(index, number, number), &expected);
        refuse_argument(array.fetch_add(index, number), &expected);
        refuse_argument(array.fetch_sub(index, number), &expected);
        refuse_argument(array.fetch_min(index, number), &expected);
        refuse_argument(array.fetch_max(index, number), &expected);
    }
    array.store(3, number).unwrap();
}

#[test]
fn ranges_of_numbers_go_to_bytes_and_back() {
    for scalar in Scalar::ALL {
        let array = DynAtomicArray::anonymous(scalar, ArrayOptions::new(5)).unwrap();
        let size = scalar.size();
        let bytes: Vec<u8> = (1..=2 * size as u8).collect();
        // Bytes that begin anywhere.
        let mut all = vec![9; 1 + 5 * size];
        array.store_range(2..4, &bytes).unwrap();
        array.load_range(0..5, &mut all[1..]).unwrap();
        assert_eq!(all[1..][..2 * size], vec![0; 2 * size]);
        assert_eq!(all[1..][2 * size..4 * size], bytes);
        assert_eq!(all[1..][4 * size..], vec![0; size]);
        array.store_range(5..5, &[]).unwrap();
        assert_eq!(array.scalar(), scalar);
    }
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "a mistake, on purpose")]
fn ranges_outside_and_other_lengths_are_refused() {
    let array = DynAtomicArray::anonymous(Scalar::U32, ArrayOptions::new(5)).unwrap();
    for outside in [0..6, 5..6, 6..6, 4..3, 1..usize::MAX] {
        let expected = [&*format!("the range is {outside:?}"), "a part of 0..5"];
        refuse_argument(array.load_range(outside.clone(), &mut [0; 4]), &expected);
        refuse_argument(array.store_range(outside, &[1; 4]), &expected);
    }
    for len in [0, 7, 9] {
        let found = format!("is {len} bytes");
        let expected = [&*found, "must be 8 bytes, as 2 numbers of type u32 have"];
        refuse_argument(array.load_range(1..3, &mut vec![0; len]), &expected);
        refuse_argument(array.store_range(1..3, &vec![1; len]), &expected);
    }
    let mut all = [9; 20];
    array.load_range(0..5, &mut all).unwrap();
    assert_eq!(all, [0; 20], "nothing was written");
}

#[test]
fn options_that_cannot_be_are_refused_without_a_type() {
    let none = || ArrayOptions::new(0);
    refuse_argument(DynArray::anonymous(&schema(), none()), &["1 or more"]);
    refuse_argument(
        DynAtomicArray::anonymous(Scalar::U8, none()),
        &["1 or more"],
    );
    let huge = ArrayOptions::new(usize::MAX);
    refuse_argument(
        DynAtomicArray::anonymous(Scalar::U64, huge),
        &["larger than the address space"],
    );
}

#[test]
fn what_owns_its_handle_shows_what_it_is() {
    let array = DynArray::anonymous(&schema(), ArrayOptions::new(2)).unwrap();
    let shown = format!("{:?}", array.read().unwrap());
    assert_eq!(shown, "DynArrayReadGuard { is_damaged: false, .. }");
    let shown = format!("{:?}", array.write().unwrap());
    assert_eq!(shown, "DynArrayWriteGuard { is_damaged: false, .. }");
    let chunked = DynChunkedArray::anonymous(&schema(), ArrayOptions::new(2)).unwrap();
    let chunk = chunked.take(0..2, Duration::ZERO).unwrap();
    assert_eq!(
        format!("{chunk:?}"),
        "DynChunk { range: 0..2, was_left: false, .. }"
    );
    let atomics = DynAtomicArray::anonymous(Scalar::U8, ArrayOptions::new(2)).unwrap();
    assert!(format!("{atomics:?}").starts_with("DynAtomicArray"));
}
