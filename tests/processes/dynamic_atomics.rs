//! One array of atomics and one atomic value, of each type of number, which one process has by the type and another
//! without.

use std::fmt::Debug;

use millpond::array::{AtomicNumber, DynAtomicArray, DynAtomicValue, DynValue};
use millpond::record::{Number, Scalar};
use millpond::{ArrayOptions, AtomicArray, AtomicValue, Error, Schema, ValueOptions};

use crate::child::Child;
use crate::damage;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dynamic_atomics",
    trials: named![
        atomics_are_the_same_with_and_without_their_type,
        no_addition_is_lost_whether_or_not_the_type_is_known,
        other_types_are_refused_with_both_sides,
        atomics_that_are_not_one_number_are_damaged,
    ],
    roles: named![changer, adder],
    ..Part::EMPTY
};

const ARRAY: &str = "dynamic/atomics";
const VALUE: &str = "dynamic/counter";
const LENGTH: usize = 37;
const ROUNDS: usize = 8;
/// So many that both processes are at it at once.
const ADDITIONS: u32 = 200_000;

/// A type of number.
trait Sample: AtomicNumber + Debug + Into<Number> {
    /// Some numbers, of which two no other type has.
    const SOME: [Self; 4];
    const ONE: Self;

    /// As many ones, added up.
    fn ones(count: u32) -> Self;
}

macro_rules! samples {
    ($($number:ident),*) => {$(
        impl Sample for $number {
            const SOME: [Self; 4] = [$number::MIN, $number::MAX, 1 as $number, 93 as $number];
            const ONE: Self = 1 as $number;

            fn ones(count: u32) -> Self {
                count as $number
            }
        }
    )*};
}

samples!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

/// Calls a function with the type that a [`Scalar`] stands for.
macro_rules! with_type {
    ($scalar:expr, $function:ident) => {
        match $scalar {
            Scalar::U8 => $function::<u8>,
            Scalar::U16 => $function::<u16>,
            Scalar::U32 => $function::<u32>,
            Scalar::U64 => $function::<u64>,
            Scalar::I8 => $function::<i8>,
            Scalar::I16 => $function::<i16>,
            Scalar::I32 => $function::<i32>,
            Scalar::I64 => $function::<i64>,
            Scalar::F32 => $function::<f32>,
            Scalar::F64 => $function::<f64>,
        }
    };
}

fn scalar_argument() -> Scalar {
    Scalar::from_name(&argument::<String>(1)).expect("a type of number")
}

/// An array and a value of atomics, as one process has them.
enum Atomics<T: AtomicNumber> {
    Typed(AtomicArray<T>, AtomicValue<T>),
    Untyped(DynAtomicArray, DynAtomicValue),
}

impl<T: Sample> Atomics<T> {
    fn create(typed: bool) -> Self {
        let (array, value) = (ArrayOptions::new(LENGTH), ValueOptions::new());
        let scalar = T::ONE.into().scalar();
        match typed {
            true => Self::Typed(
                AtomicArray::create(ARRAY, array).unwrap(),
                AtomicValue::create(VALUE, value).unwrap(),
            ),
            false => Self::Untyped(
                DynAtomicArray::create(ARRAY, scalar, array).unwrap(),
                DynAtomicValue::create(VALUE, scalar, value).unwrap(),
            ),
        }
    }

    fn open(typed: bool) -> Self {
        match typed {
            true => Self::Typed(
                AtomicArray::open(ARRAY).unwrap(),
                AtomicValue::open(VALUE).unwrap(),
            ),
            false => {
                let array = DynAtomicArray::open(ARRAY).unwrap();
                let value = DynAtomicValue::open(VALUE).unwrap();
                let expected = T::ONE.into().scalar();
                assert_eq!((array.scalar(), value.scalar()), (expected, expected));
                assert_eq!(array.schema(), &Schema::of::<T>());
                Self::Untyped(array, value)
            }
        }
    }

    /// Replaces every number, and the value, by `new`, and checks that it was `old`.
    fn replace(&self, old: impl Fn(usize) -> T, new: impl Fn(usize) -> T) {
        match self {
            Self::Typed(array, value) => {
                for (index, atom) in array.iter().enumerate() {
                    assert_eq!(atom.load(), old(index));
                    atom.store(new(index));
                }
                assert_eq!(value.swap(new(LENGTH)), old(LENGTH));
            }
            Self::Untyped(array, value) => {
                for index in 0..LENGTH {
                    assert_eq!(array.load(index).unwrap(), old(index).into());
                    array.store(index, new(index).into()).unwrap();
                }
                assert_eq!(value.swap(new(LENGTH).into()).unwrap(), old(LENGTH).into());
                assert_eq!(value.load(), new(LENGTH).into());
                let mut bytes = vec![0; LENGTH * size_of::<T>()];
                array.load_range(0..LENGTH, &mut bytes).unwrap();
                let numbers: Vec<T> = (0..LENGTH).map(new).collect();
                assert_eq!(bytes, bytemuck::cast_slice::<_, u8>(&numbers));
            }
        }
    }

    /// Makes the numbers of a round those of the next.
    fn advance(&self, round: usize) {
        let number = |round: usize| move |index| T::SOME[(round + index) % 4];
        self.replace(number(round), number(round + 1));
    }
}

/// Advances the atomics each time that it is told a round. Arguments: whether it knows the type; the type.
fn changer() {
    with_type!(scalar_argument(), change)();
}

fn change<T: Sample>() {
    let (orders, atomics) = (Orders::listen(), Atomics::<T>::open(argument(0)));
    println!("there");
    loop {
        atomics.advance(orders.next().parse().unwrap());
        println!("advanced");
    }
}

fn atomics_are_the_same_with_and_without_their_type() {
    for scalar in Scalar::ALL {
        with_type!(scalar, take_turns)(scalar);
    }
}

fn take_turns<T: Sample>(scalar: Scalar) {
    for typed in [true, false] {
        let atomics = Atomics::<T>::create(typed);
        atomics.replace(|_| T::ones(0), |index| T::SOME[index % 4]);
        let mut child = Child::start("dynamic_atomics::changer", &[&!typed, &scalar]);
        child.expect("there");
        for round in (0..ROUNDS).step_by(2) {
            atomics.advance(round);
            child.tell(&(round + 1).to_string());
            child.expect("advanced");
        }
        child.kill();
        millpond::unlink_all("dynamic").unwrap();
    }
}

/// Adds ones to an element and to the value. Arguments: whether it knows the type; the type.
fn adder() {
    with_type!(scalar_argument(), add)();
}

fn add<T: Sample>() {
    let (orders, atomics) = (Orders::listen(), Atomics::<T>::open(argument(0)));
    println!("there");
    orders.next();
    for _ in 0..ADDITIONS {
        match &atomics {
            Atomics::Typed(array, value) => {
                array[1].fetch_add(T::ONE);
                value.fetch_add(T::ONE);
            }
            Atomics::Untyped(array, value) => {
                array.fetch_add(1, T::ONE.into()).unwrap();
                value.fetch_add(T::ONE.into()).unwrap();
            }
        }
    }
}

fn no_addition_is_lost_whether_or_not_the_type_is_known() {
    for scalar in Scalar::ALL {
        with_type!(scalar, add_together)(scalar);
    }
}

fn add_together<T: Sample>(scalar: Scalar) {
    let atomics = Atomics::<T>::create(true);
    let mut children = [true, false].map(|typed| {
        let mut child = Child::start("dynamic_atomics::adder", &[&typed, &scalar]);
        child.expect("there");
        child
    });
    children.iter_mut().for_each(|child| child.tell("add"));
    children.into_iter().for_each(|child| drop(child.ended()));
    let sum = T::ones(2 * ADDITIONS);
    let sums = |index| match index {
        1 | LENGTH => sum,
        _ => T::ones(0),
    };
    atomics.replace(sums, sums);
    millpond::unlink_all("dynamic").unwrap();
}

#[track_caller]
fn refuse<R>(result: Result<R, Error>, parts: &[&str]) -> Error {
    let error = result.err().expect("an error");
    damage::assert_says(&error, parts);
    error
}

fn other_types_are_refused_with_both_sides() {
    let _untyped = Atomics::<i16>::create(false);
    for error in [
        refuse(
            AtomicArray::<u16>::open(ARRAY),
            &["value  u16", "value  i16"],
        ),
        refuse(
            AtomicValue::<f64>::open(VALUE),
            &["value  f64", "value  i16"],
        ),
        refuse(
            DynAtomicArray::open_or_create(ARRAY, Scalar::F32, ArrayOptions::new(LENGTH)),
            &["value  f32", "value  i16"],
        ),
        refuse(
            DynAtomicValue::open_or_create(VALUE, Scalar::I64, ValueOptions::new()),
            &["value  i64", "value  i16"],
        ),
    ] {
        assert!(matches!(error, Error::WrongRecord { .. }));
    }
    refuse(DynAtomicValue::open(ARRAY), &["length 37, not 1"]);
    refuse(DynValue::open(VALUE), &["atomics", "lock"]);
}

fn atomics_that_are_not_one_number_are_damaged() {
    drop(AtomicArray::<u64>::create(damage::NAME, ArrayOptions::new(3)).unwrap());
    let mut image = damage::take_image();
    // A struct of one field, which is named otherwise.
    let at = image
        .windows(6)
        .position(|bytes| bytes == b"value ")
        .unwrap();
    image[at..at + 5].copy_from_slice(b"valve");
    damage::forge_checksum(&mut image);
    std::fs::write(damage::path(), &image).unwrap();
    for error in [
        refuse(DynAtomicArray::open(damage::NAME), &["not one number"]),
        refuse(DynAtomicValue::open(damage::NAME), &["not one number"]),
    ] {
        assert!(matches!(error, Error::Damaged { .. }));
    }
}
