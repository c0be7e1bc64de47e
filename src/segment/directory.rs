//! What a user can do about segments without attaching to them: list and remove.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::collect::Kind;
use super::header::Header;
use super::name::Name;
use super::names::is_over;
use super::participants;
use super::root::Root;
use super::root_lock::LockWait;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::os::{self, Access, ByteLocks};
use crate::record::Schema;

/// The kind of a segment whose header cannot be read.
const DAMAGED: &str = "damaged";

/// What [`list`] tells of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInfo {
    /// Its name.
    pub name: String,
    /// The structure that it holds, such as `pool`; `damaged` where the header cannot be read.
    pub kind: String,
    /// Its size in bytes, with all that it has grown by.
    pub bytes: u64,
    /// When it was created, by its creator's clock.
    pub created: SystemTime,
    /// How many participants are attached and alive.
    pub participants: usize,
    /// What a record, an element or a row is, where all are alike: in pools, boards, arrays, values and dictionaries.
    pub schema: Option<Schema>,
    /// The text by which the structure compares its types with those of a program that opens it: the schema, or, of
    /// lookups, archives and tries, what they say of keys and values.
    pub types: String,
    /// The numbers from which the structure computes its layout, and in which it keeps its options; `docs/design.md`
    /// has their meaning. Empty for a damaged segment.
    pub parameters: Vec<u64>,
}

/// Tells about the segment of this name, without attaching to it.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound); [`Error::Damaged`](crate::Error::Damaged) or
/// [`Error::WrongFormat`](crate::Error::WrongFormat) where the header cannot be read; else as [`list`].
///
/// ```
/// use millpond::{Pool, PoolOptions, Schema};
///
/// let pool = Pool::<f32>::create("info-example/pool", PoolOptions::new(100))?;
/// let info = millpond::info("info-example/pool")?;
/// assert_eq!((info.kind.as_str(), info.parameters[0]), ("pool", 100));
/// assert_eq!(info.schema, Some(Schema::of::<f32>()));
/// # millpond::unlink_all("info-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub fn info(name: &str) -> Result<SegmentInfo> {
    let root = Root::find()?;
    let name = Name::new(name)?;
    match root.describe(&name)? {
        None => Err(root.not_found(&name)),
        Some(info) if info.kind == DAMAGED => {
            let opened = root.open_to_look(&name.file(&root.path), name.as_str());
            Err(opened.err().unwrap_or_else(|| root.not_found(&name)))
        }
        Some(info) => Ok(info),
    }
}

/// The segments that exist, by name; all of them, or those of one `run` (the first components of
/// their names).
///
/// Segments whose lifetime is over are removed first, and so is what killed creators left. Others can create,
/// open and remove segments meanwhile; the list shows each of those before or after.
///
/// # Errors
/// [`Error::InvalidName`](crate::Error::InvalidName), [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory),
/// [`Error::DirectoryLocked`](crate::Error::DirectoryLocked) where there is something to remove, or what the system
/// says.
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
    let mut found = Vec::new();
    for path in Walk::new(&root, Path::new(""))? {
        let path = path?;
        match root.kind_of(&path) {
            Kind::Segment(name) if run.as_ref().is_none_or(|run| name.belongs_to(run)) => {
                found.extend(root.describe(&name)?);
            }
            kind => {
                root.collect(&path, &kind, LockWait::Patience)?;
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Removes a segment's name. Who is attached keeps the segment until they drop it; nobody can
/// attach any more, and the name is free at once.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) where no segment has the name, [`Error::InvalidName`](crate::Error::InvalidName),
/// [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory),
/// [`Error::DirectoryLocked`](crate::Error::DirectoryLocked), or what the system says.
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
    root.lock(LockWait::Patience)?.unlink(&name)
}

/// Removes every segment of a run, that is whose name is `run` or begins with `run/`, and says how
/// many there were. One that another process creates meanwhile may stay.
///
/// # Errors
/// As [`unlink`]; that there are none is no error.
pub fn unlink_all(run: &str) -> Result<usize> {
    let (run, root) = (Name::new(run)?, Root::find()?);
    let mut names = Vec::new();
    for path in Walk::new(&root, Path::new(""))? {
        let path = path?;
        let kind = root.kind_of(&path);
        let is_gone = root.collect(&path, &kind, LockWait::Patience)?;
        match kind {
            Kind::Segment(name) if !is_gone && name.belongs_to(&run) => names.push(name),
            _ => {}
        }
    }
    let mut removed = 0;
    for name in &names {
        match root.lock(LockWait::Patience)?.unlink(name) {
            // Another process did.
            Err(Error::NotFound { .. }) => {}
            other => {
                other?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

impl Root {
    /// What there is to tell about one segment; `None` where it is gone, or is removed because its lifetime is
    /// over. A file that cannot be read is damaged, unless this process may open no more files.
    fn describe(&self, name: &Name) -> Result<Option<SegmentInfo>> {
        let path = name.file(&self.path);
        let mut info = SegmentInfo {
            name: name.as_str().into(),
            kind: DAMAGED.into(),
            bytes: path.metadata().map_or(0, |found| found.len()),
            created: UNIX_EPOCH,
            participants: 0,
            schema: None,
            types: String::new(),
            parameters: Vec::new(),
        };
        match self.open_to_look(&path, "") {
            Ok((locks, header)) if is_over(&header, &locks) => {
                drop(locks);
                let removed = self.lock(LockWait::Patience)?.remove_if_over(name);
                match removed {
                    Ok(true) | Err(Error::NotFound { .. }) => return Ok(None),
                    // Another process attached just now.
                    _ => return self.describe(name),
                }
            }
            Ok((locks, header)) => {
                info.participants = participants::count_living(&locks, header.participants);
                info.bytes += self.companion_bytes(name, header.nonce);
                info.created = UNIX_EPOCH
                    .checked_add(Duration::from_micros(header.created))
                    .unwrap_or(UNIX_EPOCH);
                info.schema = header.record_schema().ok();
                info.parameters = header.parameters.to_vec();
                info.types = header.schema;
                info.kind = header.kind;
            }
            Err(Error::System { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(Error::System { cause, .. }) if os::is_too_many_files(&cause) => {
                return Err(Error::system("open", path)(cause));
            }
            Err(_) => {}
        }
        Ok(Some(info))
    }

    fn open_to_look(&self, path: &Path, name: &str) -> Result<(ByteLocks, Header)> {
        let open = |access| self.open_file(path, access);
        let file = open(Access::Read).map_err(Error::system("open", path))?;
        let locks = ByteLocks::open(|| open(Access::Write)).map_err(Error::system("open", path))?;
        let header = Header::read(name, &mut os::contents(&file))?;
        Ok((locks, header))
    }
}
