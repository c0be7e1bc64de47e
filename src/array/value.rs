//! A value of a type: an array of one element, with a lock or as an atomic. Imports the arrays.

use std::ops::{Deref, DerefMut};

use super::guards::{ArrayReadGuard, ArrayWriteGuard};
use super::{Atomic, AtomicArray, AtomicNumber, SharedArray, ValueOptions};
use crate::error::{ANONYMOUS, Error, Result};
use crate::record::Record;
use crate::segment::{Participant, check_option, open_methods};

/// One number, or one struct that is a [`Record`], that processes share: any number of them read it at
/// once, or one writes. A [`SharedArray`] of one element, and can be opened as one.
///
/// A number that is only counted or replaced needs no lock: that is an [`AtomicValue`].
///
/// # When a process dies
/// As in a [`SharedArray`]. [`get`](Self::get) gives an error where a writer died with the value, until it is
/// [`set`](Self::set) or repaired.
///
/// # Example
/// ```
/// use millpond::{Record, SharedValue, ValueOptions};
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Progress {
///     loss: f64,
///     steps: u64,
/// }
///
/// let progress = SharedValue::<Progress>::create("value-example", ValueOptions::new())?;
/// progress.set(Progress { loss: 0.7, steps: 0 })?;
///
/// // Anywhere else on the machine:
/// let same = SharedValue::<Progress>::open("value-example")?;
/// same.update(|progress| progress.steps += 10)?;
/// assert_eq!(progress.get()?.steps, 10);
/// # millpond::unlink("value-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct SharedValue<T: Record> {
    array: SharedArray<T>,
}

/// One [`Atomic`] number that processes share, without a lock. An [`AtomicArray`] of one element, and can be
/// opened as one.
///
/// # When a process dies
/// Each operation happened, or did not; nobody waits.
///
/// # Example
/// ```
/// use millpond::{AtomicValue, ValueOptions};
///
/// let counter = AtomicValue::<u64>::create("counter-example", ValueOptions::new())?;
/// // Anywhere else on the machine:
/// AtomicValue::<u64>::open("counter-example")?.fetch_add(2);
/// assert_eq!(counter.load(), 2);
/// # millpond::unlink("counter-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct AtomicValue<T: AtomicNumber> {
    array: AtomicArray<T>,
}

/// What every handle of a value has, with a type or without; it is made of its `array`.
macro_rules! value_handle_methods {
    ([$($parameter:ident: $bound:path)?] $value:ty, $name:ident) => {
        impl<$($parameter: $bound)?> $value {
            /// The value's name; `None` for one without.
            pub fn name(&self) -> Option<&str> {
                self.array.name()
            }

            /// All participants that are attached and alive.
            ///
            /// # Errors
            /// [`Error::Forked`](crate::Error::Forked).
            pub fn participants(&self) -> Result<Vec<Participant>> {
                self.array.participants()
            }
        }

        impl<$($parameter: $bound)?> Clone for $value {
            /// The same participant.
            fn clone(&self) -> Self {
                Self {
                    array: self.array.clone(),
                }
            }
        }

        impl<$($parameter: $bound)?> std::fmt::Debug for $value {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct(stringify!($name))
                    .field("name", &self.name())
                    .finish_non_exhaustive()
            }
        }
    };
}

/// What every value of a type has besides.
macro_rules! value_methods {
    ($value:ident, $array:ident, $number:path) => {
        open_methods! {
            [T: $number] $value<T>, "a value, which is zero,", "run/counter", ValueOptions;
            of() "";
            create: |name, options| Ok(Self { array: $array::create(name, options.array())? });
            open: |name, attach| {
                let array = $array::open_with(name, attach)?;
                check_option(name, "length", 1, array.len())?;
                Ok(Self { array })
            }, "[`Error::WrongOption`](crate::Error::WrongOption) for an array of more elements, and \
                [`Error::WrongRecord`](crate::Error::WrongRecord) where it is of another type;";
            open_or_create: |name, options| {
                Ok(Self { array: $array::open_or_create(name, options.array())? })
            }, "As [`open`](Self::open);";
            anonymous: |options| Ok(Self { array: $array::anonymous(options.array())? });
        }

        value_handle_methods!([T: $number] $value<T>, $value);
    };
}

pub(super) use value_handle_methods;

value_methods!(SharedValue, SharedArray, Record);
value_methods!(AtomicValue, AtomicArray, AtomicNumber);

impl<T: AtomicNumber> Deref for AtomicValue<T> {
    type Target = Atomic<T>;

    #[inline]
    fn deref(&self) -> &Atomic<T> {
        &self.array[0]
    }
}

impl<T: Record> SharedValue<T> {
    /// A copy of the value. Waits for who writes.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where a writer died or panicked with it, and it was neither set nor repaired
    /// since; [`Error::Forked`].
    #[inline]
    pub fn get(&self) -> Result<T> {
        let value = self.read()?;
        match value.is_damaged() {
            false => Ok(*value),
            true => Err(self.unfinished()),
        }
    }

    /// Replaces the value, whatever became of it. Waits for who reads or writes.
    ///
    /// # Errors
    /// [`Error::Forked`].
    #[inline]
    pub fn set(&self, value: T) -> Result<()> {
        let mut guard = self.write()?;
        *guard = value;
        if guard.is_damaged() {
            guard.repaired();
        }
        Ok(())
    }

    /// Lets `change` change the value, alone, and gives what it gives.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where a writer died or panicked with it, and it was neither set nor repaired
    /// since: `change` was not called then. [`Error::Forked`], also in a child that `change` forked.
    #[inline]
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R> {
        let mut value = self.write()?;
        if value.is_damaged() {
            return Err(self.unfinished());
        }
        let given = change(&mut value);
        self.array.inner.segment.check_process()?; // `change` may have forked
        Ok(given)
    }

    /// As [`SharedArray::read`].
    ///
    /// # Errors
    /// [`Error::Forked`].
    #[inline]
    pub fn read(&self) -> Result<ValueReadGuard<'_, T>> {
        self.array.read().map(ValueReadGuard)
    }

    /// As [`SharedArray::write`].
    ///
    /// # Errors
    /// [`Error::Forked`].
    #[inline]
    pub fn write(&self) -> Result<ValueWriteGuard<'_, T>> {
        self.array.write().map(ValueWriteGuard)
    }

    fn unfinished(&self) -> Error {
        Error::Unfinished {
            name: self.name().unwrap_or(ANONYMOUS).into(),
        }
    }
}

/// A [`SharedValue`], to be read: nobody writes while this lives.
#[derive(Debug)]
pub struct ValueReadGuard<'a, T: Record>(ArrayReadGuard<'a, T>);

/// A [`SharedValue`], to be changed: nobody else reads or writes while this lives.
#[derive(Debug)]
pub struct ValueWriteGuard<'a, T: Record>(ArrayWriteGuard<'a, T>);

impl<T: Record> ValueReadGuard<'_, T> {
    /// As [`ArrayReadGuard::is_damaged`].
    pub fn is_damaged(&self) -> bool {
        self.0.is_damaged()
    }
}

impl<T: Record> ValueWriteGuard<'_, T> {
    /// As [`ArrayWriteGuard::is_damaged`].
    pub fn is_damaged(&self) -> bool {
        self.0.is_damaged()
    }

    /// As [`ArrayWriteGuard::repaired`].
    pub fn repaired(&mut self) {
        self.0.repaired();
    }
}

impl<T: Record> Deref for ValueReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0[0]
    }
}

impl<T: Record> Deref for ValueWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0[0]
    }
}

impl<T: Record> DerefMut for ValueWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0[0]
    }
}
