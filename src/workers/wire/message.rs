//! The types that can be a task's input or output, and their form as bytes.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use crate::record::Record;

/// A type whose values can be sent to workers and back.
///
/// All types with serde's `Serialize` and `Deserialize`, and with `Debug`, implement it: a value is written by
/// [postcard](https://postcard.jamesmunns.com/wire-format), copied, and built again on the other side. Types whose form
/// depends on their contents cannot be sent: postcard supports no `#[serde(untagged)]`, `flatten` or
/// `skip_serializing_if`. [`InPlace`] is for values that need not be built again: records, slices of them, and text.
///
/// You need not implement it for other types.
pub trait Message: 'static {
    /// The type that the caller passes as an input, or receives as an output.
    type Value: Debug + 'static;
    /// The type that the task receives as its input.
    type Given<'a>;

    /// Appends a value to `out`.
    #[doc(hidden)]
    fn write(value: &Self::Value, out: &mut Vec<u8>) -> Result<(), String>;
    /// Reads the input of a task. The bytes begin at a multiple of 8.
    #[doc(hidden)]
    fn read(bytes: &[u8]) -> Result<Self::Given<'_>, String>;
    /// Reads a value.
    #[doc(hidden)]
    fn value(bytes: &[u8]) -> Result<Self::Value, String>;
}

impl<T: Serialize + DeserializeOwned + Debug + 'static> Message for T {
    type Value = T;
    type Given<'a> = T;

    #[inline]
    fn write(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
        let into = Bytes(out);
        postcard::serialize_with_flavor::<T, Bytes<'_>, ()>(value, into)
            .map_err(|error| format!("it cannot be serialised: {error}"))
    }

    #[inline]
    fn read(bytes: &[u8]) -> Result<T, String> {
        postcard::from_bytes(bytes).map_err(|error| format!("it cannot be deserialised: {error}"))
    }

    #[inline]
    fn value(bytes: &[u8]) -> Result<T, String> {
        Self::read(bytes)
    }
}

/// The memory that postcard writes to.
struct Bytes<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Bytes<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Marks an input that the task reads where it lies in shared memory, and an output that is copied byte by byte.
///
/// | in the task's type | the caller passes | the task receives | as an output |
/// |---|---|---|---|
/// | `InPlace<T>`, a [`Record`] | `T` | `&T` | `T` |
/// | `InPlace<[T]>` | `Vec<T>` | `&[T]` | `Vec<T>` |
/// | `InPlace<str>` | `String` | `&str` | `String` |
///
/// ```
/// use millpond::workers::{Failure, InPlace, Worker};
/// use millpond::Task;
///
/// static LENGTH: Task<(), InPlace<[f32; 2]>, f32> = Task { name: "length", run: length };
///
/// fn length(_: &mut Worker<'_, ()>, point: &[f32; 2]) -> Result<f32, Failure> {
///     Ok(point[0].hypot(point[1]))
/// }
/// # let _ = &LENGTH;
/// ```
pub struct InPlace<T: ?Sized>(std::marker::PhantomData<T>);

impl<T: Record + Debug> Message for InPlace<T> {
    type Value = T;
    type Given<'a> = &'a T;

    #[inline]
    fn write(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(bytemuck::bytes_of(value));
        Ok(())
    }

    #[inline]
    fn read(bytes: &[u8]) -> Result<&T, String> {
        bytemuck::try_from_bytes(bytes).map_err(|error| error.to_string())
    }

    #[inline]
    fn value(bytes: &[u8]) -> Result<T, String> {
        bytemuck::try_pod_read_unaligned(bytes).map_err(|error| error.to_string())
    }
}

impl<T: Record + Debug> Message for InPlace<[T]> {
    type Value = Vec<T>;
    type Given<'a> = &'a [T];

    #[inline]
    fn write(value: &Vec<T>, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(bytemuck::cast_slice(value));
        Ok(())
    }

    #[inline]
    fn read(bytes: &[u8]) -> Result<&[T], String> {
        bytemuck::try_cast_slice(bytes).map_err(|error| error.to_string())
    }

    #[inline]
    fn value(bytes: &[u8]) -> Result<Vec<T>, String> {
        // One by one, as a cast refuses empty bytes with a wrong alignment.
        let all = bytes.chunks(size_of::<T>());
        let all =
            all.map(|one| bytemuck::try_pod_read_unaligned(one).map_err(|error| error.to_string()));
        all.collect()
    }
}

impl Message for InPlace<str> {
    type Value = String;
    type Given<'a> = &'a str;

    #[inline]
    fn write(value: &String, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    #[inline]
    fn read(bytes: &[u8]) -> Result<&str, String> {
        std::str::from_utf8(bytes).map_err(|error| error.to_string())
    }

    #[inline]
    fn value(bytes: &[u8]) -> Result<String, String> {
        Self::read(bytes).map(str::to_string)
    }
}
