//! What every read-only structure offers in the same words.

/// Methods for an `impl` of a struct with a [`Published`](super::Published) that is called `published`;
/// it is made from one by `From`. `$expected` is what the text of a volume must be that is opened: an
/// [`Expected`](super::Expected).
macro_rules! volume_methods {
    ($expected:expr) => {
        /// Opens what was published: a name (`&str`), or a plain file (`&Path`).
        ///
        /// Takes microseconds where the data was checked before, see [`Check`](crate::readonly::Check); the data is
        /// mapped without permission to write, and its pages come as they are touched. It stays whole for
        /// as long as this value lives, whoever publishes another version, removes the name or dies.
        ///
        /// # Errors
        /// [`Error::NotFound`](crate::Error::NotFound); [`Error::WrongKind`](crate::Error::WrongKind) and
        /// [`Error::WrongContent`](crate::Error::WrongContent) where another structure or other types lie
        /// there; [`Error::Damaged`](crate::Error::Damaged);
        /// [`Error::TooManyParticipants`](crate::Error::TooManyParticipants);
        /// [`Error::System`](crate::Error::System).
        pub fn open(place: impl Into<crate::readonly::Place>) -> crate::Result<Self> {
            Self::open_with(place, &crate::readonly::OpenOptions::new())
        }

        /// As [`open`](Self::open), with options: waiting, checking, advice, huge pages.
        ///
        /// # Errors
        /// As [`open`](Self::open).
        pub fn open_with(
            place: impl Into<crate::readonly::Place>,
            options: &crate::readonly::OpenOptions,
        ) -> crate::Result<Self> {
            let trust = crate::volume::Trust::Checked;
            let published =
                crate::volume::Published::open(place.into(), options, trust, $expected)?;
            Ok(published.into())
        }

        /// As [`open_with`](Self::open_with), without looking at the data: whatever its size, opening takes
        /// microseconds for the first process as well. What [`refresh`](Self::refresh) moves over to is looked at.
        ///
        /// # Errors
        /// As [`open`](Self::open), but for damage of the data.
        ///
        /// # Safety
        /// The data is what was published. Where it is not (a disk lost some of it, or somebody wrote to the
        /// file), the behaviour is undefined.
        pub unsafe fn open_unchecked(
            place: impl Into<crate::readonly::Place>,
            options: &crate::readonly::OpenOptions,
        ) -> crate::Result<Self> {
            let trust = crate::volume::Trust::Blind;
            let published =
                crate::volume::Published::open(place.into(), options, trust, $expected)?;
            Ok(published.into())
        }

        /// Opens the version that a handle was made of, or a newer one.
        ///
        /// # Errors
        /// As [`open`](Self::open), and [`Error::WrongOption`](crate::Error::WrongOption) where only an older
        /// version is there.
        pub fn open_handle(handle: &crate::readonly::Handle) -> crate::Result<Self> {
            let options = crate::readonly::OpenOptions::new();
            let published = crate::volume::Published::open_handle(handle, &options, $expected)?;
            Ok(published.into())
        }

        /// Moves over to the newest version, and says whether there was a newer one. After an error this is
        /// still the version that it was.
        ///
        /// Costs one load where there is none (a look at the directory, for a plain file). Where the name was
        /// unlinked, nothing newer comes, also when the name is used anew: open that.
        ///
        /// # Errors
        /// As [`open`](Self::open), and [`Error::Forked`](crate::Error::Forked).
        pub fn refresh(&mut self) -> crate::Result<bool> {
            self.published.refresh()
        }

        /// Which version this is: 1 for the first, and one more for each that replaced another.
        pub fn version(&self) -> u64 {
            self.published.version()
        }

        /// Waits for a newer version than this, and gives the number of the newest;
        /// [`refresh`](Self::refresh) moves over to it.
        ///
        /// # Errors
        /// [`Error::TimedOut`](crate::Error::TimedOut) after `limit`;
        /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for what has no name;
        /// [`Error::Forked`](crate::Error::Forked).
        pub fn wait_newer(&self, limit: std::time::Duration) -> crate::Result<u64> {
            self.published.wait_newer(limit)
        }

        /// What to send to another process in place of the data.
        ///
        /// # Errors
        /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for what lies in memory without a name.
        pub fn handle(&self) -> crate::Result<crate::readonly::Handle> {
            self.published.handle()
        }

        /// Where it lies.
        pub fn place(&self) -> &crate::readonly::Place {
            self.published.place()
        }

        /// How many bytes the data has.
        pub fn bytes(&self) -> usize {
            self.published.bytes()
        }
    };
}

pub(crate) use volume_methods;
