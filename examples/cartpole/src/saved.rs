//! What outlives a run: the pool as a snapshot, and the weights beside it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use millpond::{Board, Pool};

use crate::network::PARAMETERS;
use crate::segments::Transition;

/// Saves the pool as a snapshot, and the newest weights beside it, if there are any; says what it saved.
pub fn save(
    pool: &Pool<Transition>,
    weights: &Board<f32>,
    path: &Path,
) -> Result<String, Box<dyn Error>> {
    let mut what = format!("{} transitions", pool.save(path)?.records);
    if weights.version() > 0 {
        let mut parameters = vec![0f32; PARAMETERS];
        weights.fetch(&mut parameters)?;
        fs::write(weights_beside(path), bytemuck::cast_slice(&parameters))?;
        what += " and the weights";
    }
    let path = path.display();
    Ok(format!("saved {what}: go on with `--resume {path}`"))
}

/// Brings back what [`save`] saved; says what that was.
pub fn resume(
    pool: &Pool<Transition>,
    weights: &Board<f32>,
    path: &Path,
) -> Result<String, Box<dyn Error>> {
    let mut what = format!("{} transitions", pool.load(path)?.records);
    let beside = weights_beside(path);
    if beside.exists() {
        let bytes = fs::read(&beside)?;
        let mut parameters = vec![0f32; PARAMETERS];
        let room: &mut [u8] = bytemuck::cast_slice_mut(&mut parameters);
        if bytes.len() != room.len() {
            return Err(format!("{} are weights of another network", beside.display()).into());
        }
        room.copy_from_slice(&bytes);
        weights.publish(&parameters)?;
        what += " and the weights";
    }
    Ok(format!("resumed with {what}"))
}

fn weights_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".weights");
    name.into()
}
