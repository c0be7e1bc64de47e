//! What everybody does who wants the newest value: look, try, and look again where a publisher was faster.

use super::parts::{Parts, load};
use super::slots::Newest;
use crate::error::{ANONYMOUS, Error, Result};

/// What is newest, if the board has a buffer of that number.
pub(super) fn newest(parts: &Parts, name: Option<&str>) -> Result<Newest> {
    let newest = parts.versions().newest();
    match newest.buffer < parts.buffers() {
        true => Ok(newest),
        false => {
            let reason = format!(
                "its newest value is in buffer {} of {}",
                newest.buffer,
                parts.buffers()
            );
            Err(damaged(name, reason))
        }
    }
}

/// Does `attempt` with what is newest, until it succeeds. Gives what was newest then.
pub(super) fn with_newest(
    parts: &Parts,
    name: Option<&str>,
    mut attempt: impl FnMut(Newest) -> bool,
) -> Result<Newest> {
    let mut last = None;
    loop {
        let newest = newest(parts, name)?;
        if newest.version == 0 {
            return Err(Error::NothingPublished);
        }
        if attempt(newest) {
            return Ok(newest);
        }
        // In a sound board a lost attempt means that a newer version is there.
        if last == Some(newest) {
            let reason = format!("version {} is not in its place", newest.version);
            return Err(damaged(name, reason));
        }
        last = Some(newest);
    }
}

/// Copies the newest value of a board into `value`, and gives its version.
pub(super) fn fetch(parts: &Parts, name: Option<&str>, bytes: &mut [u8]) -> Result<u64> {
    check_bytes(parts, bytes.len())?;
    let fetched = with_newest(parts, name, |newest| {
        let read = |buffer| load(parts.buffer(buffer), bytes);
        parts.versions().fetch(newest, read)
    })?;
    Ok(fetched.version)
}

/// Refuses bytes that are not as many as the value has.
pub(super) fn check_bytes(parts: &Parts, found: usize) -> Result<()> {
    let (len, size) = (parts.len, parts.schema.size());
    match found == parts.bytes() {
        true => Ok(()),
        false => Err(Error::InvalidArgument {
            what: "the bytes of the value",
            found: found.to_string(),
            expected: format!("{}, as {len} elements of {size} have", parts.bytes()),
        }),
    }
}

pub(super) fn check_len(parts: &Parts, found: usize) -> Result<()> {
    match found == parts.len {
        true => Ok(()),
        false => Err(Error::InvalidArgument {
            what: "the length of the value",
            found: found.to_string(),
            expected: format!("that of the board, {}", parts.len),
        }),
    }
}

pub(super) fn damaged(name: Option<&str>, reason: String) -> Error {
    Error::Damaged {
        name: name.unwrap_or(ANONYMOUS).into(),
        reason,
    }
}
