//! The versions under a name: a small segment that says which one is current, and the volumes beside it.
//!
//! Version `v` lies in the segment's file number `v` modulo [`PLACES`] (`segment/drafts.rs`).
//!
//! # The protocol
//! 1. *Publish*: write the draft, without any lock. Take the lock; remove every file but that of the current
//!    version (what a publisher left that was killed in step 2 or 3); write the new version into the draft's
//!    header, and put the draft in its place.
//! 2. Store the new version as the current one (Release), and wake who waits for it.
//! 3. Remove the file of the old one. Who has it mapped keeps it.
//! 4. *Open*: load the current version (Acquire), open its file and read its header. If the file is gone, or
//!    another version's, a publisher was faster: begin anew.
//!
//! A publisher that dies before step 2 leaves the old version current, and one that dies after it the new
//! one; in both cases a file may be left that nobody opens. It goes with the next look of somebody who opens
//! or publishes, and with the segment. (A draft that it left goes with whoever next publishes under
//! the same name, or lists anything; or with one of the next creations.)
//!
//! The marks say which versions were found to be what they should, by which programs (`program.rs`). Only who
//! has looked at all of a version's data leaves one. They are believed where only this user's processes can
//! write them.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::draft::{Finished, Sink};
use super::{Content, Expected, OpenOptions, PublishOptions, Volume, program};
use crate::error::{ANONYMOUS, Error, Result};
use crate::os::fail_point;
use crate::segment::{
    Attach, Carver, Header, LockWait, Mapping, PLACES, Region, Segment, Span, Structure,
    open_or_create, too_large,
};
use crate::sync::primitive::Channel;
use crate::sync::{Event, EventWords};

/// How many programs can have their marks at a time.
const MARKS: usize = 7;

/// The regions of the segment.
pub(super) struct Parts<C> {
    /// Raised when a version was published.
    published: Region<EventWords>,
    /// The current version, or 0; and the marks of what was checked.
    words: Region<AtomicU64>,
    holds: PhantomData<fn() -> C>,
}

pub(super) struct Layout {
    published: Span<EventWords>,
    words: Span<AtomicU64>,
}

impl<C: Content> Structure for Parts<C> {
    const KIND: &'static str = C::KIND;
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        if header.locks != 1 {
            return Err(format!(
                "it has {} locks, and versions have 1",
                header.locks
            ));
        }
        let carved = carver.carve(1).zip(carver.carve(1 + MARKS));
        let (published, words) = carved.ok_or_else(too_large)?;
        Ok(Layout { published, words })
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            published: mapping.region(&layout.published),
            words: mapping.region(&layout.words),
            holds: PhantomData,
        }
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, _entry: usize) {}
}

/// The versions under a name.
pub(super) struct Versions<C: Content> {
    segment: Segment<Parts<C>>,
    channel: Channel,
}

impl<C: Content> Versions<C> {
    /// Those that are there; not found where there is none yet.
    pub(super) fn open(
        name: &str,
        options: &OpenOptions,
        wait: LockWait,
        expected: Expected<'_>,
    ) -> Result<Self> {
        let versions = Self::attach(name, &options.attach().lock_wait(wait), expected)?;
        versions.tidy_after_the_dead()?;
        match versions.current() {
            0 => Err(versions.not_found()),
            _ => Ok(versions),
        }
    }

    /// An error where something else has the name, or as many have it open as may.
    pub(super) fn check(name: &str, options: &PublishOptions, schema: &str) -> Result<()> {
        match Self::attach(name, &options.attach(), Expected::Text(schema)) {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Those that are there, or none yet.
    pub(super) fn open_or_create(
        name: &str,
        options: &PublishOptions,
        schema: &str,
    ) -> Result<Self> {
        open_or_create(
            || Self::attach(name, &options.attach(), Expected::Text(schema)),
            || Self::new(Segment::create(name, options.plan(schema))?),
        )
    }

    fn attach(name: &str, attach: &Attach, expected: Expected<'_>) -> Result<Self> {
        let check = |header: &Header| super::check_content::<C>(name, header, expected);
        Self::new(Segment::open(name, attach, check)?)
    }

    fn new(segment: Segment<Parts<C>>) -> Result<Self> {
        let channel = segment.channel(0)?;
        Ok(Self { segment, channel })
    }

    fn name(&self) -> &str {
        self.segment.name().unwrap_or(ANONYMOUS)
    }

    fn not_found(&self) -> Error {
        self.segment.not_found()
    }

    /// The newest version.
    pub(super) fn current(&self) -> u64 {
        // Acquire: step 4; pairs with the Release in step 2.
        self.segment.structure.words[0].load(Ordering::Acquire)
    }

    /// Whether the data of a version was found right by this program.
    pub(super) fn is_checked(&self, version: u64) -> bool {
        self.mark(version)
            .is_some_and(|(word, mark)| word.load(Ordering::Relaxed) == mark)
    }

    /// Says that the data of a version was found right by this program.
    pub(super) fn set_checked(&self, version: u64) {
        if !self.segment.is_ours() {
            return; // what looks at the data may be the user's, and may have forked
        }
        if let Some((word, mark)) = self.mark(version) {
            word.store(mark, Ordering::Relaxed);
        }
    }

    /// Where the mark of this program stands, and what it is for a version.
    fn mark(&self, version: u64) -> Option<(&AtomicU64, u64)> {
        let program = program::identity().filter(|_| self.segment.is_this_users())?;
        let word = &self.segment.structure.words[1 + program as usize % MARKS];
        Some((word, program::mark(version, program)))
    }

    /// Maps the current version: step 4.
    pub(super) fn map(&self, options: &OpenOptions, expected: Expected<'_>) -> Result<Volume> {
        self.check_process()?;
        self.tidy_after_the_dead()?;
        loop {
            let version = self.current();
            let missing = match self.segment.open_placed(place_of(version)) {
                Err(error) if self.current() == version => return Err(error),
                Err(_) => continue,
                Ok(Some((file, path))) => {
                    let name = self.name();
                    match Volume::of_file::<C>(&file, &path, name, options, expected) {
                        Ok(volume) if volume.version() == version => return Ok(volume),
                        Ok(volume) => format!("version {}", volume.version()),
                        Err(error) if self.current() == version => return Err(error),
                        Err(_) => continue,
                    }
                }
                Ok(None) => "no file".into(),
            };
            if self.current() != version {
                continue;
            }
            return Err(match self.segment.has_its_name() {
                false => self.not_found(),
                true => Error::Damaged {
                    name: self.name().into(),
                    reason: format!("where version {version} should be, there is {missing}"),
                },
            });
        }
    }

    /// Publishes what is written, after `check` found it right; steps 1 to 3. Gives what `check` gives.
    pub(super) fn publish<R>(
        &self,
        finished: &mut Finished,
        check: impl FnOnce(&Finished) -> Result<R>,
    ) -> Result<R> {
        let mut guard = self.segment.lock(0)?;
        self.tidy()?;
        guard.repaired();
        let version = self
            .current()
            .checked_add(1)
            .ok_or_else(|| Error::Damaged {
                name: self.name().into(),
                reason: "its current version is the last number that there is".into(),
            })?;
        finished.write_header(version)?;
        let checked = check(finished)?;
        if let Sink::Name(draft) = &mut finished.sink {
            self.segment.put(place_of(version), draft)?;
        }
        // Release: pairs with the Acquire in step 4.
        self.segment.structure.words[0].store(version, Ordering::Release);
        fail_point("draft.current");
        self.set_checked(version);
        self.event().notify();
        // It is published, whatever becomes of the old file: the next publisher tries again.
        let _ = self.tidy();
        fail_point("draft.tidied");
        Ok(checked)
    }

    /// Removes what a publisher left that died. That it cannot be removed keeps nobody from reading.
    fn tidy_after_the_dead(&self) -> Result<()> {
        if self.segment.lock_is_orphaned(0) {
            let mut guard = self.segment.lock(0)?;
            if self.tidy().is_ok() {
                guard.repaired();
            }
        }
        Ok(())
    }

    /// An error in a process that was forked from the one that attached.
    pub(super) fn check_process(&self) -> Result<()> {
        self.segment.check_process()
    }

    /// Removes every file but that of the current version. The caller has the lock.
    fn tidy(&self) -> Result<()> {
        let current = Some(self.current()).filter(|&version| version > 0);
        self.segment.remove_all_but(current.map(place_of))
    }

    /// Waits for a version after `version`, and gives the newest.
    pub(super) fn wait_newer(&self, version: u64, limit: Duration) -> Result<u64> {
        self.check_process()?;
        let newer = || Some(self.current()).filter(|&newest| newest > version);
        let waited = self.event().wait_for(limit, newer);
        waited.ok_or_else(|| Error::TimedOut {
            what: format!("a version of `{}` after {version}", self.name()),
            waited: limit,
        })
    }

    fn event(&self) -> Event<'_> {
        Event {
            words: &self.segment.structure.published[0],
            channel: &self.channel,
        }
    }
}

/// The number of a version's file.
fn place_of(version: u64) -> usize {
    (version % PLACES as u64) as usize
}
