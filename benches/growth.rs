//! How the cost of a pool grows with its capacity, its records, its batches and its processes:
//! `cargo bench -p millpond-benches --bench growth`, which takes under three minutes and draws `docs/growth-*.svg`.
//!
//! With `-- capacity` at the end only the sweeps whose names contain that; with `-- --quick` fewer
//! points in less time, drawn into the target directory. Beside the pool stands what the same bytes
//! cost whoever shares nothing. What the figures mean is in `docs/performance.md`.

#[path = "growth/axis.rs"]
mod axis;
#[path = "growth/cleaner.rs"]
mod cleaner;
#[path = "growth/picture.rs"]
mod picture;
#[path = "growth/pond.rs"]
mod pond;
#[path = "growth/processes.rs"]
mod processes;
#[path = "growth/sizes.rs"]
mod sizes;
#[path = "growth/sweep.rs"]
mod sweep;

use std::error::Error;
use std::path::Path;

use millpond_benches::processes::crew;

use sweep::{Effort, Sweep};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Run = fn(Effort) -> Outcome<Sweep>;

/// The sweeps, by the names of their pictures.
const SWEEPS: [(&str, Run); 4] = [
    ("capacity", sizes::capacity),
    ("record", sizes::record),
    ("batch", sizes::batch),
    ("processes", processes::processes),
];

fn main() -> Outcome<()> {
    if crew::play_worker()? || cleaner::play_cleaner()? {
        return Ok(());
    }
    let _cleaner = cleaner::Cleaner::start()?;
    let (options, words): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with('-'));
    let wanted = words.first().map_or("", String::as_str);
    // The pictures of the documentation show whole runs only.
    let (effort, directory) = match options.iter().any(|option| option == "--quick") {
        true => (Effort::Quick, Path::new(env!("CARGO_TARGET_TMPDIR")).into()),
        false => (
            Effort::Full,
            Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"),
        ),
    };
    let mut drawn = Vec::new();
    for (name, run) in SWEEPS.iter().filter(|(name, _)| name.contains(wanted)) {
        let path = directory.join(format!("growth-{name}.svg"));
        picture::draw(&path, &run(effort)?)?;
        drawn.push(path);
    }
    println!("\ndrawn:");
    for path in drawn {
        println!("  {}", path.display());
    }
    Ok(())
}
