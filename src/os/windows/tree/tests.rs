//! Tests of what ends with a process.

use std::io::{Read, Write};
use std::process::{Command, Stdio, exit};
use std::time::Duration;

use super::*;

const TEST: &str = "os::windows::tree::tests::";

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

/// Starts this test program for one test, which sees its part by the arguments.
fn start(test: &str) -> (ParentOnly, ProcessTree) {
    let test = format!("{TEST}{test}");
    ProcessTree::start(
        &this_program(),
        &[&test, "--exact", "--include-ignored", "--nocapture"],
    )
    .unwrap()
}

/// Returns `true` if this process was started for one test, by `start`.
fn is_part() -> bool {
    std::env::args().any(|argument| argument == "--exact")
}

/// Waits for the end of its standard input, and ends well.
#[test]
#[ignore = "a process that another test starts"]
fn part_waits_for_the_end_of_its_input() {
    if is_part() {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        exit(0);
    }
}

/// Ends by itself later than any test.
#[test]
#[ignore = "a process that another test starts"]
fn part_sleeps() {
    if is_part() {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

/// Starts a process that sleeps, and ends badly when the input ends.
#[test]
#[ignore = "a process that another test starts"]
fn part_starts_another_and_fails() {
    if is_part() {
        let test = format!("{TEST}part_sleeps");
        let mut other = Command::new(this_program());
        other.args([&test, "--exact", "--include-ignored"]);
        let _other = other.stdin(Stdio::null()).spawn().unwrap();
        let _ = io::stdin().read_to_end(&mut Vec::new());
        exit(3);
    }
}

/// Ends as a killed process does, with a process that was created and does not run yet.
#[test]
#[ignore = "a process that another test starts"]
fn part_dies_with_a_suspended_process() {
    if !is_part() {
        return;
    }
    let test = format!("{TEST}part_waits_for_the_end_of_its_input");
    let arguments = [&test, "--exact", "--include-ignored", "--nocapture"];
    let suspended = threading::CREATE_SUSPENDED;
    let started = ProcessTree::start_with(&this_program(), &arguments, suspended).unwrap();
    println!("started {}", started.1.id());
    super::super::end_process();
}

/// The suspended process has the standard output too, which so ends with the last of both.
#[test]
fn a_process_that_does_not_run_yet_ends_with_the_one_that_created_it() {
    let test = format!("{TEST}part_dies_with_a_suspended_process");
    let mut part = Command::new(this_program());
    part.args([&test, "--exact", "--include-ignored", "--nocapture"]);
    let ended = part.stderr(Stdio::null()).output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(said.contains("started "), "{said}");
}

#[test]
fn a_process_is_started_in_its_job_and_ends_well_by_itself() {
    let (input, mut tree) = start("part_waits_for_the_end_of_its_input");
    let mut inside = 0;
    let (process, job) = (tree.process.as_raw_handle(), tree.job.as_raw_handle());
    // SAFETY: both handles are open, with every right, and `inside` outlives the call, which writes it.
    check(unsafe { jobs::IsProcessInJob(process, job, &mut inside) }).unwrap();
    assert_eq!(inside, 1);
    assert_eq!(tree.ended(true).unwrap(), None);
    let mut pipe = input.get().unwrap();
    pipe.write_all(b"some bytes").unwrap();
    drop(input);
    tree.wait().unwrap();
    assert!(tree.ended(true).unwrap().unwrap().success());
}

#[test]
fn a_process_that_is_killed_has_ended() {
    let (_input, mut tree) = start("part_waits_for_the_end_of_its_input");
    tree.kill();
    tree.wait().unwrap();
    assert!(tree.ended(true).unwrap().is_some());
    assert_eq!(processes_in(&tree.job), 0);
}

#[test]
fn what_a_process_has_started_ends_with_it() {
    let (input, mut tree) = start("part_starts_another_and_fails");
    while processes_in(&tree.job) < 2 {
        assert_eq!(tree.ended(true).unwrap(), None);
        std::thread::yield_now();
    }
    drop(input);
    tree.wait().unwrap();
    assert_eq!(tree.ended(true).unwrap().unwrap().code(), Some(3));
    while processes_in(&tree.job) > 0 {
        std::thread::yield_now();
    }
}

/// How many processes a job has.
fn processes_in(job: &OwnedHandle) -> u32 {
    let mut found = jobs::JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
    // SAFETY: the handle is open, with every right, and `found` is what this class gives, of the length given.
    check(unsafe {
        jobs::QueryInformationJobObject(
            job.as_raw_handle(),
            jobs::JobObjectBasicAccountingInformation,
            (&raw mut found).cast(),
            size_of_val(&found) as u32,
            ptr::null_mut(),
        )
    })
    .unwrap();
    found.ActiveProcesses
}
