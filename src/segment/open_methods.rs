//! The five ways to get a handle of a structure, in the same words for all structures.

/// Methods that create, open or do either, for a handle.
///
/// `$what` is the structure, such as `a pool`; `$name` an example of a name; `$of` what it is created of, if it is not
/// known by the type. The arguments of `$of` come after the name.
macro_rules! open_methods {
    (
        [$($parameter:ident: $bound:path),*] $handle:ty, $what:literal, $example:literal, $options:ty;
        of($($argument:ident: $type:ty),*) $of:literal;
        create: |$create_name:ident, $create_options:ident| $create:expr;
        open: |$open_name:ident, $attach:ident| $open:expr, $refused:literal;
        open_or_create: |$found_name:ident, $found_options:ident| $open_or_create:expr, $other:literal;
        anonymous: |$anonymous_options:ident| $anonymous:expr;
    ) => {
        impl<$($parameter: $bound),*> $handle {
            #[doc = concat!("Creates ", $what, $of, " under a name such as `", $example, "`.")]
            ///
            /// It appears whole or not at all, with its space reserved.
            ///
            /// # Errors
            /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) where the name is taken, also by another creator at
            /// the same time; [`Error::NoSpace`](crate::Error::NoSpace);
            /// [`Error::InvalidName`](crate::Error::InvalidName);
            /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for options that cannot be;
            /// [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory);
            /// [`Error::DirectoryLocked`](crate::Error::DirectoryLocked); [`Error::System`](crate::Error::System).
            pub fn create(
                $create_name: &str,
                $($argument: $type,)*
                $create_options: $options,
            ) -> crate::Result<Self> {
                $create
            }

            #[doc = concat!("Attaches to ", $what, " that exists.")]
            ///
            /// # Errors
            /// [`Error::NotFound`](crate::Error::NotFound);
            #[doc = $refused]
            /// [`Error::WrongKind`](crate::Error::WrongKind), [`Error::WrongFormat`](crate::Error::WrongFormat) or
            /// [`Error::Damaged`](crate::Error::Damaged) where the segment holds something else;
            /// [`Error::TooManyParticipants`](crate::Error::TooManyParticipants);
            /// [`Error::InvalidName`](crate::Error::InvalidName);
            /// [`Error::UntrustedDirectory`](crate::Error::UntrustedDirectory);
            /// [`Error::DirectoryLocked`](crate::Error::DirectoryLocked) for a segment that lives only while a process
            /// is attached; [`Error::System`](crate::Error::System).
            pub fn open(name: &str) -> crate::Result<Self> {
                Self::open_with(name, &crate::Attach::new())
            }

            #[doc = concat!("As [`open`](Self::open), with a role, or waiting for ", $what, " that is not there yet.")]
            ///
            /// # Errors
            /// As [`open`](Self::open); [`Error::NotFound`](crate::Error::NotFound) where it did not appear in time.
            pub fn open_with($open_name: &str, $attach: &crate::Attach) -> crate::Result<Self> {
                $open
            }

            #[doc = concat!("Attaches to ", $what, $of, " of this name, or creates it: for processes that start in any order.")]
            ///
            /// # Errors
            #[doc = $other]
            /// else as [`create`](Self::create) and [`open`](Self::open).
            pub fn open_or_create(
                $found_name: &str,
                $($argument: $type,)*
                $found_options: $options,
            ) -> crate::Result<Self> {
                $open_or_create
            }

            #[doc = concat!("Makes ", $what, $of, " without a name, in the memory of this process, with the same behaviour.")]
            ///
            /// # Errors
            /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for options that cannot be;
            /// [`Error::System`](crate::Error::System).
            pub fn anonymous(
                $($argument: $type,)*
                $anonymous_options: $options,
            ) -> crate::Result<Self> {
                $anonymous
            }
        }
    };
}

pub(crate) use open_methods;
