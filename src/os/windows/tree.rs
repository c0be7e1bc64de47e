//! A process that this one starts, and the processes that it starts in turn: a job object.
//!
//! The job has the process from its first instant on ("PROC_THREAD_ATTRIBUTE_JOB_LIST"), so also one that the system
//! has created and that does not run yet. The system ends all of them when the job's last handle is closed, which only
//! this process has; so they do not outlive it, however it ends.

use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::ptr;

use windows_sys::Win32::Foundation as win;
use windows_sys::Win32::System::JobObjects as jobs;
use windows_sys::Win32::System::Threading as threading;

use super::startup::{Attributes, Standard, command_line};
use super::{ParentOnly, check, wide};

/// A process that was started, and its job.
pub(crate) struct ProcessTree {
    id: u32,
    process: OwnedHandle,
    /// No other process has a handle of it.
    job: OwnedHandle,
    /// How the process ended, once that was seen.
    status: Option<ExitStatus>,
}

impl ProcessTree {
    /// `CreateJobObjectW`, `CreatePipe` and `CreateProcessW` with `CREATE_NEW_PROCESS_GROUP`, in which Ctrl-C is off.
    /// Returns besides it the pipe that is its standard input.
    ///
    /// The arguments are words without quotes and backslashes.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> io::Result<(ParentOnly, Self)> {
        Self::start_with(program, arguments, threading::CREATE_NEW_PROCESS_GROUP)
    }

    fn start_with(
        program: &Path,
        arguments: &[&str],
        flags: u32,
    ) -> io::Result<(ParentOnly, Self)> {
        let job = create_job()?;
        let (read, input) = io::pipe()?;
        let standard = Standard::new(OwnedHandle::from(read))?;
        let inherited = standard.inherited();
        let job_list = [job.as_raw_handle()];
        let mut attributes = Attributes::new(2)?;
        attributes.add(threading::PROC_THREAD_ATTRIBUTE_JOB_LIST, &job_list)?;
        attributes.add(threading::PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &inherited)?;
        let startup = threading::STARTUPINFOEXW {
            StartupInfo: standard.startup(),
            lpAttributeList: attributes.list(),
        };
        let (program, mut line) = (wide(program)?, command_line(program, arguments)?);
        let mut made = threading::PROCESS_INFORMATION::default();
        // SAFETY: the strings end with a zero, `line` may be written to, `startup` has the length that it gives, the
        // handles in its lists are open, and all of them outlive the call, which writes `made`.
        check(unsafe {
            threading::CreateProcessW(
                program.as_ptr(),
                line.as_mut_ptr(),
                ptr::null(),
                ptr::null(),
                1, // those of the list are inherited
                flags | threading::EXTENDED_STARTUPINFO_PRESENT,
                ptr::null(),
                ptr::null(),
                (&raw const startup).cast(),
                &mut made,
            )
        })?;
        // SAFETY: the call has opened it for its caller, who has no other use for it.
        drop(unsafe { OwnedHandle::from_raw_handle(made.hThread) });
        let tree = Self {
            id: made.dwProcessId,
            // SAFETY: the call has opened it for its caller.
            process: unsafe { OwnedHandle::from_raw_handle(made.hProcess) },
            job,
            status: None,
        };
        let input = ParentOnly::open(|| Ok(File::from(OwnedHandle::from(input))))?;
        Ok((input, tree))
    }

    /// The process id of the process that was started.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Returns how the process ended, if it has. The processes that it started are killed, unless it
    /// ended well and `spare` lets them go on then.
    pub(crate) fn ended(&mut self, spare: bool) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() && self.wait_for(0)? {
            let status = self.exit_status()?;
            match spare && status.success() {
                true => set_limits(&self.job, 0)?,
                false => self.kill(),
            }
            self.status = Some(status);
        }
        Ok(self.status)
    }

    /// `TerminateJobObject`: kills the process, and what it has started.
    pub(crate) fn kill(&mut self) {
        if self.status.is_none() {
            // SAFETY: the handle is open, with every right. An error says that no process is left.
            unsafe { jobs::TerminateJobObject(self.job.as_raw_handle(), 1) };
        }
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        self.wait_for(threading::INFINITE).map(drop)
    }

    /// `WaitForSingleObject`: returns `true` if the process ended within the given number of milliseconds.
    fn wait_for(&self, milliseconds: u32) -> io::Result<bool> {
        // SAFETY: the handle is open, with every right.
        match unsafe { threading::WaitForSingleObject(self.process.as_raw_handle(), milliseconds) }
        {
            win::WAIT_OBJECT_0 => Ok(true),
            win::WAIT_TIMEOUT => Ok(false),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// `GetExitCodeProcess`, of a process that has ended.
    fn exit_status(&self) -> io::Result<ExitStatus> {
        let mut code = 0;
        // SAFETY: the handle is open, with every right, and `code` outlives the call, which writes it.
        check(unsafe { threading::GetExitCodeProcess(self.process.as_raw_handle(), &mut code) })?;
        Ok(ExitStatus::from_raw(code))
    }
}

/// A job without processes, all of which end with its last handle.
fn create_job() -> io::Result<OwnedHandle> {
    // SAFETY: takes no attributes and no name, so that only this process has it.
    let job = unsafe { jobs::CreateJobObjectW(ptr::null(), ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has opened it for its caller.
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    set_limits(&job, jobs::JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
    Ok(job)
}

/// `SetInformationJobObject`. A process of the job may start one that is not in it, if it asks for that
/// (`CREATE_BREAKAWAY_FROM_JOB`).
fn set_limits(job: &OwnedHandle, limits: u32) -> io::Result<()> {
    let mut asked = jobs::JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    asked.BasicLimitInformation.LimitFlags = limits | jobs::JOB_OBJECT_LIMIT_BREAKAWAY_OK;
    // SAFETY: the handle is open, with every right, and `asked` is what this class takes, of the length given.
    check(unsafe {
        jobs::SetInformationJobObject(
            job.as_raw_handle(),
            jobs::JobObjectExtendedLimitInformation,
            (&raw const asked).cast(),
            size_of_val(&asked) as u32,
        )
    })
}

#[cfg(test)]
mod tests;
