//! Directories and files that a group shares: each member may attach to the segments there, and
//! remove them. The mode that a file is created with is cut by the process's mask, so it is set after.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, fchown};
use std::path::Path;

/// A group of users.
pub(crate) struct Group(u32);

/// What a directory of the group may have for a mode; new ones get the second, by which what is made
/// inside belongs to the group as well.
const DIRECTORY_MODES: [u32; 2] = [0o770, 0o2770];

impl Group {
    /// The group that has this number, or this name; `None` where no group has the name.
    pub(crate) fn find(text: &str) -> io::Result<Option<Self>> {
        match text.parse() {
            Ok(number) => Ok(Some(Self(number))),
            Err(_) => {
                let found = nix::unistd::Group::from_name(text)?;
                Ok(found.map(|group| Self(group.gid.as_raw())))
            }
        }
    }

    /// Checks that `path` is a directory of this group, closed to others; the inner error names the remedy. The
    /// system lets only a member of the group, or root, give it a directory.
    pub(crate) fn check_directory(&self, path: &Path) -> io::Result<Result<(), String>> {
        let found = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err(format!(
                    "it does not exist; make it for the group with `install -d -m 2770 -g {}`",
                    self.0
                )));
            }
            other => other?,
        };
        let mode = found.mode() & 0o7777;
        Ok(if found.is_symlink() {
            Err("it is a symbolic link; name the directory itself".into())
        } else if !found.is_dir() {
            Err("it is not a directory; choose another path".into())
        } else if found.gid() != self.0 {
            Err(format!(
                "it belongs to group {}, and MILLPOND_GROUP is {}; run `chgrp` on it",
                found.gid(),
                self.0
            ))
        } else if !DIRECTORY_MODES.contains(&mode) {
            Err(format!(
                "its mode {mode:04o} lets in more or less than the group; run `chmod 2770` on it"
            ))
        } else {
            Ok(())
        })
    }

    /// Lets the group read and write a file of this user.
    pub(crate) fn let_into_file(&self, file: &File) -> io::Result<()> {
        fchown(file, None, Some(self.0))?;
        file.set_permissions(Permissions::from_mode(0o660))
    }

    /// Lets the group into a directory of this user.
    pub(crate) fn let_into_directory(&self, path: &Path) -> io::Result<()> {
        chown(path, None, Some(self.0))?;
        fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODES[1]))
    }
}
