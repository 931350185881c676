//! Writes what a search for broken laws begins with: `fleetgate-laws FOLDER`.

use std::path::Path;

use fleetgate_laws::seeds;

fn main() -> Result<(), String> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write seeds into")?;
    seeds::write(Path::new(&folder)).map_err(|error| format!("the seeds cannot be written: {error}"))
}
