//! A process that this one starts, and the processes that it starts in turn: a process group.
//!
//! The group has the number of its leader, the process that was started. A number is free for any new process once
//! its process has been waited for and its group is empty; so the group is only signalled while its leader was not
//! waited for.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::libc;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::super::fork::ParentOnly;

/// A process that was started, and its group.
pub(crate) struct ProcessTree {
    leader: Child,
    /// How the leader ended, once it was waited for. Its number may be another's from then on.
    status: Option<ExitStatus>,
}

impl ProcessTree {
    /// `setpgid(2)` in the child, before the program begins. It goes by this program's name, whatever its path is.
    /// Returns besides it the pipe that is its standard input. No child that this process forks has the pipe's other
    /// end, so the input ends with this process.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> io::Result<(ParentOnly, Self)> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped());
        command.process_group(0);
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        ParentOnly::open_with(|| {
            let mut leader = command.spawn()?;
            let input = leader.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
            let tree = Self {
                leader,
                status: None,
            };
            Ok((File::from(OwnedFd::from(input)), tree))
        })
    }

    /// The process id of the process that was started.
    pub(crate) fn id(&self) -> u32 {
        self.leader.id()
    }

    /// Returns how the process ended, if it has. The processes that it started are killed, unless it
    /// ended well and `spare` lets them go on then.
    ///
    /// An error where the process cannot be waited for, as where the program ignores `SIGCHLD`.
    pub(crate) fn ended(&mut self, spare: bool) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none()
            && let Some(well) = self.has_ended()?
        {
            if !(spare && well) {
                self.kill_group();
            }
            self.wait()?;
        }
        Ok(self.status)
    }

    /// `killpg(2)`: kills the process, and what it has started.
    pub(crate) fn kill(&mut self) {
        if self.status.is_none() && self.has_ended().is_ok() {
            self.kill_group();
        }
    }

    /// Waits until the process has ended, and gives its number back.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        if self.status.is_none() {
            self.status = Some(self.leader.wait()?);
        }
        Ok(())
    }

    /// `waitid(2)` with `WNOWAIT`: returns whether the process ended well, if it has ended. It keeps its number.
    fn has_ended(&self) -> io::Result<Option<bool>> {
        let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `found` has room for what the call writes, and outlives it.
        let result = unsafe {
            libc::waitid(
                libc::P_PID,
                self.leader.id() as libc::id_t,
                found.as_mut_ptr(),
                options,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: made of integers and pointers, all of which may be zero, as they were before the call.
        let found = unsafe { found.assume_init() };
        // SAFETY: of a child that has ended the call writes this; else it is zero.
        let process = unsafe { found.si_pid() };
        // SAFETY: as before.
        let status = unsafe { found.si_status() };
        let well = found.si_code == libc::CLD_EXITED && status == 0;
        Ok((process != 0).then_some(well))
    }

    /// An error says that no process is left. The leader was not waited for.
    fn kill_group(&self) {
        let _ = killpg(Pid::from_raw(self.leader.id() as i32), Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};

    use nix::unistd::getpgid;

    use super::*;

    fn start(program: &str, arguments: &[&str]) -> (ParentOnly, ProcessTree) {
        ProcessTree::start(Path::new(program), arguments).unwrap()
    }

    /// Waits until the process has ended, and does not wait for it in the other sense.
    fn await_end(tree: &ProcessTree) -> bool {
        loop {
            if let Some(well) = tree.has_ended().unwrap() {
                return well;
            }
            std::thread::yield_now();
        }
    }

    /// A shell that starts a process, says its number on a pipe at this path, and does what `then` says.
    fn start_parent(name: &str, then: &str) -> (ProcessTree, ParentOnly, File) {
        let path = std::env::temp_dir().join(format!("millpond-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // The pipe has an end once no process of the group is left.
        let script = format!("exec 9>\"$0\"; sleep 1000 <&- >&9 & echo started >&9; {then}");
        let (input, tree) = start("/bin/sh", &["-c", &script, path.to_str().unwrap()]);
        let pipe = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        (tree, input, pipe)
    }

    #[test]
    fn a_process_in_a_group_of_its_own_leads_it() {
        let (input, mut tree) = start("cat", &[]);
        let process = Pid::from_raw(tree.id() as i32);
        assert_eq!(tree.ended(true).unwrap(), None);
        let group = getpgid(Some(process));
        drop(input); // for whose end it waits
        assert!(await_end(&tree));
        assert_eq!(group, Ok(process));
        assert_ne!(group, getpgid(None));
        assert!(tree.ended(true).unwrap().unwrap().success());
        assert!(tree.ended(true).unwrap().unwrap().success(), "asked again");
    }

    #[test]
    fn a_process_that_was_seen_to_end_keeps_its_number_until_its_group_was_killed() {
        let (mut tree, input, pipe) = start_parent("number", "read line; exit 3");
        let mut said = BufReader::new(pipe);
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        writeln!(input.get().unwrap()).unwrap();
        assert!(!await_end(&tree));
        tree.kill(); // what is left of the group, whose leader has ended
        assert_eq!(said.read_to_string(&mut line).unwrap(), 0);
        assert_eq!(tree.has_ended().unwrap(), Some(false), "not waited for");
        assert_eq!(tree.ended(false).unwrap().unwrap().code(), Some(3));
        let gone = tree.has_ended().unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ECHILD), "waited for");
        tree.kill(); // nothing, as the number may be another's
    }

    #[test]
    fn what_a_process_has_started_ends_with_it_unless_it_is_spared() {
        for (then, spare, stays) in [
            ("exit 0", true, true),
            ("exit 0", false, false),
            ("exit 1", true, false),
            ("kill -9 $$", true, false),
        ] {
            let (mut tree, _input, pipe) = start_parent("spared", &format!("read line; {then}"));
            let mut said = BufReader::new(pipe);
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            let group = Pid::from_raw(tree.id() as i32);
            drop(_input);
            await_end(&tree);
            let status = tree.ended(spare).unwrap().unwrap();
            assert_eq!(status.success(), then == "exit 0");
            if stays {
                killpg(group, Signal::SIGKILL).expect("a process that is there");
            }
            assert_eq!(said.read_to_string(&mut line).unwrap(), 0);
        }
    }
}
