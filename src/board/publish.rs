//! Publishing: under the lock, into a buffer that nobody leases.

use std::thread;
use std::time::Duration;

use super::DynBoard;
use super::newest::{check_bytes, damaged, newest};
use super::parts::store;
use super::slots::LAST_VERSION;
use crate::error::{ANONYMOUS, Error, Result};

/// Looks for a free buffer before there is none: somebody else who cleans up after a dead lessee has its
/// entry for some microseconds.
const LOOKS: usize = 3;

impl DynBoard {
    /// Publishes the bytes of a value, and gives its version, which is one more than the last. Waits for another
    /// publisher to be done, never for a reader.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for other bytes than the value has;
    /// [`Error::NoFreeBuffer`] where living processes lease every buffer but the newest;
    /// [`Error::Forked`].
    pub fn publish(&self, value: &[u8]) -> Result<u64> {
        check_bytes(self.inner.parts(), value.len())?;
        let mut guard = self.inner.segment.lock(0)?;
        if guard.is_damaged() {
            // What a dead publisher wrote is not the newest value, so there is nothing to mend.
            guard.repaired();
        }
        let published = self.publish_alone(value);
        drop(guard);
        let version = published?;
        self.inner.event().notify();
        Ok(version)
    }

    /// Publishes, under the lock.
    fn publish_alone(&self, value: &[u8]) -> Result<u64> {
        let parts = self.inner.parts();
        let newest = newest(parts, self.name())?;
        if newest.version == LAST_VERSION {
            let reason = "its version is the largest there is";
            return Err(damaged(self.name(), reason.into()));
        }
        let write = |buffer| store(parts.buffer(buffer), value);
        let publish = || parts.versions().publish(newest, write);
        if let Some(version) = publish() {
            return Ok(version);
        }
        // Leases of the dead count until somebody cleans up after them.
        for look in 0..LOOKS {
            if look > 0 {
                thread::sleep(Duration::from_millis(1));
            }
            self.inner.segment.clean();
            if let Some(version) = publish() {
                return Ok(version);
            }
        }
        Err(Error::NoFreeBuffer {
            name: self.name().unwrap_or(ANONYMOUS).into(),
            buffers: parts.buffers(),
        })
    }
}
