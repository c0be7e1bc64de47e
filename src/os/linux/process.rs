//! Linux: the program that runs, and on which processor a thread does.

use std::io;
use std::path::{Path, PathBuf};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// `/proc/self/exe`, which leads to the program itself, whatever its name leads to by now; it means this
/// program in a child as well, up to the moment that it begins.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    let program = Path::new("/proc/self/exe");
    if program.exists() {
        Ok(program.to_path_buf())
    } else {
        std::env::current_exe()
    }
}

/// `sched_setaffinity(2)`. A process has no set of its own: its main thread's is taken for that.
pub(crate) fn pin_to_cpu(number: usize) -> io::Result<()> {
    let usable = sched_getaffinity(Pid::this())?;
    let mut cpus = Vec::new();
    for cpu in 0..CpuSet::count() {
        if usable.is_set(cpu)? {
            cpus.push(cpu);
        }
    }
    if cpus.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut chosen = CpuSet::new();
    chosen.set(cpus[number % cpus.len()])?;
    const CALLING_THREAD: Pid = Pid::from_raw(0);
    Ok(sched_setaffinity(CALLING_THREAD, &chosen)?)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// The processors that the calling thread may use.
    fn mine() -> Vec<usize> {
        let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let all = 0..CpuSet::count();
        all.filter(|cpu| set.is_set(*cpu).unwrap()).collect()
    }

    #[test]
    fn this_program_is_there_and_can_be_started_again() {
        let program = this_program().unwrap();
        assert!(program.exists());
        assert_eq!(
            program.canonicalize().unwrap(),
            std::env::current_exe().unwrap().canonicalize().unwrap()
        );
        let again = Command::new(program)
            .args(["--list", "this_program_is_there"])
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let listed = String::from_utf8(again.stdout).unwrap();
        assert!(listed.contains("this_program_is_there"), "{listed}");
    }

    #[test]
    fn a_pinned_thread_has_one_processor_and_numbers_go_round() {
        std::thread::spawn(|| {
            let usable = mine();
            for number in 0..2 * usable.len() {
                pin_to_cpu(number).unwrap();
                assert_eq!(mine(), [usable[number % usable.len()]]);
            }
        })
        .join()
        .unwrap();
    }
}
