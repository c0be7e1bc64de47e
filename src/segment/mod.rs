//! Segments: one memory-mapped file, one structure, attached by name.
//!
//! A segment consists of the header (`header.rs`), its lock, the participant table
//! (`participants.rs`), and the regions of its structure (`arena.rs`), in that order; names and
//! files are in `name.rs` and `root.rs`. What the structure is, this folder does not know: it asks
//! a [`Structure`]. Imports `os` and `sync`.

mod arena;
mod header;
mod name;
mod participants;
mod root;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use arena::{Bytes, Carver, Mapping, Region, Shared, Span};
pub(crate) use header::{Header, PARAMETERS};
pub(crate) use participants::COUNTERS;
pub use participants::Participant;
pub use root::SegmentInfo;

use crate::error::{Error, Result};
use crate::os;
use crate::sync::primitive::Channel;
use crate::sync::{Found, Lock, LockWords, Owner, Peers};
use header::{HEADER_BYTES, LONGEST_SCHEMA};
use name::Name;
use participants::{Entry, Membership};
use root::{LockedRoot, Root, Unfinished};

/// The longest pause between two looks for a segment that is not there yet.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How long a segment stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is unlinked: it outlives every process, and on a disk every reboot.
    #[default]
    UntilUnlinked = 0,
    /// Until nobody is attached any more, however the last participant ended. If that one was
    /// killed, the next program that opens the segment or creates or lists any removes it.
    WhileAttached = 1,
}

/// How to attach to a segment that exists.
///
/// ```
/// use std::time::Duration;
/// use millpond::Attach;
///
/// let attach = Attach::new().role("learner").wait(Duration::from_secs(10));
/// # let _ = attach;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attach {
    role: String,
    wait: Duration,
}

impl Attach {
    /// No role, no waiting.
    pub fn new() -> Self {
        Self::default()
    }

    /// What this process is, for whoever lists the participants; the first 32 bytes are kept.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// How long to wait for a segment that is not there yet.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }
}

/// What lies in a segment, as the layer above describes it.
pub(crate) trait Structure: Sized {
    /// Its name in the header; at most 16 bytes.
    const KIND: &'static str;
    /// Where its regions lie.
    type Layout;

    /// Carves the regions that `header` asks for, or says why it cannot be. Must not trust it.
    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Self::Layout, String>;
    /// Finds the regions in a mapping of the right length.
    fn place(layout: Self::Layout, mapping: &Arc<Mapping>) -> Self;
    /// Writes the first contents; everything is zero before.
    fn initialise(&self, header: &Header);
    /// Forgets what a former participant with this entry held.
    fn reset(&self, entry: usize);
}

/// What a new segment is to be.
pub(crate) struct Plan {
    pub(crate) lifetime: Lifetime,
    pub(crate) participants: usize,
    pub(crate) parameters: [u64; PARAMETERS],
    pub(crate) schema: String,
    pub(crate) role: String,
}

/// An attachment to a segment and its structure. Dropping it leaves the participant table.
pub(crate) struct Segment<S> {
    pub(crate) structure: S,
    pub(crate) header: Header,
    name: Option<Name>,
    root: Option<Root>,
    membership: Membership,
    lock: Region<LockWords>,
    channel: Channel,
}

/// The regions that every segment begins with, and those of its structure.
struct Layout<S: Structure> {
    lock: Span<LockWords>,
    table: Span<Entry>,
    structure: S::Layout,
    length: usize,
}

impl<S: Structure> Layout<S> {
    fn of(header: &Header) -> std::result::Result<Self, String> {
        let most = Owner::MAX_ENTRIES - 1;
        if header.participants == 0 || header.participants > most {
            let found = header.participants;
            return Err(format!("it has {found} participants, not 1 to {most}"));
        }
        if header.schema.len() > LONGEST_SCHEMA {
            return Err("its schema is too long".into());
        }
        let too_large = || "it is larger than the address space".to_string();
        let mut carver = Carver::after(HEADER_BYTES + header.schema.len());
        Ok(Self {
            lock: carver.carve(1).ok_or_else(too_large)?,
            table: carver
                .carve(header.participants + 1)
                .ok_or_else(too_large)?,
            structure: S::lay_out(header, &mut carver)?,
            length: carver.length(),
        })
    }
}

impl<S: Structure> Segment<S> {
    /// Creates segment `name`: it appears whole, or not at all.
    pub(crate) fn create(name: &str, plan: Plan) -> Result<Self> {
        let (name, root) = (Name::new(name)?, Root::find()?);
        let (header, layout) = plan_layout::<S>(&plan)?;
        let new = {
            let locked = root.lock()?;
            locked.names()?; // removes debris, which may be in the way
            locked.create_unfinished(&name)?
        };
        let path = new.path.clone();
        let built = Self::build(new, &name, header, layout, &plan.role).and_then(|segment| {
            root.lock()?.publish(&name, &path)?;
            let ended = segment.membership.end_building();
            ended.map_err(Error::system("unlock", &path))?;
            Ok(segment)
        });
        if built.is_err()
            && let Ok(locked) = root.lock()
        {
            let _ = locked.remove(&path);
        }
        built.map(|mut segment| {
            segment.root = Some(root);
            segment.name = Some(name);
            segment
        })
    }

    /// Reserves, maps and fills a file that has no name yet.
    fn build(
        new: Unfinished,
        name: &Name,
        header: Header,
        layout: Layout<S>,
        role: &str,
    ) -> Result<Self> {
        // An open file of its own, see `LockedRoot::open`.
        let file = os::open_private(&new.path).map_err(Error::system("open", &new.path))?;
        reserve(&file, header.length, &new)?;
        let mapping =
            Mapping::of_file(&file, layout.length).map_err(Error::system("map", &new.target))?;
        mapping.write_start(&header.to_bytes());
        Self::attach(
            name.as_str(),
            header,
            layout,
            &mapping,
            Some(new.locks),
            role,
            true,
        )
    }

    /// Attaches to segment `name`. `check` may refuse what its header says.
    pub(crate) fn open(
        name: &str,
        attach: &Attach,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<Self> {
        let (name, root) = (Name::new(name)?, Root::find()?);
        let began = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let opened = Self::open_now(&root.lock()?, &root, &name, &attach.role, &check);
            match opened {
                Err(Error::NotFound { .. }) if began.elapsed() < attach.wait => {
                    thread::sleep(pause.min(attach.wait.saturating_sub(began.elapsed())));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
                Ok(mut segment) => {
                    segment.root = Some(root);
                    segment.name = Some(name);
                    return Ok(segment);
                }
            }
        }
    }

    fn open_now(
        locked: &LockedRoot<'_>,
        root: &Root,
        name: &Name,
        role: &str,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<Self> {
        let (file, locks, header) = locked.open(name)?;
        if header.kind != S::KIND {
            return Err(Error::WrongKind {
                name: name.as_str().into(),
                expected: S::KIND,
                found: header.kind,
            });
        }
        check(&header)?;
        let damaged = |reason| Error::Damaged {
            name: name.as_str().into(),
            reason,
        };
        let layout = Layout::<S>::of(&header).map_err(damaged)?;
        if layout.length as u64 != header.length {
            return Err(damaged(format!(
                "its {} bytes are not the {} that its header asks for",
                header.length, layout.length
            )));
        }
        let path = name.file(&root.path);
        let mapping =
            Mapping::of_file(&file, layout.length).map_err(Error::system("map", &path))?;
        Self::attach(
            name.as_str(),
            header,
            layout,
            &mapping,
            Some(locks),
            role,
            false,
        )
    }

    /// Creates a segment without a name, in the memory of this process.
    pub(crate) fn anonymous(plan: Plan) -> Result<Self> {
        let (header, layout) = plan_layout::<S>(&plan)?;
        let mapping = Mapping::anonymous(layout.length)
            .map_err(Error::system("reserve memory for", "an anonymous segment"))?;
        Self::attach(
            "(anonymous)",
            header,
            layout,
            &mapping,
            None,
            &plan.role,
            true,
        )
    }

    /// Joins a mapped segment; fills it first where it is new.
    fn attach(
        name: &str,
        header: Header,
        layout: Layout<S>,
        mapping: &Arc<Mapping>,
        locks: Option<os::ByteLocks>,
        role: &str,
        new: bool,
    ) -> Result<Self> {
        let structure = S::place(layout.structure, mapping);
        if new {
            structure.initialise(&header);
        }
        let table = mapping.region(&layout.table);
        let membership = Membership::join(table, locks, role, |entry| structure.reset(entry))
            .map_err(Error::system("lock", name))?
            .ok_or_else(|| Error::TooManyParticipants {
                name: name.into(),
                limit: header.participants,
            })?;
        let channel = Channel::new(header.nonce).map_err(Error::system("wait on", name))?;
        Ok(Self {
            structure,
            name: None,
            root: None,
            membership,
            lock: mapping.region(&layout.lock),
            channel,
            header,
        })
    }

    /// The segment's name; `None` for one without.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Name::as_str)
    }

    /// An error in a process that was forked from the one that attached.
    #[inline(always)]
    pub(crate) fn check_process(&self) -> Result<()> {
        match self.membership.is_ours() {
            true => Ok(()),
            false => Err(Error::Forked {
                name: self.name().unwrap_or("(anonymous)").into(),
            }),
        }
    }

    /// Whether this is still the process that attached.
    pub(crate) fn is_ours(&self) -> bool {
        self.membership.is_ours()
    }

    /// Takes the segment's lock.
    #[inline]
    pub(crate) fn lock(&self) -> Result<Guard<'_, S>> {
        self.check_process()?;
        let damaged = self.words().acquire(&self.membership) == Found::Damaged;
        Ok(Guard {
            segment: self,
            damaged,
            panicking: thread::panicking(),
        })
    }

    /// Whether the lock's owner is dead: for those who read without the lock and would not notice.
    /// Costs one load while the lock is free, and a question to the system while it is not.
    #[inline]
    pub(crate) fn lock_is_orphaned(&self) -> bool {
        let owner = Owner::from_bits(self.words().owner_bits());
        owner.is_some_and(|owner| !self.membership.is_alive(owner))
    }

    #[inline(always)]
    fn words(&self) -> Lock<'_> {
        Lock {
            words: &self.lock[0],
            me: self.membership.owner(),
            channel: &self.channel,
        }
    }

    /// Where participants wait for something of the structure's own, `number` from 1 on.
    pub(crate) fn channel(&self, number: u64) -> Result<Channel> {
        Channel::new(self.header.nonce.wrapping_add(number)).map_err(Error::system(
            "wait on",
            self.name().unwrap_or("(anonymous)"),
        ))
    }

    /// This participant, for claims.
    #[inline(always)]
    pub(crate) fn owner(&self) -> Owner {
        self.membership.owner()
    }

    /// Who can tell whether a participant is alive.
    pub(crate) fn peers(&self) -> &impl Peers {
        &self.membership
    }

    /// Whether the participant that has this entry now is alive.
    pub(crate) fn is_entry_alive(&self, entry: usize) -> bool {
        self.membership.is_entry_alive(entry)
    }

    /// This participant's counters.
    #[inline(always)]
    pub(crate) fn counters(&self) -> &[AtomicU64; COUNTERS] {
        self.membership.counters()
    }

    /// A counter summed over all participants there ever were.
    pub(crate) fn total(&self, counter: usize) -> u64 {
        self.membership.total(counter)
    }

    /// Everybody who is attached and alive; frees the entries of the dead.
    pub(crate) fn participants(&self) -> Result<Vec<Participant>> {
        self.check_process()?;
        self.clean();
        Ok(self.membership.participants())
    }

    /// Frees what the dead held.
    pub(crate) fn clean(&self) {
        self.membership.clean(|entry| self.structure.reset(entry));
    }
}

impl<S> Drop for Segment<S> {
    fn drop(&mut self) {
        if !self.membership.is_ours() {
            return; // the entry is the parent's
        }
        let (Some(root), Some(name), Lifetime::WhileAttached) =
            (&self.root, &self.name, self.header.lifetime)
        else {
            self.membership.leave();
            return;
        };
        // Under the root's lock, so that nobody attaches between the look and the removal. Without
        // it (a full descriptor table, say) leaving still works, and the next program cleans up.
        let locked = root.lock();
        let last = self.membership.leave();
        if let (true, Ok(locked), Some(Ok(file))) = (last, locked, self.membership.file()) {
            let _ = locked.unlink_same(name, &file);
        }
    }
}

/// The lock of a segment, held.
pub(crate) struct Guard<'a, S: Structure> {
    segment: &'a Segment<S>,
    damaged: bool,
    /// Whether the thread was panicking already when it took the lock.
    panicking: bool,
}

impl<S: Structure> Guard<'_, S> {
    /// Whether what the lock guards must be repaired, because its last owner died or panicked.
    #[inline(always)]
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// The repair is done.
    pub(crate) fn repaired(&mut self) {
        self.damaged = false;
        self.segment.words().repaired();
    }
}

impl<S: Structure> Drop for Guard<'_, S> {
    #[inline]
    fn drop(&mut self) {
        if thread::panicking() && !self.panicking {
            self.segment.words().needs_repair();
        }
        self.segment.words().release();
    }
}

/// Reserves the space of a new segment.
fn reserve(file: &std::fs::File, asked: u64, new: &Unfinished) -> Result<()> {
    let directory = new.path.parent().unwrap_or(&new.path);
    let no_space = |free| Error::NoSpace {
        directory: directory.into(),
        asked,
        free,
    };
    // Some file systems take all there is before they say that it does not suffice; so ask first.
    let free = os::free_space(directory).map_err(Error::system("look at", directory))?;
    if free < asked {
        return Err(no_space(free));
    }
    os::reserve(file, asked).map_err(|error| match os::is_full(&error) {
        true => no_space(free),
        false => Error::system("reserve space for", &new.target)(error),
    })
}

fn plan_layout<S: Structure>(plan: &Plan) -> Result<(Header, Layout<S>)> {
    let created = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut header = Header {
        kind: S::KIND.into(),
        length: 0,
        nonce: rand::random(),
        created: created.unwrap_or_default().as_micros() as u64,
        lifetime: plan.lifetime,
        participants: plan.participants,
        parameters: plan.parameters,
        schema: plan.schema.clone(),
    };
    let layout = Layout::<S>::of(&header).map_err(|found| Error::InvalidArgument {
        what: "a new segment",
        found: format!("impossible: {found}"),
        expected: "smaller, with 1 to 1022 participants".into(),
    })?;
    header.length = layout.length as u64;
    Ok((header, layout))
}

/// Attaches to what is there, or creates it, whoever else does the same meanwhile.
pub(crate) fn open_or_create<H>(
    open: impl Fn() -> Result<H>,
    create: impl Fn() -> Result<H>,
) -> Result<H> {
    let mut pause = Duration::from_millis(1);
    loop {
        match open() {
            Err(Error::NotFound { .. }) => {}
            other => return other,
        }
        match create() {
            // It is there by now, or somebody is building it.
            Err(Error::AlreadyExists { .. }) => thread::sleep(pause),
            other => return other,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// An error where a segment that was to be opened or created has an option other than `expected`.
pub(crate) fn check_option<V: PartialEq + ToString>(
    name: &str,
    what: &'static str,
    expected: V,
    found: V,
) -> Result<()> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::WrongOption {
            name: name.into(),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        }),
    }
}

/// The segments that exist, by name; all of them, or those of one `run` (the first components of
/// their names).
///
/// Segments whose lifetime is over are removed first, and so is what killed creators left.
///
/// # Errors
/// [`Error::InvalidName`], [`Error::UntrustedDirectory`], or what the system says.
///
/// ```
/// use millpond::{Pool, PoolOptions};
///
/// let pool = Pool::<f32>::create("list-example/pool", PoolOptions::new(100))?;
/// let found = millpond::list(Some("list-example"))?;
/// assert_eq!(found[0].kind, "pool");
/// assert_eq!(found[0].participants, 1);
/// millpond::unlink_all("list-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub fn list(run: Option<&str>) -> Result<Vec<SegmentInfo>> {
    let run = run.map(Name::new).transpose()?;
    let root = Root::find()?;
    let locked = root.lock()?;
    let mut names = locked.names()?;
    names.retain(|name| run.as_ref().is_none_or(|run| name.belongs_to(run)));
    Ok(names.iter().map(|name| locked.describe(name)).collect())
}

/// Removes a segment's name. Who is attached keeps the segment until they drop it; nobody can
/// attach any more, and the name is free at once.
///
/// # Errors
/// [`Error::NotFound`] where no segment has the name, [`Error::InvalidName`],
/// [`Error::UntrustedDirectory`], or what the system says.
///
/// ```
/// use millpond::{Board, BoardOptions};
///
/// let board = Board::<f32>::create("unlink-example", BoardOptions::new(3))?;
/// millpond::unlink("unlink-example")?;
/// assert!(millpond::unlink("unlink-example").is_err());
/// board.publish(&[1.0, 2.0, 3.0])?; // still there for who has it
/// # Ok::<(), millpond::Error>(())
/// ```
pub fn unlink(name: &str) -> Result<()> {
    let (name, root) = (Name::new(name)?, Root::find()?);
    root.lock()?.unlink(&name)
}

/// Removes every segment of a run, that is whose name is `run` or begins with `run/`, and says how
/// many there were.
///
/// # Errors
/// As [`unlink`]; that there are none is no error.
pub fn unlink_all(run: &str) -> Result<usize> {
    let (run, root) = (Name::new(run)?, Root::find()?);
    let locked = root.lock()?;
    let mut names = locked.names()?;
    names.retain(|name| name.belongs_to(&run));
    for name in &names {
        locked.unlink(name)?;
    }
    Ok(names.len())
}
