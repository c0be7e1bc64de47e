//! One value with a lock, which one process has by a type and another by a schema.

use millpond::array::{DynAtomicArray, DynValue};
use millpond::record::Scalar;
use millpond::{
    ArrayOptions, AtomicValue, Error, Record, Schema, SharedArray, SharedValue, ValueOptions,
};

use crate::child::Child;
use crate::damage;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dynamic_values",
    trials: named![
        a_value_is_the_same_with_and_without_its_type,
        a_process_that_dies_with_a_value_leaves_word_of_it,
        other_values_are_refused_with_both_sides,
    ],
    roles: named![setter, half_setter],
    ..Part::EMPTY
};

const NAME: &str = "dynamic/value";

#[derive(Clone, Copy, Record, Debug, PartialEq)]
#[repr(C)]
struct State {
    position: [f64; 3],
    step: u32,
    kind: i16,
    _padding: [u8; 2],
}

fn schema() -> Schema {
    Schema::builder()
        .field("position", Scalar::F64, &[3])
        .field("step", Scalar::U32, &[])
        .field("kind", Scalar::I16, &[])
        .build()
        .unwrap()
}

fn state(step: u32) -> State {
    State {
        position: [f64::from(step) / 3.0, -1.0, f64::from(step).sqrt()],
        step,
        kind: -(step as i16),
        _padding: [0; 2],
    }
}

/// The value, as one process has it.
enum Value {
    Typed(SharedValue<State>),
    Untyped(DynValue),
}

impl Value {
    fn create(typed: bool) -> Self {
        let options = ValueOptions::new();
        match typed {
            true => Self::Typed(SharedValue::create(NAME, options).unwrap()),
            false => Self::Untyped(DynValue::create(NAME, &schema(), options).unwrap()),
        }
    }

    fn open(typed: bool) -> Self {
        match typed {
            true => Self::Typed(SharedValue::open(NAME).unwrap()),
            false => Self::Untyped(DynValue::open(NAME).unwrap()),
        }
    }

    /// Checks that the value is that of `step`, twice, and makes it those of the two steps after.
    fn advance(&self, step: u32) {
        match self {
            Self::Typed(value) => {
                assert_eq!(value.get().unwrap(), state(step));
                value.set(state(step + 1)).unwrap();
                value
                    .update(|value| *value = state(value.step + 1))
                    .unwrap();
            }
            Self::Untyped(value) => {
                // Bytes that begin anywhere.
                let mut bytes = [0; 1 + size_of::<State>()];
                value.get(&mut bytes[1..]).unwrap();
                assert_eq!(bytes[1..], *bytemuck::bytes_of(&state(step)));
                assert_eq!(*value.read().unwrap(), bytes[1..]);
                value.set(bytemuck::bytes_of(&state(step + 1))).unwrap();
                let change = |bytes: &mut [u8]| {
                    assert_eq!(*bytes, *bytemuck::bytes_of(&state(step + 1)));
                    bytes.copy_from_slice(bytemuck::bytes_of(&state(step + 2)));
                    bytes.len()
                };
                assert_eq!(value.update(change).unwrap(), size_of::<State>());
            }
        }
    }
}

/// Advances the value each time that it is told a step. Argument: whether it knows the type.
fn setter() {
    let (orders, value) = (Orders::listen(), Value::open(argument(0)));
    println!("there");
    loop {
        value.advance(orders.next().parse().unwrap());
        println!("advanced");
    }
}

fn a_value_is_the_same_with_and_without_its_type() {
    for typed in [true, false] {
        let value = Value::create(typed);
        let mut child = Child::start("dynamic_values::setter", &[&!typed]);
        child.expect("there");
        if let Value::Typed(value) = &value {
            assert_eq!(DynValue::open(NAME).unwrap().schema(), &schema());
            value.set(state(0)).unwrap();
        } else if let Value::Untyped(value) = &value {
            assert_eq!(*value.write().unwrap(), [0; size_of::<State>()]);
            value.set(bytemuck::bytes_of(&state(0))).unwrap();
        }
        for step in (0..100).step_by(4) {
            value.advance(step);
            child.tell(&(step + 2).to_string());
            child.expect("advanced");
        }
        child.kill();
        millpond::unlink(NAME).unwrap();
    }
}

/// Has the value half changed until it ends. Argument: whether it knows the type.
fn half_setter() {
    let (orders, value) = (Orders::listen(), Value::open(argument(0)));
    let wait = || {
        println!("half");
        orders.next();
    };
    match value {
        Value::Typed(value) => value.update(|value| {
            value.position[0] = 9.0;
            wait();
        }),
        Value::Untyped(value) => value.update(|bytes| {
            bytes[..8].copy_from_slice(&9f64.to_ne_bytes());
            wait();
        }),
    }
    .unwrap();
}

fn a_process_that_dies_with_a_value_leaves_word_of_it() {
    let untyped = DynValue::create(NAME, &schema(), ValueOptions::new()).unwrap();
    let typed = SharedValue::<State>::open(NAME).unwrap();
    let mut bytes = [0; size_of::<State>()];
    for dies_typed in [true, false] {
        let mut child = Child::start("dynamic_values::half_setter", &[&dies_typed]);
        child.expect("half");
        child.kill();
        let unfinished = |result: Result<(), Error>| {
            assert!(matches!(result, Err(Error::Unfinished { name }) if name == NAME));
        };
        bytes.fill(7);
        unfinished(untyped.get(&mut bytes));
        assert_eq!(bytes, [7; size_of::<State>()], "nothing was copied");
        unfinished(typed.get().map(|_| ()));
        unfinished(untyped.update(|_| panic!("it is not called")));
        let read = untyped.read().unwrap();
        assert!(read.is_damaged());
        assert_eq!(read[..8], 9f64.to_ne_bytes());
        drop(read);
        match dies_typed {
            true => untyped.set(bytemuck::bytes_of(&state(5))).unwrap(),
            false => {
                let mut value = untyped.write().unwrap();
                assert!(value.is_damaged());
                value.copy_from_slice(bytemuck::bytes_of(&state(5)));
                value.repaired();
                assert!(!value.is_damaged());
            }
        }
        untyped.get(&mut bytes).unwrap();
        assert_eq!(bytes, *bytemuck::bytes_of(&state(5)));
        assert_eq!(typed.get().unwrap(), state(5));
    }
}

#[track_caller]
fn refuse<R>(result: Result<R, Error>, parts: &[&str]) -> Error {
    let error = result.err().expect("an error");
    damage::assert_says(&error, parts);
    error
}

fn other_values_are_refused_with_both_sides() {
    let _value = Value::create(false);
    let other = Schema::of::<u16>();
    let options = ValueOptions::new();
    for error in [
        refuse(
            SharedValue::<u16>::open(NAME),
            &["value    u16", "position f64"],
        ),
        refuse(
            DynValue::open_or_create(NAME, &other, options),
            &["value    u16", "position f64"],
        ),
    ] {
        assert!(matches!(error, Error::WrongRecord { .. }));
    }
    refuse(DynAtomicArray::open(NAME), &["atomics", "lock"]);
    let _atomic = AtomicValue::<u16>::create("dynamic/atomic", ValueOptions::new()).unwrap();
    refuse(DynValue::open("dynamic/atomic"), &["atomics", "lock"]);
    let _array = SharedArray::<u8>::create("dynamic/array", ArrayOptions::new(37)).unwrap();
    refuse(DynValue::open("dynamic/array"), &["length 37, not 1"]);
}
