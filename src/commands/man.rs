//! `fleetgate man`: a manual page for the program, and one for each command.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory;

use crate::cli::Cli;

/// Writes the pages into `folder`, which is made if it is not there.
///
/// # Errors
///
/// When the folder cannot be written to.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.with_context(|| format!("cannot write to {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let pages = folder.path().join("man1");
        write(&pages).expect("the pages are written");
        let commands = Cli::command();
        for command in commands.get_subcommands() {
            let page = pages.join(format!("fleetgate-{}.1", command.get_name()));
            let text = fs::read_to_string(&page).expect("a page");
            assert!(text.contains(".SH NAME"), "{}", page.display());
        }
        assert!(pages.join("fleetgate.1").exists());
    }
}
