//! Random reads of a lookup on disk of which nothing is in memory, on Linux, beside plain reads of as many pages of the
//! same file: `cargo bench -p millpond-benches --bench cold`. The file is in `TMPDIR`, which must be on a disk.
//!
//! The pages are dropped by `posix_fadvise`, which needs no rights. Each line is one pass; the passes take turns.

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("only Linux drops the pages of one file");
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    cold::run()
}

#[cfg(target_os = "linux")]
mod cold {
    use std::error::Error;
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::time::Instant;

    use millpond::Lookup;
    use millpond::readonly::OpenOptions;
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    type Table = Lookup<u64, [f32; 8]>;

    /// 1.7 GB, of which each pass reads about 8 MB.
    const COUNT: u64 = 40_000_000;
    const READS: usize = 2_000;
    const TURNS: u64 = 3;

    fn key(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Drops what the system has of the file.
    fn drop_pages(path: &Path) -> Result<File, Box<dyn Error>> {
        let file = File::open(path)?;
        file.sync_all()?;
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        Ok(file)
    }

    pub fn run() -> Result<(), Box<dyn Error>> {
        let path = std::env::temp_dir().join(format!("millpond-cold-{}", std::process::id()));
        let pairs = (0..COUNT).map(|number| (key(number), [number as f32; 8]));
        drop(Table::publish(&*path, pairs)?);
        let passed = passes(&path);
        std::fs::remove_file(&path)?;
        passed
    }

    fn passes(path: &Path) -> Result<(), Box<dyn Error>> {
        for turn in 0..TURNS {
            say("plain reads of a page", plain(path, turn)?);
            for (what, random) in [("default", None), ("random(false)", Some(false))] {
                say(
                    &format!("lookup, {what}"),
                    lookups(path, random, turn + 10)?,
                );
            }
        }
        Ok(())
    }

    fn say(what: &str, rate: f64) {
        println!("{what:<28}{rate:>10.0} reads/s");
    }

    fn plain(path: &Path, seed: u64) -> Result<f64, Box<dyn Error>> {
        let file = drop_pages(path)?;
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        let (pages, mut page) = (file.metadata()?.len() / 4096, [0; 4096]);
        let mut random = StdRng::seed_from_u64(seed);
        let began = Instant::now();
        for _ in 0..READS {
            file.read_exact_at(&mut page, random.random_range(0..pages) * 4096)?;
        }
        Ok(READS as f64 / began.elapsed().as_secs_f64())
    }

    fn lookups(path: &Path, random: Option<bool>, seed: u64) -> Result<f64, Box<dyn Error>> {
        let mut options = OpenOptions::new();
        if let Some(random) = random {
            options = options.random(random);
        }
        drop_pages(path)?;
        // SAFETY: this process has published it, to a file of its own.
        let table = unsafe { Table::open_unchecked(path, &options) }?;
        let mut generator = StdRng::seed_from_u64(seed);
        let began = Instant::now();
        for _ in 0..READS {
            let number = generator.random_range(0..COUNT);
            assert_eq!(table.get(&key(number)), Some(&[number as f32; 8]));
        }
        Ok(READS as f64 / began.elapsed().as_secs_f64())
    }
}
