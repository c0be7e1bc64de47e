//! The mutants: each is the models and the files that ship with one ordering weakened, or one fence
//! or step gone, and a model must fail. `tables/` has them, `build.rs` makes the mutants.
//!
//! A model may fail by a deadlock, which ends the process. So each mutant is an ignored test, which
//! the one test here runs in a process of its own.

use std::env;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

/// The mutants as modules, and `MODELS`, the paths of the models that must fail.
#[allow(warnings, clippy::all)]
mod mutants {
    include!(concat!(env!("OUT_DIR"), "/mutants.rs"));
}

/// Whether a model that must fail does.
fn fails(model: &str) -> bool {
    let mut run = Command::new(env::current_exe().unwrap());
    let output = run.args([model, "--exact", "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "{model}: {said}");
    !output.status.success()
}

#[test]
fn every_mutation_makes_a_model_fail() {
    let models = Mutex::new(mutants::MODELS.iter());
    let survivors = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                let next = || models.lock().unwrap().next();
                while let Some(model) = next() {
                    if !fails(model) {
                        survivors.lock().unwrap().push(model);
                    }
                }
            });
        }
    });
    let survivors = survivors.into_inner().unwrap();
    assert!(survivors.is_empty(), "no model failed: {survivors:#?}");
}
