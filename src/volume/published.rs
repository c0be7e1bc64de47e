//! A content as a process has it open: where it came from, and its next version.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::draft::{Draft, Sink};
use super::options::{Check, OpenOptions, PublishOptions};
use super::place::Place;
use super::versions::Versions;
use super::{Content, Handle, PARAMETERS, Volume};
use crate::error::{Error, Result};
use crate::os;
use crate::segment::{Header, wait_for};

/// What is done about the data of a volume before it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is checked, when the options say so.
    Checked,
    /// It is believed to be what was published.
    Blind,
}

/// A content that was published, mapped.
pub(crate) struct Published<C: Content> {
    pub(crate) content: C,
    volume: Volume,
    place: Place,
    source: Source<C>,
    options: OpenOptions,
    trust: Trust,
}

/// Where newer versions come from.
enum Source<C: Content> {
    Name(Arc<Versions<C>>),
    /// The file that is mapped.
    File(File),
    Memory,
}

impl<C: Content> Published<C> {
    /// Opens what lies at `place`.
    pub(crate) fn open(place: &Place, options: &OpenOptions, trust: Trust) -> Result<Self> {
        wait_for(options.wait, || {
            let (source, volume) = match place {
                Place::Name(name) => {
                    let versions = Versions::open(name, options)?;
                    let volume = versions.map(options)?;
                    (Source::Name(Arc::new(versions)), volume)
                }
                Place::File(path) => {
                    let file = open_file(path)?;
                    let volume = Volume::of_file::<C>(&file, path, &place.label(), options)?;
                    (Source::File(file), volume)
                }
                Place::Memory => {
                    return Error::invalid(
                        "the place to open",
                        "memory without a name".into(),
                        "a name or a path; or publish there, which gives what can be used".into(),
                    );
                }
            };
            Self::new(place, source, volume, options, trust)
        })
    }

    /// Opens the version of a handle, or a newer one.
    pub(crate) fn open_handle(handle: &Handle, options: &OpenOptions) -> Result<Self> {
        let opened = Self::open(handle.place(), options, Trust::Checked)?;
        match opened.version() >= handle.version() {
            true => Ok(opened),
            false => Err(Error::WrongOption {
                name: handle.place().label(),
                what: "version",
                expected: format!("{} or newer", handle.version()),
                found: opened.version().to_string(),
            }),
        }
    }

    /// Publishes at `place` what `write` writes, and gives it.
    pub(crate) fn publish(
        place: &Place,
        options: &PublishOptions,
        write: impl FnOnce(&mut Draft) -> Result<[u64; PARAMETERS]>,
    ) -> Result<Self> {
        let mut draft = Draft::begin::<C>(place)?;
        let numbers = write(&mut draft)?;
        let mut finished = draft.finish(numbers)?;
        let versions = match place {
            Place::Name(name) => Some(Versions::open_or_create(name, options)?),
            _ => None,
        };
        match (&versions, place) {
            (Some(versions), _) => drop(versions.publish(&mut finished)?),
            (None, Place::File(path)) => finished.write_header(next_version(path))?,
            (None, _) => finished.write_header(1)?,
        }
        let (file, path) = finished.file();
        let open = OpenOptions::new();
        let volume = Volume::of_file::<C>(file, path, &place.label(), &open)?;
        let source = match (versions, finished.sink) {
            (Some(versions), _) => Source::Name(Arc::new(versions)),
            (None, Sink::File(target)) => {
                target.publish()?;
                let Place::File(path) = place else {
                    unreachable!("a target is for a file")
                };
                Source::File(open_file(path)?)
            }
            (None, _) => Source::Memory,
        };
        // This process has just written it.
        Self::new(place, source, volume, &open, Trust::Blind).map(|mut published| {
            published.trust = Trust::Checked;
            published
        })
    }

    fn new(
        place: &Place,
        source: Source<C>,
        volume: Volume,
        options: &OpenOptions,
        trust: Trust,
    ) -> Result<Self> {
        let content = check(place, &source, &volume, options, trust)?;
        Ok(Self {
            content,
            volume,
            place: place.clone(),
            source,
            options: options.clone(),
            trust,
        })
    }

    /// Moves over to the newest version; says whether there was one.
    pub(crate) fn refresh(&mut self) -> Result<bool> {
        let (volume, newer) = match &self.source {
            Source::Name(versions) if versions.current() == self.volume.version() => {
                return Ok(false);
            }
            Source::Name(versions) => (versions.map(&self.options)?, None),
            Source::File(file) => {
                let Place::File(path) = &self.place else {
                    unreachable!("what lies in a file has a path")
                };
                let same = os::is_same_file(file, path);
                if same.map_err(Error::system("look at", path))? {
                    return Ok(false);
                }
                let newer = open_file(path)?;
                let name = self.place.label();
                let volume = Volume::of_file::<C>(&newer, path, &name, &self.options)?;
                (volume, Some(newer))
            }
            Source::Memory => return Ok(false),
        };
        let (place, options) = (&self.place, &self.options);
        self.content = check(place, &self.source, &volume, options, self.trust)?;
        self.volume = volume;
        if let Some(newer) = newer {
            self.source = Source::File(newer);
        }
        Ok(true)
    }

    /// Waits for a version newer than this one, and gives the newest one's number.
    pub(crate) fn wait_newer(&self, limit: Duration) -> Result<u64> {
        match &self.source {
            Source::Name(versions) => versions.wait_newer(self.version(), limit),
            _ => Error::invalid(
                "what to wait for",
                "a plain file, or memory without a name".into(),
                "published under a name".into(),
            ),
        }
    }

    /// Which version this is.
    pub(crate) fn version(&self) -> u64 {
        self.volume.version()
    }

    /// How many bytes the data has.
    pub(crate) fn bytes(&self) -> usize {
        self.volume.bytes().len()
    }

    /// Where it lies, and which version it is.
    pub(crate) fn handle(&self) -> Result<Handle> {
        match &self.place {
            Place::Memory => Error::invalid(
                "what to make a handle of",
                "memory without a name".into(),
                "published under a name, or as a file".into(),
            ),
            place => Ok(Handle::new(place, self.version())),
        }
    }

    /// Where it lies.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

/// Finds the content in a volume, after whatever is to be checked about it.
fn check<C: Content>(
    place: &Place,
    source: &Source<C>,
    volume: &Volume,
    options: &OpenOptions,
    trust: Trust,
) -> Result<C> {
    let name = place.label();
    let damaged = |reason| Error::Damaged {
        name: name.clone(),
        reason,
    };
    let versions = match source {
        Source::Name(versions) => Some(versions),
        _ => None,
    };
    let is_known = versions.is_some_and(|versions| versions.is_checked(volume.version()));
    let looks = trust == Trust::Checked && !(is_known && options.check == Check::Once);
    if looks {
        volume.check_sum(&name)?;
    }
    let content = C::place(volume.clone()).map_err(damaged)?;
    if looks {
        content.verify().map_err(damaged)?;
        if let Some(versions) = versions {
            versions.set_checked(volume.version());
        }
    }
    Ok(content)
}

fn open_file(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::NotFound {
            name: path.display().to_string(),
            root: path.parent().unwrap_or(path).into(),
        },
        _ => Error::system("open", path)(error),
    })
}

/// The version after that of the file at `path`; 1 where there is none.
fn next_version(path: &Path) -> u64 {
    let header = File::open(path).ok().and_then(|file| {
        let header = Header::read("", &mut os::contents(&file));
        header.ok()
    });
    header.map_or(1, |header| {
        header.parameters[super::VERSION].wrapping_add(1)
    })
}
