//! Collecting garbage: what killed processes left below the root directory.
//!
//! Garbage is an unfinished segment or a draft whose builder is gone, a file that was removed while it was
//! mapped (on Windows), a segment whose lifetime is over, and a companion whose segment is gone. Files are
//! looked at without any lock. One that looks like garbage is looked at again under the root's lock, which
//! decides: so a walk through many files keeps no other process waiting.
//!
//! *When.* `list` and `unlink_all` look at all files; so does a creation for which there was no room, before it
//! tries again. Any other creation has a share: after so many creations as its predecessor's share was large,
//! divided by [`PACE`], it looks at the next files, [`SHARE`] at most. So creating takes as long beside many
//! segments as beside few, a root directory with few files is looked at as a whole by every creation, and
//! garbage cannot pile up in one with many. Where the next share begins, `.lock` says; it is a hint, and a wrong
//! one does no harm.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::Lifetime;
use super::companion::companion_of;
use super::header::Header;
use super::name::Name;
use super::names::{UNFINISHED, is_over};
use super::participants;
use super::root::Root;
use super::root_lock::{LockWait, LockedRoot};
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::os::{self, Access, ByteLocks, fail_point};

/// At how many files a creation looks at most, about.
const SHARE: usize = 256;
/// At how many files creations look on the average, each.
const PACE: usize = 16;

/// What a file below the root directory may be, by its name.
pub(super) enum Kind {
    /// A hidden file that is needed while it has a living user.
    Hidden,
    /// The companion of the segment file, with the nonce.
    Companion(PathBuf, u64),
    Segment(Name),
    /// None of millpond's.
    Foreign,
}

impl Root {
    /// What the file at `path` may be.
    pub(super) fn kind_of(&self, path: &Path) -> Kind {
        if is_hidden(path.file_name().unwrap_or_default()) {
            return Kind::Hidden;
        }
        if let Some((segment, nonce)) = companion_of(path) {
            return Kind::Companion(segment, nonce);
        }
        Name::of_file(&self.path, path).map_or(Kind::Foreign, Kind::Segment)
    }

    /// Removes the file at `path` if it is garbage. Says whether it did. What cannot be opened is another
    /// user's; so the only errors are those of the lock, and of a process that has too many files open.
    pub(super) fn collect(&self, path: &Path, kind: &Kind, wait: LockWait) -> Result<bool> {
        fail_point("create.looked");
        let collected = match kind {
            Kind::Hidden => match self.is_unneeded(path) {
                Ok(true) => self.lock(wait)?.remove_if_unneeded(path),
                other => other,
            },
            Kind::Companion(segment, nonce) => match self.is_orphan(segment, *nonce) {
                true => self.lock(wait)?.remove_if_orphan(path, segment, *nonce),
                false => Ok(false),
            },
            Kind::Segment(name) => match self.looks_over(name) {
                Ok(true) => self.lock(wait)?.remove_if_over(name),
                other => other,
            },
            Kind::Foreign => Ok(false),
        };
        match collected {
            Err(Error::System { cause, .. }) if os::is_too_many_files(&cause) => {
                Err(Error::system("look at", path)(cause))
            }
            other => Ok(other.unwrap_or(false)),
        }
    }

    /// Removes all garbage. Says how many files that were.
    pub(super) fn collect_all(&self, wait: LockWait) -> Result<usize> {
        let mut removed = 0;
        for path in Walk::new(self, Path::new(""))? {
            let path = path?;
            removed += usize::from(self.collect(&path, &self.kind_of(&path), wait)?);
        }
        Ok(removed)
    }

    /// Removes the garbage among the files after `after`, as many as one creation looks at; and notes where the
    /// next share begins.
    pub(super) fn collect_share(&self, after: &Path, wait: LockWait) -> Result<()> {
        let mut walk = Walk::new(self, after)?;
        let (mut last, mut end) = (PathBuf::new(), usize::MAX);
        loop {
            let Some(path) = walk.next() else {
                last = PathBuf::new(); // next time from the beginning
                break;
            };
            let path = path?;
            self.collect(&path, &self.kind_of(&path), wait)?;
            let inside = path.strip_prefix(&self.path).unwrap_or(&path);
            if Note::holds(inside) {
                last = inside.into();
            }
            // From the first file on: to come by it, a directory of any size may have been read.
            end = end.min(walk.effort() + SHARE - 1);
            if walk.effort() >= end {
                break;
            }
        }
        self.lock(wait)?.note_share(walk.effort() / PACE, &last);
        Ok(())
    }

    /// Whether nobody needs a hidden file. One that is being built is its builder's, whoever else is attached:
    /// a builder that died while it published left a second name behind.
    fn is_unneeded(&self, path: &Path) -> Result<bool> {
        let locks = match ByteLocks::open(|| self.open_file(path, Access::Write)) {
            // Its maker was killed before the group was let in: that is done under the root's lock.
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && self.group.is_some() =>
            {
                return Ok(true);
            }
            other => other.map_err(Error::system("open", path))?,
        };
        let name = path.as_os_str().as_encoded_bytes();
        Ok(match name.ends_with(UNFINISHED.as_bytes()) {
            true => !participants::is_being_built(&locks),
            false => !participants::is_attached(&locks),
        })
    }

    /// Whether a segment's lifetime is over; if not under the lock, perhaps no more when this returns. Opens
    /// the file once, but for those that live while somebody is attached.
    fn looks_over(&self, name: &Name) -> Result<bool> {
        let path = &name.file(&self.path);
        let file = self
            .open_file(path, Access::Read)
            .map_err(Error::system("open", path))?;
        let header = Header::read("", &mut os::contents(&file))?;
        if header.lifetime != Lifetime::WhileAttached {
            return Ok(false);
        }
        let locks = ByteLocks::open(|| self.open_file(path, Access::Write))
            .map_err(Error::system("open", path))?;
        Ok(is_over(&header, &locks))
    }
}

impl LockedRoot<'_> {
    /// Removes a hidden file that nobody needs. Says whether it did.
    pub(super) fn remove_if_unneeded(&self, path: &Path) -> Result<bool> {
        let unneeded = self.root.is_unneeded(path)?;
        if unneeded {
            self.remove(path)?;
        }
        Ok(unneeded)
    }

    /// Removes segment `name` if its lifetime is over. Says whether it did.
    pub(super) fn remove_if_over(&self, name: &Name) -> Result<bool> {
        let over = self.root.looks_over(name)?;
        if over {
            self.remove_segment(&name.file(&self.root.path))?;
        }
        Ok(over)
    }

    /// Counts a creation. Where it has a share of the work, the path after which that begins; until it has
    /// noted the end, or died, others have none.
    pub(super) fn begin_share(&self) -> Option<PathBuf> {
        let mut note = Note::read(&self.lock);
        let is_due = note.creations == 0;
        note.creations = match is_due {
            true => (SHARE / PACE) as u32,
            false => note.creations - 1,
        };
        note.write_creations(&self.lock);
        is_due.then_some(note.after)
    }

    /// Notes that so many creations need not look at anything, and where the next share begins.
    fn note_share(&self, creations: usize, after: &Path) {
        let note = Note {
            creations: creations.min(SHARE) as u32,
            after: after.into(),
        };
        note.write(&self.lock);
    }
}

/// What the file of the lock says of the collection: how many creations need not look at anything (4 bytes),
/// and after which path the next share begins (2 bytes of length, and the text). Read and written under the
/// lock. Where it cannot be, a creation looks at the files at the beginning.
#[derive(Default)]
struct Note {
    creations: u32,
    after: PathBuf,
}

impl Note {
    const LONGEST_PATH: usize = 500;
    const BYTES: usize = 4 + 2 + Self::LONGEST_PATH;

    /// Whether there is room for a path. One that is no text, or too long, is no name of millpond's.
    fn holds(path: &Path) -> bool {
        path.to_str()
            .is_some_and(|text| text.len() <= Self::LONGEST_PATH)
    }

    fn read(lock: &ByteLocks) -> Self {
        let mut bytes = [0; Self::BYTES];
        let found = lock.read(&mut bytes).unwrap_or(0);
        let (numbers, text) = bytes.split_at(6);
        let length = usize::from(u16::from_le_bytes([numbers[4], numbers[5]]));
        let text = text.get(..length).filter(|_| found == Self::BYTES);
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        let creations = u32::from_le_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]);
        text.map_or_else(Self::default, |text| Self {
            // Whatever it says, a share comes.
            creations: creations.min(SHARE as u32),
            after: text.into(),
        })
    }

    fn write(&self, lock: &ByteLocks) {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.creations.to_le_bytes());
        if Self::holds(&self.after) {
            let text = self.after.to_str().unwrap_or_default().as_bytes();
            bytes[4..6].copy_from_slice(&(text.len() as u16).to_le_bytes());
            bytes[6..6 + text.len()].copy_from_slice(text);
        }
        Self::put(lock, &bytes);
    }

    /// Writes the number alone.
    fn write_creations(&self, lock: &ByteLocks) {
        Self::put(lock, &self.creations.to_le_bytes());
    }

    /// That it cannot be written, for want of room, costs time and no more.
    fn put(lock: &ByteLocks, bytes: &[u8]) {
        if os::check_length(Self::BYTES as u64).is_ok() {
            let _ = lock.write(bytes);
        }
    }
}

/// Whether a file's name is that of an unfinished segment, or of a removed one that was still mapped
/// (on Windows). Other hidden files in the directory are not millpond's.
fn is_hidden(name: &OsStr) -> bool {
    let Some(hidden) = name.to_str().and_then(|name| name.strip_prefix('.')) else {
        return false;
    };
    let is_removed = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hidden.ends_with(UNFINISHED) || hidden.strip_suffix(".dead").is_some_and(is_removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Plants garbage, in directories of many sizes.
    fn plant(root: &Root, count: usize) {
        for number in 0..count {
            let directory = match number % 3 {
                0 => root.path.clone(),
                1 => root.path.join("large"),
                _ => root.path.join(format!("run-{}", number / 10)),
            };
            fs::create_dir_all(&directory).unwrap();
            // Companions of segments that are not there.
            let nonce = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64);
            fs::write(directory.join(format!(".gone.pond.{nonce:016x}.0")), "x").unwrap();
        }
    }

    fn count(root: &Root) -> usize {
        let kept = |path: &PathBuf| *path != root.lock_path();
        let walk = Walk::new(root, Path::new("")).unwrap();
        walk.map(Result::unwrap).filter(kept).count()
    }

    /// What a creation does beside creating. Says whether it had a share.
    fn create(root: &Root) -> bool {
        let share = root.lock(LockWait::Patience).unwrap().begin_share();
        if let Some(after) = &share {
            root.collect_share(after, LockWait::Patience).unwrap();
        }
        share.is_some()
    }

    #[test]
    fn the_shares_of_creations_come_by_every_file_and_none_is_large() {
        let root = Root::of_test("shares");
        let garbage = 2000;
        plant(&root, garbage);
        // Some of it stays: files that are not millpond's.
        for number in 0..500 {
            fs::write(root.path.join(format!("large/{number}")), "mine").unwrap();
        }
        let (mut left, mut creations, mut shares) = (garbage + 500, 0, 0);
        while left > 500 {
            let had_share = create(&root);
            let now = count(&root);
            assert!(left - now <= SHARE, "{} in one share", left - now);
            assert!(had_share || now == left);
            left = now;
            shares += usize::from(had_share);
            creations += 1;
            assert!(creations < 2 * (garbage + 500) / PACE, "{left} are left");
        }
        assert!(
            shares * 5 < creations,
            "{shares} shares in {creations} creations"
        );
        fs::remove_dir_all(&root.path).unwrap();
    }

    #[test]
    fn every_creation_looks_at_all_of_a_few_files() {
        let root = Root::of_test("few");
        for _ in 0..20 {
            plant(&root, 8);
            assert!(create(&root));
            assert_eq!(count(&root), 0);
        }
        fs::remove_dir_all(&root.path).unwrap();
    }

    #[test]
    fn a_note_of_any_bytes_delays_shares_and_does_nothing_worse() {
        let root = Root::of_test("note");
        for (length, byte) in [
            (0, 0),
            (3, 1),
            (506, 0xff),
            (506, b'/'),
            (506, b'.'),
            (4000, 0x80),
        ] {
            plant(&root, 8);
            fs::write(root.lock_path(), vec![byte; length]).unwrap();
            let mut creations = 0;
            while count(&root) > 0 {
                create(&root);
                creations += 1;
                assert!(creations <= SHARE + 2, "after {length} times {byte}");
            }
        }
        fs::remove_dir_all(&root.path).unwrap();
    }
}
