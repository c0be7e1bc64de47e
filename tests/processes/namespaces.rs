//! Commands that put a process into namespaces of its own (`unshare(1)`), as root or as the root of a user
//! namespace, whichever works here.

use std::process::{Command, Stdio};

const WAYS: [&[&str]; 2] = [&["--user", "--map-root-user"], &[]];

/// `unshare` with `options`, in the first way that works here; `None` where neither does.
pub fn unshare(options: &[&str]) -> Option<Command> {
    WAYS.into_iter().find_map(|way| {
        let command = || {
            let mut command = Command::new("unshare");
            command.args(way).args(options);
            command
        };
        let tried = command().arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success()).then(command)
    })
}
