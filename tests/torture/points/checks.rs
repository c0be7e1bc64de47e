//! What is compared after a death.

use std::path::Path;

use millpond::{Batch, Pool, PoolOptions};

use super::Range;
use crate::all_points::files_below;
use crate::arrays;
use crate::experience::Experience;
use crate::victim::{BOARD_LENGTH, snapshot};
use crate::volumes;

impl Range {
    /// What this process held all the while is as it was, and in the pool.
    pub(super) fn check_held(
        &self,
        held: &Batch<Experience>,
        copies: &[Experience],
    ) -> Result<u64, String> {
        for ((record, copy), &key) in held.records().zip(copies).zip(held.keys()) {
            let found = self.pool.get(key).map_err(|error| error.to_string())?;
            if record != copy || found != Some(*copy) {
                return Err(format!("key {key} was held, and became {found:?}"));
            }
        }
        Ok(copies.len() as u64)
    }

    /// What is saved is whole, and can be replaced.
    pub(super) fn check_snapshot(&self) -> Result<u64, String> {
        let say = |error: millpond::Error| error.to_string();
        let mut checked = 0;
        // The first save of all may be the one that died.
        if snapshot().exists() {
            checked += self.read_snapshot().map_err(say)?;
        }
        self.pool.save(snapshot()).map_err(say)?;
        match snapshot().with_extension("saving").exists() {
            true => Err("an unfinished snapshot is left".into()),
            false => Ok(checked + self.read_snapshot().map_err(say)?),
        }
    }

    /// Checks the records that are saved; says how many they are.
    fn read_snapshot(&self) -> Result<u64, millpond::Error> {
        let pool = Pool::<Experience>::anonymous(PoolOptions::new(self.pool.capacity()))?;
        let count = pool.load(snapshot())?.records as u64;
        pool.verify()?;
        for key in 0..count {
            let record = pool.get(key)?.expect("a record that was loaded");
            let whole = Experience::new(record.key, record.writer, record.sequence);
            assert!(record == whole, "record {key} of the snapshot is torn");
        }
        Ok(count)
    }

    /// The board's value is whole, and the one of its version.
    pub(super) fn check_board(&self) -> Result<(), String> {
        let mut value = [0; BOARD_LENGTH];
        let version = self.board.fetch(&mut value);
        let version = version.map_err(|error| error.to_string())?;
        match value == [version; BOARD_LENGTH] {
            true => Ok(()),
            false => Err(format!("version {version} is torn: {value:?}")),
        }
    }

    /// Nothing is left of short-lived segments but what has a name, and that can be removed.
    pub(super) fn check_files(&self) -> Result<(), String> {
        let say = |error: millpond::Error| error.to_string();
        millpond::unlink_all("short").map_err(say)?;
        let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
        let expected = [
            self.board_name.as_str(),
            &self.pool_name,
            &self.kept_name,
            &self.dict.name,
            arrays::LOCKED,
            arrays::CHUNKED,
            volumes::NAME,
        ]
        .map(|name| format!("{name}.pond"));
        let mut left = files_below(Path::new(&root));
        left.retain(|file| file != ".lock" && !expected.contains(file));
        // The dictionary's companions, three of them.
        let (folder, name) = self.dict.name.split_once('/').expect("a run and a name");
        let companion = format!("{folder}/.{name}.pond.");
        let all = left.len();
        left.retain(|file| !file.starts_with(&companion));
        if all - left.len() != 3 {
            return Err(format!("of companions there are {}", all - left.len()));
        }
        // The table's one version, which is replaced after a death in the middle of that.
        left.retain(|file| !file.starts_with("points/.table"));
        if volumes::files() != 1 {
            return Err(format!("of versions there are {}", volumes::files()));
        }
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("files are left: {left:?}")),
        }
    }
}
