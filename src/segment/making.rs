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
use super::names::{LockedRoot, Unfinished};
use super::participants::Membership;
use super::root::Root;
use super::structure::{Layout, Plan, Structure, plan_layout};
use super::{Attach, Segment, channel};
use crate::error::{ANONYMOUS, Error, Result};
use crate::os::{Access, ByteLocks, fail_point};

/// The longest pause between two looks for a segment that is not there yet.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

impl<S: Structure> Segment<S> {
    /// Creates segment `name`: it appears whole, or not at all.
    pub(crate) fn create(name: &str, plan: Plan) -> Result<Self> {
        const { assert!(S::COMPANIONS <= MOST_COMPANIONS) };
        let (name, root) = (Name::new(name)?, Root::find()?);
        let (header, layout) = plan_layout::<S>(&plan)?;
        let nonce = header.nonce;
        let (new, locks, companions) = {
            let locked = root.lock()?;
            locked.names()?; // removes debris, which may be in the way
            let (new, locks) = locked.create_unfinished(&name)?;
            let made = locked.create_companions(&name, nonce, S::COMPANIONS, plan.paging);
            if made.is_err() {
                let _ = locked.remove(&new.path);
            }
            (new, locks, made?)
        };
        fail_point("create.unfinished");
        let path = &new.path;
        let built = extend_first::<S>(&header, &companions)
            .and_then(|()| Self::build(&new, locks, &name, &root, (header, layout), &plan));
        let built = built.and_then(|segment| {
            root.lock()?.publish(&name, path)?;
            fail_point("create.published");
            let ended = segment.membership.end_building();
            ended.map_err(Error::system("unlock", path))?;
            fail_point("create.unlocked");
            Ok(segment)
        });
        if built.is_err()
            && let Ok(locked) = root.lock()
        {
            let _ = locked.remove_unfinished(&new, nonce);
        }
        built.map(|mut segment| {
            segment.companions = companions;
            segment.root = Some(root);
            segment.name = Some(name);
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
        reserve(&new.file, header.length, &new.target, &root.path, S::REMEDY)?;
        fail_point("create.reserved");
        let mapping = Mapping::of_file(&new.file, layout.length, Access::Write)
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
        let (mut segment, mapping) = wait_for(attach.wait, || {
            Self::open_now(&root.lock()?, &root, &name, attach, &check)
        })?;
        let path = name.file(&root.path);
        segment.root = Some(root);
        segment.name = Some(name);
        // Takes its time, and nobody should wait for the root meanwhile.
        mapping.prepare(attach.paging, path)?;
        Ok(segment)
    }

    fn open_now(
        locked: &LockedRoot<'_>,
        root: &Root,
        name: &Name,
        attach: &Attach,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<(Self, Arc<Mapping>)> {
        let (file, locks, header) = locked.open(name, Access::Write)?;
        let layout = Layout::<S>::of_opened(name.as_str(), &header, check)?;
        let mapping = Mapping::of_file(&file, layout.length, Access::Write)
            .map_err(Error::system("map", name.file(&root.path)))?;
        let companions =
            locked.open_companions(name, header.nonce, S::COMPANIONS, attach.paging)?;
        let mut segment = Self::attach(
            name.as_str(),
            header,
            layout,
            &mapping,
            Some(locks),
            &attach.role,
            false,
        )?;
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
            count => Root::find()?
                .lock()?
                .create_nameless_companions(count, plan.paging)?,
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

/// Opens, again and again until `limit` has passed, what is not there yet.
pub(crate) fn wait_for<R>(limit: Duration, open: impl Fn() -> Result<R>) -> Result<R> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match open() {
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
