//! What the layer above tells of a structure, and where the parts of its segment lie.
//!
//! Computes only; touches no memory of a segment.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Lifetime;
use super::arena::{Carver, Mapping, Span};
use super::entry::Entry;
use super::header::{HEADER_BYTES, Header, LONGEST_SCHEMA, PARAMETERS};
use super::paging::Paging;
use super::root_lock::LockWait;
use crate::error::{Error, Result};
use crate::os;
use crate::sync::LockWords;

/// What helps where there is no room for a segment, besides making some.
pub(super) const REMEDY: &str =
    "make it smaller, or set MILLPOND_DIR to a directory with more room before it is created";

/// Why a structure cannot be laid out, where a region does not fit into an address.
pub(crate) fn too_large() -> String {
    "it is larger than the address space".into()
}

/// What lies in a segment, as the layer above describes it.
pub(crate) trait Structure: Sized {
    /// Its name in the header; at most 16 bytes.
    const KIND: &'static str;
    /// What helps where there is no room for it, besides making some; ends a sentence.
    const REMEDY: &'static str = REMEDY;
    /// How many files it has for data that grows; at most 4.
    const COMPANIONS: usize = 0;
    /// Where its regions lie.
    type Layout;

    /// Carves the regions that `header` asks for, or says why it cannot be. Must not trust it.
    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Self::Layout, String>;
    /// How long its companions are in a new segment.
    fn first_lengths(_header: &Header) -> Vec<u64> {
        Vec::new()
    }
    /// Finds the regions in a mapping of the right length.
    fn place(layout: Self::Layout, mapping: &Arc<Mapping>) -> Self;
    /// Writes the first contents; everything is zero before.
    fn initialise(&self, header: &Header);
    /// Forgets what a former participant with this entry held.
    fn reset(&self, entry: usize);
}

/// What a new segment is to be.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) lifetime: Lifetime,
    pub(crate) participants: usize,
    pub(crate) parameters: [u64; PARAMETERS],
    /// Locks of the structure's parts, numbered from 0.
    pub(crate) locks: usize,
    pub(crate) schema: String,
    pub(crate) role: String,
    pub(crate) paging: Paging,
    /// For the lock of the root directory.
    pub(crate) wait: LockWait,
}

/// The regions that every segment begins with, and those of its structure.
pub(super) struct Layout<S: Structure> {
    pub(super) locks: Span<LockWords>,
    pub(super) table: Span<Entry>,
    pub(super) structure: S::Layout,
    pub(super) length: usize,
}

impl<S: Structure> Layout<S> {
    /// Carves the layout that `header` asks for, or says why it cannot be.
    pub(super) fn of(header: &Header) -> std::result::Result<Self, String> {
        header.check_counts()?;
        if header.schema.len() > LONGEST_SCHEMA {
            return Err("its schema is too long".into());
        }
        let mut carver = Carver::after(HEADER_BYTES + header.schema.len());
        Ok(Self {
            locks: carver.carve(header.locks).ok_or_else(too_large)?,
            table: carver.carve(header.participants).ok_or_else(too_large)?,
            structure: S::lay_out(header, &mut carver)?,
            length: carver.length(),
        })
    }

    /// The layout of a segment that was opened under `name`: of the right kind, not refused by `check`,
    /// and as long as its header asks for.
    pub(super) fn of_opened(
        name: &str,
        header: &Header,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<Self> {
        if header.kind != S::KIND {
            return Err(Error::WrongKind {
                name: name.into(),
                expected: S::KIND,
                found: header.kind.clone(),
            });
        }
        check(header)?;
        let damaged = |reason| Error::Damaged {
            name: name.into(),
            reason,
        };
        let layout = Self::of(header).map_err(damaged)?;
        match layout.length as u64 == header.length {
            true => Ok(layout),
            false => Err(damaged(format!(
                "its {} bytes are not the {} that its header asks for",
                header.length, layout.length
            ))),
        }
    }
}

/// The header and the layout of a new segment.
pub(super) fn plan_layout<S: Structure>(plan: &Plan) -> Result<(Header, Layout<S>)> {
    let created = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut header = Header {
        kind: S::KIND.into(),
        length: 0,
        nonce: os::random().map_err(Error::system("draw", "a random number"))?,
        created: created.unwrap_or_default().as_micros() as u64,
        lifetime: plan.lifetime,
        participants: plan.participants,
        parameters: plan.parameters,
        locks: plan.locks,
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
