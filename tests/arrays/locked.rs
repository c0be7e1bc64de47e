//! Arrays and values with a lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millpond::{ArrayOptions, Error, Record, SharedArray, SharedValue, ValueOptions};

use crate::panicking;

#[derive(Clone, Copy, Debug, PartialEq, Record)]
#[repr(C)]
struct Point {
    place: [f64; 3],
    number: u32,
    kind: u16,
    _padding: [u8; 2],
}

#[test]
fn elements_are_zero_and_then_what_was_written() {
    let array = SharedArray::<Point>::anonymous(ArrayOptions::new(1000)).unwrap();
    assert_eq!(array.len(), 1000);
    assert!(array.read().unwrap().iter().all(|point| point.number == 0));
    let mut points = array.write().unwrap();
    for (number, point) in (0..).zip(points.iter_mut()) {
        point.number = number;
        point.place[1] = f64::from(number) / 2.0;
    }
    drop(points);
    let points = array.read().unwrap();
    assert_eq!(points[999].place, [0.0, 499.5, 0.0]);
    // Any number of readers, also of one thread.
    let again = array.clone();
    assert_eq!(*again.read().unwrap(), *points);
}

#[test]
fn readers_never_see_half_of_a_write() {
    const LENGTH: usize = 64;
    const WRITES: u64 = 20_000;
    let array = SharedArray::<u64>::anonymous(ArrayOptions::new(LENGTH)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let write = || {
            for _ in 0..WRITES {
                let mut elements = array.write().unwrap();
                elements.iter_mut().for_each(|element| *element += 1);
            }
        };
        let writers = [(); 2].map(|()| scope.spawn(write));
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let elements = array.read().unwrap();
                    assert_eq!(*elements, [elements[0]; LENGTH]);
                    assert!(elements[0] >= last);
                    last = elements[0];
                }
            });
        }
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(array.read().unwrap()[..2], [2 * WRITES; 2]);
}

#[test]
fn a_panic_of_a_writer_is_said_until_somebody_repairs() {
    let array = SharedArray::<u32>::anonymous(ArrayOptions::new(4)).unwrap();
    panicking(|| {
        let _unharmed = array.read().unwrap();
    });
    assert!(
        !array.read().unwrap().is_damaged(),
        "a reader changes nothing"
    );
    panicking(|| {
        let mut elements = array.write().unwrap();
        elements[0] = 1;
        std::panic::resume_unwind(Box::new("half way"));
    });
    for _ in 0..2 {
        let elements = array.read().unwrap();
        assert!(elements.is_damaged());
        assert_eq!(elements[0], 1);
        drop(elements);
        assert!(array.write().unwrap().is_damaged(), "not repaired yet");
    }
    let mut elements = array.write().unwrap();
    elements.fill(7);
    elements.repaired();
    assert!(!elements.is_damaged());
    drop(elements);
    assert!(!array.read().unwrap().is_damaged());
    assert!(!array.write().unwrap().is_damaged());
    assert_eq!(*array.read().unwrap(), [7; 4]);
}

/// Who is repairing, and panics in that, leaves damage too.
#[test]
fn a_panic_after_a_repair_is_damage_again() {
    let array = SharedArray::<u32>::anonymous(ArrayOptions::new(4)).unwrap();
    for _ in 0..3 {
        panicking(|| {
            let mut elements = array.write().unwrap();
            elements.repaired();
            std::panic::resume_unwind(Box::new("again"));
        });
        assert!(array.read().unwrap().is_damaged());
    }
}

#[test]
fn a_value_is_counted_by_threads_and_none_is_lost() {
    let value = SharedValue::<[u64; 2]>::anonymous(ValueOptions::new()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    value
                        .update(|pair| {
                            pair[0] += 1;
                            pair[1] += 2;
                        })
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(value.get().unwrap(), [20_000, 40_000]);
    value.set([1, 2]).unwrap();
    assert_eq!(*value.read().unwrap(), [1, 2]);
}

#[test]
fn an_unfinished_value_is_an_error_until_it_is_set() {
    let value = SharedValue::<u64>::anonymous(ValueOptions::new()).unwrap();
    value.set(3).unwrap();
    panicking(|| {
        let _: millpond::Result<()> =
            value.update(|_| std::panic::resume_unwind(Box::new("half way")));
    });
    assert!(matches!(value.get(), Err(Error::Unfinished { .. })));
    assert!(matches!(
        value.update(|v| *v += 1),
        Err(Error::Unfinished { .. })
    ));
    let read = value.read().unwrap();
    assert!(read.is_damaged());
    assert_eq!(*read, 3, "to be looked at all the same");
    drop(read);
    value.set(4).unwrap();
    assert_eq!(value.get().unwrap(), 4);
    assert_eq!(value.update(|v| *v * 2).unwrap(), 8);
}
