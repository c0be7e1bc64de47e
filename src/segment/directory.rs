//! What a user can do about segments without attaching to them: list and remove.

use super::name::Name;
use super::names::SegmentInfo;
use super::root::Root;
use crate::error::Result;

/// The segments that exist, by name; all of them, or those of one `run` (the first components of
/// their names).
///
/// Segments whose lifetime is over are removed first, and so is what killed creators left.
///
/// # Errors
/// [`Error::InvalidName`](crate::Error::InvalidName), [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory), or what the system says.
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
    let found = names.iter().map(|name| locked.describe(name).transpose());
    found.flatten().collect()
}

/// Removes a segment's name. Who is attached keeps the segment until they drop it; nobody can
/// attach any more, and the name is free at once.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) where no segment has the name, [`Error::InvalidName`](crate::Error::InvalidName),
/// [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory), or what the system says.
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
