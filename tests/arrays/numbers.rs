//! Arrays of atomics and single ones: every kind of number, by its type and without it, beside what the plain number
//! does.

use std::fmt::Debug;
use std::thread;

use millpond::array::{AtomicNumber, DynAtomicArray};
use millpond::record::Number;
use millpond::{ArrayOptions, AtomicArray, AtomicValue, Error, ValueOptions};
use proptest::prelude::*;

/// One operation on one element.
#[derive(Clone, Copy, Debug)]
enum Act<T> {
    Load,
    Store(T),
    Swap(T),
    Exchange(T, T),
    Add(T),
    Subtract(T),
    Min(T),
    Max(T),
}

fn acts<T: Debug + Copy + 'static>(
    number: impl Strategy<Value = T> + Clone + 'static,
) -> BoxedStrategy<Vec<(usize, Act<T>)>> {
    let n = || number.clone();
    let act = prop_oneof![
        Just(Act::Load),
        n().prop_map(Act::Store),
        n().prop_map(Act::Swap),
        (n(), n()).prop_map(|(current, new)| Act::Exchange(current, new)),
        n().prop_map(Act::Add),
        n().prop_map(Act::Subtract),
        n().prop_map(Act::Min),
        n().prop_map(Act::Max),
    ];
    proptest::collection::vec((0..LENGTH, act), 1..60).boxed()
}

const LENGTH: usize = 5;

/// What the plain numbers do, where numbers differ.
struct Plain<T> {
    add: fn(T, T) -> T,
    subtract: fn(T, T) -> T,
    /// Whether these are the same, bit by bit.
    same: fn(T, T) -> bool,
}

/// A number that is a [`Number`], too.
trait AnyNumber: AtomicNumber + Debug + Into<Number> + TryFrom<Number, Error = Error> {}

impl<T: AtomicNumber + Debug + Into<Number> + TryFrom<Number, Error = Error>> AnyNumber for T {}

/// Does with an array whose type is known at run time what `act` says.
fn by_number<T: AnyNumber>(
    array: &DynAtomicArray,
    at: usize,
    act: Act<T>,
) -> Result<Number, Error> {
    match act {
        Act::Load => array.load(at),
        Act::Store(new) => {
            let before = array.load(at)?;
            array.store(at, new.into())?;
            Ok(before)
        }
        Act::Swap(new) => array.swap(at, new.into()),
        Act::Exchange(current, new) => {
            let exchanged = array.compare_exchange(at, current.into(), new.into())?;
            Ok(exchanged.unwrap_or_else(|found| found))
        }
        Act::Add(more) => array.fetch_add(at, more.into()),
        Act::Subtract(less) => array.fetch_sub(at, less.into()),
        Act::Min(limit) => array.fetch_min(at, limit.into()),
        Act::Max(limit) => array.fetch_max(at, limit.into()),
    }
}

fn follow<T: AnyNumber>(acts: &[(usize, Act<T>)], zero: T, plain: &Plain<T>) {
    let array = AtomicArray::<T>::anonymous(ArrayOptions::new(LENGTH)).unwrap();
    let scalar = zero.into().scalar();
    let untyped = DynAtomicArray::anonymous(scalar, ArrayOptions::new(LENGTH)).unwrap();
    let mut model = [zero; LENGTH];
    let check = |found: T, expected: T| {
        assert!((plain.same)(found, expected), "{found:?}, not {expected:?}");
    };
    for &(at, act) in acts {
        let (atom, number) = (&array[at], &mut model[at]);
        let before = *number;
        let found = match act {
            Act::Load => atom.load(),
            Act::Store(new) => {
                atom.store(new);
                *number = new;
                before
            }
            Act::Swap(new) => {
                *number = new;
                atom.swap(new)
            }
            Act::Exchange(current, new) => {
                let is_current = (plain.same)(before, current);
                let exchanged = atom.compare_exchange(current, new);
                assert_eq!(exchanged.is_ok(), is_current);
                *number = if is_current { new } else { before };
                exchanged.unwrap_or_else(|found| found)
            }
            Act::Add(more) => {
                *number = (plain.add)(before, more);
                atom.fetch_add(more)
            }
            Act::Subtract(less) => {
                *number = (plain.subtract)(before, less);
                atom.fetch_sub(less)
            }
            Act::Min(limit) => {
                *number = if before > limit { limit } else { before };
                atom.fetch_min(limit)
            }
            Act::Max(limit) => {
                *number = if before < limit { limit } else { before };
                atom.fetch_max(limit)
            }
        };
        check(found, before);
        let found = by_number(&untyped, at, act).unwrap();
        check(found.try_into().unwrap(), before);
    }
    for (at, (atom, expected)) in array.iter().zip(model).enumerate() {
        check(atom.load(), expected);
        check(untyped.load(at).unwrap().try_into().unwrap(), expected);
    }
}

macro_rules! integers {
    ($($number:ident),*) => {
        proptest! {
            $(
                #[test]
                fn $number(acts in acts(prop_oneof![any::<$number>(), 0..3 as $number])) {
                    let plain = Plain {
                        add: $number::wrapping_add,
                        subtract: $number::wrapping_sub,
                        same: |a, b| a == b,
                    };
                    follow(&acts, 0, &plain);
                }
            )*
        }
    };
}

macro_rules! floats {
    ($($number:ident),*) => {
        proptest! {
            $(
                #[test]
                fn $number(acts in acts(prop_oneof![any::<$number>(), Just($number::NAN), Just(0.0), Just(-0.0)])) {
                    let plain = Plain {
                        add: |a, b| a + b,
                        subtract: |a, b| a - b,
                        // Which NaN comes out of a sum, nobody promises.
                        same: |a: $number, b: $number| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
                    };
                    let acts: Vec<_> = acts.into_iter().filter(|(_, act)| !is_exchange_of_nan(act)).collect();
                    follow(&acts, 0.0, &plain);
                }
            )*
        }
    };
}

fn is_exchange_of_nan<T: PartialOrd>(act: &Act<T>) -> bool {
    matches!(act, Act::Exchange(current, _) if current.partial_cmp(current).is_none())
}

mod atomics_do_what_plain_numbers_do {
    use super::*;
    integers!(u8, u16, u32, u64, i8, i16, i32, i64);
    floats!(f32, f64);
}

#[test]
fn no_addition_of_any_thread_is_lost() {
    let sums = AtomicArray::<f64>::anonymous(ArrayOptions::new(2)).unwrap();
    let count = AtomicValue::<u8>::anonymous(ValueOptions::new()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    sums[1].fetch_add(0.5);
                    count.fetch_sub(1);
                }
            });
        }
    });
    assert_eq!(sums[1].load(), 20_000.0);
    assert_eq!(count.load(), 0u8.wrapping_sub((40_000 % 256) as u8));
    assert_eq!(format!("{:?}", &*sums), "[0.0, 20000.0]");
}

#[test]
fn a_nan_is_exchanged_by_its_bits_and_zero_has_a_sign() {
    let value = AtomicValue::<f32>::anonymous(ValueOptions::new()).unwrap();
    assert_eq!(value.compare_exchange(-0.0, 1.0), Err(0.0));
    value.store(f32::NAN);
    assert!(value.compare_exchange(f32::NAN, 2.0).is_ok());
    assert_eq!(value.load(), 2.0);
}

#[test]
#[should_panic(expected = "index out of bounds: the len is 3 but the index is 3")]
fn an_index_outside_panics_as_in_a_slice() {
    let array = AtomicArray::<u64>::anonymous(ArrayOptions::new(3)).unwrap();
    array[3].load();
}
