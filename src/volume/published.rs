//! A content as a process has it open: where it came from, and its next version.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::draft::{Draft, Finished};
use super::options::{Check, OpenOptions, PublishOptions};
use super::place::Place;
use super::versions::Versions;
use super::{Content, Expected, Handle, PARAMETERS, Target, Volume};
use crate::error::{Error, Result};
use crate::os;
use crate::segment::{Header, LockWait, wait_for};

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
}

/// Where newer versions come from.
enum Source<C: Content> {
    Name(Box<Versions<C>>),
    /// The file that is mapped, and its path.
    File(File, PathBuf),
    Memory,
}

impl<C: Content> Published<C> {
    /// Opens what lies at `place`.
    pub(crate) fn open(
        place: Place,
        options: &OpenOptions,
        trust: Trust,
        expected: Expected<'_>,
    ) -> Result<Self> {
        let place = place.absolute()?;
        let opened = wait_for(options.wait, |wait| {
            let (source, volume) = Source::open(&place, options, wait, expected)?;
            let content = check(&place, &source, &volume, options, trust)?;
            Ok((source, volume, content))
        });
        let (source, volume, content) = opened.map_err(|error| match (error, &place) {
            (Error::NotFound { .. }, Place::File(path)) => {
                Error::system("open", path)(ErrorKind::NotFound.into())
            }
            (error, _) => error,
        })?;
        Ok(Self {
            content,
            volume,
            place,
            source,
            options: options.clone(),
        })
    }

    /// Opens the version of a handle, or a newer one.
    pub(crate) fn open_handle(
        handle: &Handle,
        options: &OpenOptions,
        expected: Expected<'_>,
    ) -> Result<Self> {
        let opened = Self::open(handle.place().clone(), options, Trust::Checked, expected)?;
        match opened.version() >= handle.version() {
            true => Ok(opened),
            false => Err(Error::WrongOption {
                name: handle.place().label(),
                what: "version",
                expected: format!("{} or newer, which the handle is of", handle.version()),
                found: opened.version().to_string(),
            }),
        }
    }

    /// An error where what is to be published cannot be, as far as that can be known before.
    pub(crate) fn check_place(place: &Place, options: &PublishOptions, schema: &str) -> Result<()> {
        options.check()?;
        match place {
            Place::Name(name) => Versions::<C>::check(name, options, schema),
            Place::File(path) => Target::check(path, "publish").map(drop),
            Place::Memory => Ok(()),
        }
    }

    /// Publishes at `place` what `write` writes, with this text in the header, and returns it opened. It is validated
    /// as on the first open, without the checksum, before any other process can see it.
    pub(crate) fn publish(
        place: Place,
        options: &PublishOptions,
        schema: &str,
        write: impl FnOnce(&mut Draft) -> Result<[u64; PARAMETERS]>,
    ) -> Result<Self> {
        let place = place.absolute()?;
        Self::check_place(&place, options, schema)?; // before the work
        let mut draft = Draft::begin::<C>(&place, schema)?;
        let parameters = write(&mut draft)?;
        let mut finished = draft.finish(parameters)?;
        let open = OpenOptions::new();
        let look = |finished: &Finished| {
            let (file, path) = finished.file()?;
            let expected = Expected::Text(schema);
            let volume = Volume::of_file::<C>(file, path, &place.label(), &open, expected)?;
            let content = C::place(volume.clone()).and_then(|content| {
                content.verify()?;
                Ok(content)
            });
            let name = place.label();
            volume.advise::<C>(&name, &open)?;
            let content = content.map_err(|reason| Error::Damaged { name, reason })?;
            Ok((volume, content))
        };
        let (source, (volume, content)) = match &place {
            Place::Name(name) => {
                let (versions, looked) =
                    publish_version(name, options, schema, &mut finished, look)?;
                (Source::Name(Box::new(versions)), looked)
            }
            Place::File(path) => {
                finished.write_header(next_version(path))?;
                let looked = look(&finished)?;
                (Source::File(finished.replace_file()?, path.clone()), looked)
            }
            Place::Memory => {
                finished.write_header(1)?;
                (Source::Memory, look(&finished)?)
            }
        };
        Ok(Self {
            content,
            volume,
            place,
            source,
            options: open,
        })
    }

    /// Moves over to the newest version; says whether there was one. It must have the types of this one, also where
    /// any types could be opened: the caller has looked at them.
    pub(crate) fn refresh(&mut self) -> Result<bool> {
        let expected = Expected::Text(self.volume.schema());
        let source = match &self.source {
            Source::Name(versions) => {
                versions.check_process()?;
                if versions.current() == self.volume.version() {
                    return Ok(false);
                }
                None
            }
            Source::File(file, path) => {
                // What a link leads to is what was opened.
                let found = path.canonicalize();
                let same = found.and_then(|path| os::is_same_file(file, &path));
                if same.map_err(Error::system("look at", path))? {
                    return Ok(false);
                }
                Some(Source::open(
                    &self.place,
                    &self.options,
                    LockWait::Patience,
                    expected,
                )?)
            }
            Source::Memory => return Ok(false),
        };
        let (source, volume) = match (source, &self.source) {
            (Some((source, volume)), _) => (Some(source), volume),
            (None, Source::Name(versions)) => (None, versions.map(&self.options, expected)?),
            (None, _) => return Ok(false),
        };
        let from = source.as_ref().unwrap_or(&self.source);
        let trust = Trust::Checked;
        self.content = check(&self.place, from, &volume, &self.options, trust)?;
        self.volume = volume;
        if let Some(source) = source {
            self.source = source;
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

    /// The types of the content and the version of its format, as text.
    pub(crate) fn schema(&self) -> &str {
        self.volume.schema()
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

impl<C: Content> Source<C> {
    /// What lies at `place`, mapped.
    fn open(
        place: &Place,
        options: &OpenOptions,
        wait: LockWait,
        expected: Expected<'_>,
    ) -> Result<(Self, Volume)> {
        match place {
            Place::Name(name) => {
                let versions = Versions::open(name, options, wait, expected)?;
                let volume = versions.map(options, expected)?;
                Ok((Self::Name(Box::new(versions)), volume))
            }
            Place::File(path) => {
                let file = open_file(path)?;
                let volume = Volume::of_file::<C>(&file, path, &place.label(), options, expected)?;
                Ok((Self::File(file, path.clone()), volume))
            }
            Place::Memory => Error::invalid(
                "the place to open",
                "memory without a name".into(),
                "a name or a path; or publish there, which gives what can be used".into(),
            ),
        }
    }
}

/// Publishes under a name, whoever removes it meanwhile.
fn publish_version<C: Content, R>(
    name: &str,
    options: &PublishOptions,
    schema: &str,
    finished: &mut Finished,
    look: impl Fn(&Finished) -> Result<R>,
) -> Result<(Versions<C>, R)> {
    loop {
        let versions = Versions::open_or_create(name, options, schema)?;
        match versions.publish(finished, &look) {
            Err(Error::NotFound { .. }) => {}
            other => return Ok((versions, other?)),
        }
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
    volume.advise::<C>(&name, options)?;
    Ok(content)
}

fn open_file(path: &Path) -> Result<File> {
    let refuse = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Error::NotFound {
            name: path.display().to_string(),
            root: path.parent().unwrap_or(path).into(),
            waited: Duration::ZERO,
        },
        _ => Error::system("open", path)(error),
    };
    os::open_regular(path).map_err(refuse)
}

/// The version after that of the file at `path`; 1 where there is none.
fn next_version(path: &Path) -> u64 {
    let header = os::open_regular(path).ok().and_then(|file| {
        let header = Header::read("", &mut os::contents(&file));
        header.ok()
    });
    header.map_or(1, |header| {
        header.parameters[super::VERSION].wrapping_add(1)
    })
}
