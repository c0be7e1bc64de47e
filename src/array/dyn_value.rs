//! Values that are known at run time: arrays of one element, with a lock or as an atomic. Imports the arrays.

use super::value::value_handle_methods;
use super::{DynArray, DynArrayReadGuard, DynArrayWriteGuard, DynAtomicArray, ValueOptions};
use crate::error::{ANONYMOUS, Error, Result};
use crate::record::{Number, Scalar, Schema};
use crate::segment::{Participant, check_option, open_methods};

/// A [`SharedValue`](crate::SharedValue) that is known at run time: by a [`Schema`], and as bytes. It is a [`DynArray`]
/// of one element, and can be opened as one.
///
/// It is the same value: of two processes that share one, the first may have a [`SharedValue`](crate::SharedValue) and
/// the second a `DynValue`. Bytes that are given and taken need no alignment. A handle is `Send` and `Sync`, and clones
/// of it are the same participant.
///
/// # When a process dies
/// As in a [`SharedArray`](crate::SharedArray). [`get`](Self::get) and [`update`](Self::update) fail where a writer
/// died with the value, until it is [`set`](Self::set) or repaired.
///
/// # Example
/// ```
/// use millpond::array::DynValue;
/// use millpond::record::Scalar;
/// use millpond::{Schema, ValueOptions};
///
/// let schema = Schema::builder()
///     .field("loss", Scalar::F64, &[])
///     .field("steps", Scalar::U64, &[])
///     .build()?;
/// let progress = DynValue::create("dyn-value-example", &schema, ValueOptions::new())?;
///
/// // Anywhere else on the machine, without the schema:
/// let same = DynValue::open("dyn-value-example")?;
/// assert_eq!(same.schema(), &schema);
/// same.update(|value| value[8] += 10)?; // the first byte of `steps`
///
/// let mut value = [0; 16];
/// progress.get(&mut value)?;
/// assert_eq!(schema.show(&value).to_string(), "loss 0.0, steps 10");
/// # millpond::unlink("dyn-value-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynValue {
    array: DynArray,
}

/// An [`AtomicValue`](crate::AtomicValue) whose type of number is known at run time: by a [`Scalar`], and as
/// [`Number`]s. It is a [`DynAtomicArray`] of one element, and can be opened as one.
///
/// # When a process dies
/// Each operation happened, or did not; no process waits.
///
/// # Example
/// ```
/// use millpond::array::DynAtomicValue;
/// use millpond::record::{Number, Scalar};
/// use millpond::{AtomicValue, ValueOptions};
///
/// let steps = AtomicValue::<u64>::create("dyn-counter-example", ValueOptions::new())?;
/// // A process that knows no type:
/// let same = DynAtomicValue::open("dyn-counter-example")?;
/// assert_eq!(same.scalar(), Scalar::U64);
/// same.fetch_add(Number::U64(2))?;
/// assert_eq!(steps.load(), 2);
/// # millpond::unlink("dyn-counter-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynAtomicValue {
    array: DynAtomicArray,
}

threads_may_share!(DynValue, DynAtomicValue);

/// What every value has besides that is known at run time, by `$kind`.
macro_rules! dyn_value_methods {
    ($value:ident, $array:ident, $kind:ident: $type:ty) => {
        open_methods! {
            [] $value, "a value, which is zero,", "run/counter", ValueOptions;
            of($kind: $type) " of this type";
            create: |name, options| Ok(Self { array: $array::create(name, $kind, options.array())? });
            open: |name, attach| {
                let array = $array::open_with(name, attach)?;
                check_option(name, "length", 1, array.len())?;
                Ok(Self { array })
            }, "[`Error::WrongOption`](crate::Error::WrongOption) for an array of more elements;";
            open_or_create: |name, options| {
                Ok(Self { array: $array::open_or_create(name, $kind, options.array())? })
            }, "[`Error::WrongRecord`](crate::Error::WrongRecord) where it exists and is of another type;";
            anonymous: |options| Ok(Self { array: $array::anonymous($kind, options.array())? });
        }

        impl $value {
            /// What the value is.
            pub fn schema(&self) -> &Schema {
                self.array.schema()
            }
        }

        value_handle_methods!([] $value, $value);
    };
}

dyn_value_methods!(DynValue, DynArray, schema: &Schema);
dyn_value_methods!(DynAtomicValue, DynAtomicArray, scalar: Scalar);

impl DynValue {
    /// Copies the value into `to`. Waits while another process writes.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where a writer died or panicked with the value, and it was neither set nor repaired since;
    /// [`Error::InvalidArgument`] where `to` has another number of bytes than the value; [`Error::Forked`].
    pub fn get(&self, to: &mut [u8]) -> Result<()> {
        self.check_len("the length of the buffer", to.len())?;
        let value = self.array.inner.read()?;
        match value.is_damaged() {
            false => {
                to.copy_from_slice(&value);
                Ok(())
            }
            true => Err(self.unfinished()),
        }
    }

    /// Replaces the value, whatever became of it. Waits while another process reads or writes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another number of bytes than the value has; [`Error::Forked`].
    pub fn set(&self, value: &[u8]) -> Result<()> {
        self.check_len("the length of the value", value.len())?;
        let mut guard = self.array.inner.write()?;
        guard.copy_from_slice(value);
        if guard.is_damaged() {
            guard.repaired();
        }
        Ok(())
    }

    /// Calls `change` with the bytes of the value, which no other process reads or writes meanwhile, and returns what
    /// it returns.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where a writer died or panicked with the value, and it was neither set nor repaired since:
    /// `change` was not called then. [`Error::Forked`], also in a child that `change` forked.
    pub fn update<R>(&self, change: impl FnOnce(&mut [u8]) -> R) -> Result<R> {
        let mut value = self.array.inner.write()?;
        if value.is_damaged() {
            return Err(self.unfinished());
        }
        let returned = change(&mut value);
        self.array.inner.segment.check_process()?; // `change` may have forked
        Ok(returned)
    }

    /// Waits until no process writes, and returns the bytes of the value to be read; as [`DynArray::read`].
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn read(&self) -> Result<DynArrayReadGuard> {
        self.array.read()
    }

    /// Waits until no other process reads or writes, and returns the bytes of the value to be changed; as
    /// [`DynArray::write`].
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn write(&self) -> Result<DynArrayWriteGuard> {
        self.array.write()
    }

    /// Refuses another number of bytes than the value has.
    fn check_len(&self, what: &'static str, found: usize) -> Result<()> {
        let size = self.schema().size();
        match found == size {
            true => Ok(()),
            false => {
                let expected = format!("{size} bytes, as the value has");
                Error::invalid(what, format!("{found} bytes"), expected)
            }
        }
    }

    fn unfinished(&self) -> Error {
        Error::Unfinished {
            name: self.name().unwrap_or(ANONYMOUS).into(),
        }
    }
}

impl DynAtomicValue {
    /// The type of the number.
    pub fn scalar(&self) -> Scalar {
        self.array.scalar()
    }

    /// Reads the number.
    pub fn load(&self) -> Number {
        self.array.load_first()
    }

    /// Writes the number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a number of another type.
    pub fn store(&self, number: Number) -> Result<()> {
        self.array.store(0, number)
    }

    /// Writes the number, and returns the one that was there.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn swap(&self, number: Number) -> Result<Number> {
        self.array.swap(0, number)
    }

    /// Writes `new` if the number is `current`; as [`DynAtomicArray::compare_exchange`].
    ///
    /// # Errors
    /// As [`store`](Self::store), for both numbers.
    pub fn compare_exchange(
        &self,
        current: Number,
        new: Number,
    ) -> Result<std::result::Result<Number, Number>> {
        self.array.compare_exchange(0, current, new)
    }

    /// Adds to the number, and returns the one that was there. Integers wrap around.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_add(&self, number: Number) -> Result<Number> {
        self.array.fetch_add(0, number)
    }

    /// Subtracts from the number, and returns the one that was there. Integers wrap around.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_sub(&self, number: Number) -> Result<Number> {
        self.array.fetch_sub(0, number)
    }

    /// Lowers the number to `limit`, if it is larger, and returns the one that was there. A NaN stays.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_min(&self, limit: Number) -> Result<Number> {
        self.array.fetch_min(0, limit)
    }

    /// Raises the number to `limit`, if it is smaller, and returns the one that was there. A NaN stays.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_max(&self, limit: Number) -> Result<Number> {
        self.array.fetch_max(0, limit)
    }
}
