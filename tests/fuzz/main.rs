//! Runs everything that the fuzzers kept (`fuzz/corpus/`), and some inputs of random bytes. What a
//! fuzzer would run for longer is run by `ci/fuzz SECONDS`.

mod image;
mod live;
mod open;
mod volume;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Inputs of random bytes that are run beside the kept ones.
const RANDOM_INPUTS: u64 = 300;

fn main() -> ExitCode {
    let root = std::env::temp_dir().join(format!("millpond-fuzz-{}", std::process::id()));
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("MILLPOND_DIR", &root) };
    let good = image::images();
    let trials = vec![
        Trial::test("arbitrary_and_changed_segments_harm_nobody", move || {
            inputs("open").for_each(|input| open::run(&input, &good));
            Ok(())
        }),
        Trial::test("arbitrary_and_changed_volumes_harm_nobody", || {
            let good = volume::images();
            inputs("volume").for_each(|input| volume::run(&input, &good));
            Ok(())
        }),
        Trial::test("changes_beside_operations_harm_nobody", || {
            inputs("live").for_each(|input| live::run(&input));
            Ok(())
        }),
    ];
    let mut arguments = Arguments::from_args();
    // They use the one segment, and the one file.
    arguments.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&arguments, trials);
    let _ = fs::remove_dir_all(root);
    conclusion.exit_code()
}

/// The kept inputs of a fuzz target, then random ones.
fn inputs(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut kept: Vec<_> = fs::read_dir(corpus)
        .expect("a corpus")
        .map(|entry| entry.expect("a file").path())
        .collect();
    kept.sort();
    let kept = kept
        .into_iter()
        .map(|path| fs::read(path).expect("an input"));
    kept.chain((0..RANDOM_INPUTS).map(|seed| {
        let mut random = StdRng::seed_from_u64(seed);
        let mut input = vec![0; random.random_range(1..600)];
        random.fill_bytes(&mut input);
        input
    }))
}
