//! Processes by their numbers: whether they live, and how to end them. And what a worker group leaves behind.

use std::env;
use std::fs;
use std::path::Path;
use std::thread;

/// Returns `true` if a process runs. A process that has ended and was not waited for does not.
#[cfg(unix)]
pub fn lives(process: u32) -> bool {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    if kill(Pid::from_raw(process as i32), None) == Err(Errno::ESRCH) {
        return false;
    }
    if cfg!(not(target_os = "linux")) {
        return true;
    }
    let Ok(text) = fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    // After the name, which is in brackets.
    let state = text
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

/// Kills a process, which may have ended before.
#[cfg(unix)]
pub fn kill(process: u32) {
    use nix::sys::signal::{Signal, kill};
    let _ = kill(nix::unistd::Pid::from_raw(process as i32), Signal::SIGKILL);
}

/// Returns `true` if a process runs.
#[cfg(windows)]
pub fn lives(process: u32) -> bool {
    with_process(process, |handle| {
        // SAFETY: the handle is open.
        unsafe { windows_sys::Win32::System::Threading::WaitForSingleObject(handle, 0) != 0 }
    })
    .unwrap_or(false)
}

/// Kills a process, which may have ended before.
#[cfg(windows)]
pub fn kill(process: u32) {
    with_process(process, |handle| {
        // SAFETY: the handle is open, and may be used for this.
        unsafe { windows_sys::Win32::System::Threading::TerminateProcess(handle, 9) }
    });
}

#[cfg(windows)]
fn with_process<T>(
    process: u32,
    work: impl FnOnce(windows_sys::Win32::Foundation::HANDLE) -> T,
) -> Option<T> {
    use windows_sys::Win32::Foundation::CloseHandle;
    use windows_sys::Win32::System::Threading::{
        OpenProcess, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
    };
    // SAFETY: takes numbers only.
    let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE | PROCESS_TERMINATE, 0, process) };
    if handle.is_null() {
        return None;
    }
    let done = work(handle);
    // SAFETY: it is open, and not used any more.
    unsafe { CloseHandle(handle) };
    Some(done)
}

/// Waits until none of these processes runs; a trial that waits too long is ended by the stage.
pub fn wait_for_their_end(processes: &[u32]) {
    while processes.iter().any(|&process| lives(process)) {
        thread::yield_now();
    }
}

/// The segments of workers that have a name.
pub fn segments() -> Vec<String> {
    let root = env::var_os("MILLPOND_DIR").expect("a directory for segments");
    let entries = fs::read_dir(Path::new(&root))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("workers-")).collect()
}

/// Waits until the workers' segments have no name. The workers remove it. On Windows they end with the process of their
/// group, and a list of segments removes it.
pub fn wait_for_no_segment() {
    while !segments().is_empty() {
        match cfg!(windows) {
            true => drop(millpond::list(None).expect("a list of segments")),
            false => thread::yield_now(),
        }
    }
}

/// As [`wait_for_no_segment`], after a kill of a process whose group may have had no worker to remove the name. A list of
/// segments removes it.
pub fn look_for_no_segment() {
    while !segments().is_empty() {
        millpond::list(None).expect("a list of segments");
    }
}

/// How many descriptors this process has open.
#[cfg(target_os = "linux")]
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd")
        .expect("a list of them")
        .count()
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
pub fn descriptors() -> usize {
    0
}

/// Returns `true` if this process has a child, ended or not.
pub fn has_children() -> bool {
    #[cfg(unix)]
    {
        use nix::sys::wait::{WaitPidFlag, waitpid};
        let any = nix::unistd::Pid::from_raw(-1);
        waitpid(any, Some(WaitPidFlag::WNOHANG)) != Err(nix::errno::Errno::ECHILD)
    }
    #[cfg(not(unix))]
    false
}
