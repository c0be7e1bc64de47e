//! Creating segments and attaching to them.
//!
//! Names change hands under the root's lock (`names.rs`); space is reserved and contents are written
//! while nobody else can see them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::arena::Mapping;
use super::companion::{Companion, MOST_COMPANIONS, reserve};
use super::header::Header;
use super::name::Name;
use super::names::{Opened, Unfinished};
use super::participants::Membership;
use super::root::Root;
use super::root_lock::LockWait;
use super::structure::{Layout, Plan, Structure, plan_layout};
use super::{Attach, Segment, channel};
use crate::error::{ANONYMOUS, Error, Result};
use crate::os::{Access, ByteLocks, fail_point};

/// The longest pause between two looks for a segment that is not there yet.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

impl<S: Structure> Segment<S> {
    /// Creates segment `name`: it appears whole, or not at all.
    pub(crate) fn create(name: &str, plan: Plan) -> Result<Self> {
        let (name, root) = (Name::new(name)?, Root::find()?);
        let created = match Self::create_in(&root, &name, &plan) {
            // What killed processes left may take up the room.
            Err(error) if error.is_full() && root.collect_all(plan.wait)? > 0 => {
                Self::create_in(&root, &name, &plan)
            }
            other => other,
        };
        created.map(|mut segment| {
            segment.root = Some(root);
            segment.name = Some(name);
            segment
        })
    }

    fn create_in(root: &Root, name: &Name, plan: &Plan) -> Result<Self> {
        const { assert!(S::COMPANIONS <= MOST_COMPANIONS) };
        let (header, layout) = plan_layout::<S>(plan)?;
        let nonce = header.nonce;
        let (new, locks, companions, share) = {
            let locked = root.lock(plan.wait)?;
            let share = locked.begin_share();
            let (new, locks) = locked.create_unfinished(name)?;
            let made = locked.create_companions(name, nonce, S::COMPANIONS, plan.paging);
            if made.is_err() {
                let _ = locked.remove(&new.path);
            }
            (new, locks, made?, share)
        };
        fail_point("create.unfinished");
        let path = &new.path;
        let collected = share.map_or(Ok(()), |after| root.collect_share(&after, plan.wait));
        let built = collected
            .and_then(|()| extend_first::<S>(&header, &companions))
            .and_then(|()| Self::build(&new, locks, name, root, (header, layout), plan));
        let built = built.and_then(|segment| {
            root.lock(plan.wait)?.publish(name, path)?;
            fail_point("create.published");
            let ended = segment.membership.end_building();
            ended.map_err(Error::system("unlock", path))?;
            fail_point("create.unlocked");
            Ok(segment)
        });
        if let Err(error) = &built {
            // A process that has waited for the lock in vain does not wait again: what is left is garbage.
            let wait = match error {
                Error::DirectoryLocked { .. } => LockWait::Never,
                _ => plan.wait,
            };
            if let Ok(locked) = root.lock(wait) {
                let _ = locked.remove_unfinished(&new, nonce);
            }
        }
        built.map(|mut segment| {
            segment.companions = companions;
            segment
        })
    }

    /// Reserves, maps and fills a file that has no name yet.
    fn build(
        new: &Unfinished,
        locks: ByteLocks,
        name: &Name,
        root: &Root,
        (header, layout): (Header, Layout<S>),
        plan: &Plan,
    ) -> Result<Self> {
        let file = new.file()?;
        reserve(file, header.length, &new.target, &root.path, S::REMEDY)?;
        fail_point("create.reserved");
        let mapping = Mapping::of_file(file, layout.length, Access::Write)
            .map_err(Error::system("map", &new.target))?;
        mapping.prepare(plan.paging, &new.target)?;
        mapping.write_start(&header.to_bytes());
        fail_point("create.header");
        Self::attach(
            name.as_str(),
            header,
            layout,
            &mapping,
            Some(locks),
            &plan.role,
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
        let (mut segment, mapping) = wait_for(attach.wait, |wait| {
            // A limit that was given beside the time to wait for the segment is that of a longer operation.
            let wait = match attach.wait.is_zero() {
                true => attach.lock_wait,
                false => wait,
            };
            Self::open_with_patience(&root, &name, attach, wait, &check)
        })?;
        let path = name.file(&root.path);
        segment.root = Some(root);
        segment.name = Some(name);
        // Takes its time, and nobody should wait for the root meanwhile.
        mapping.prepare(attach.paging, path)?;
        Ok(segment)
    }

    /// Looks again before it finds no free entry: a process that cleans up after the dead holds the byte of a
    /// free one for some microseconds.
    fn open_with_patience(
        root: &Root,
        name: &Name,
        attach: &Attach,
        wait: LockWait,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<(Self, Arc<Mapping>)> {
        const LOOKS: usize = 3;
        for _ in 1..LOOKS {
            match Self::open_now(root, name, attach, wait, &check) {
                Err(Error::TooManyParticipants { .. }) => thread::sleep(Duration::from_millis(1)),
                other => return other,
            }
        }
        Self::open_now(root, name, attach, wait, check)
    }

    fn open_now(
        root: &Root,
        name: &Name,
        attach: &Attach,
        wait: LockWait,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<(Self, Arc<Mapping>)> {
        let Opened {
            file,
            locks,
            header,
            locked,
        } = root.open_segment(name, Access::Write, wait)?;
        let layout = Layout::<S>::of_opened(name.as_str(), &header, check)?;
        let mapping = Mapping::of_file(&file, layout.length, Access::Write)
            .map_err(Error::system("map", name.file(&root.path)))?;
        let companions = root.open_companions(name, header.nonce, S::COMPANIONS, attach.paging)?;
        let mut segment = Self::attach(
            name.as_str(),
            header,
            layout,
            &mapping,
            Some(locks),
            &attach.role,
            false,
        )?;
        drop(locked);
        segment.companions = companions;
        Ok((segment, mapping))
    }

    /// Creates a segment without a name, in the memory of this process. Companions, which grow, are
    /// files all the same.
    pub(crate) fn anonymous(plan: Plan) -> Result<Self> {
        let (header, layout) = plan_layout::<S>(&plan)?;
        let mapping = Mapping::anonymous(layout.length)
            .map_err(Error::system("reserve memory for", "an anonymous segment"))?;
        mapping.prepare(plan.paging, "an anonymous segment")?;
        let companions = match S::COMPANIONS {
            0 => Vec::new(),
            count => Root::find()?.create_nameless_companions(count, plan.paging)?,
        };
        extend_first::<S>(&header, &companions)?;
        let mut segment =
            Self::attach(ANONYMOUS, header, layout, &mapping, None, &plan.role, true)?;
        segment.companions = companions;
        Ok(segment)
    }

    /// Joins a mapped segment; fills it first where it is new.
    fn attach(
        name: &str,
        header: Header,
        layout: Layout<S>,
        mapping: &Arc<Mapping>,
        locks: Option<ByteLocks>,
        role: &str,
        new: bool,
    ) -> Result<Self> {
        let structure = S::place(layout.structure, mapping);
        if new {
            structure.initialise(&header);
            fail_point("create.initialised");
        }
        let table = mapping.region(&layout.table);
        let membership = Membership::join(table, locks, role, |entry| structure.reset(entry))
            .map_err(Error::system("lock", name))?
            .ok_or_else(|| Error::TooManyParticipants {
                name: name.into(),
                limit: header.participants,
            })?;
        let channels = (0..header.locks).map(|number| channel(name, &header, number as u64));
        Ok(Self {
            structure,
            name: None,
            root: None,
            membership,
            locks: mapping.region(&layout.locks),
            channels: channels.collect::<Result<_>>()?,
            companions: Vec::new(),
            header,
        })
    }
}

/// Gives the companions of a new segment their first lengths.
fn extend_first<S: Structure>(header: &Header, companions: &[Companion]) -> Result<()> {
    let mut lengths = S::first_lengths(header).into_iter().zip(companions);
    lengths.try_for_each(|(length, companion)| companion.extend(length))
}

/// Opens, again and again until `limit` has passed, what is not there yet. The limit is one for the lock of
/// the root directory, too, if there is any.
pub(crate) fn wait_for<R>(limit: Duration, open: impl Fn(LockWait) -> Result<R>) -> Result<R> {
    let began = Instant::now();
    let wait = match limit.is_zero() {
        true => LockWait::Patience,
        false => LockWait::within(limit),
    };
    let mut pause = Duration::from_millis(1);
    loop {
        match open(wait) {
            Err(Error::NotFound { .. }) if began.elapsed() < limit => {
                thread::sleep(pause.min(limit.saturating_sub(began.elapsed())));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(Error::NotFound { name, root, .. }) => {
                let waited = limit;
                return Err(Error::NotFound { name, root, waited });
            }
            other => return other,
        }
    }
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
