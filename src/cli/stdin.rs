//! Standard input among the files that a command reads: who names it twice
//! would find nothing there the second time, and be told that all is well.

use std::path::{Path, PathBuf};

use super::Command;

/// What standard input is called.
const NAMES: [&str; 4] = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

impl Command {
    /// Whether it is to read standard input a second time.
    pub(crate) fn reads_stdin_twice(&self) -> bool {
        let is_stdin = |path: &&PathBuf| NAMES.iter().any(|name| path.as_path() == Path::new(name));
        self.files().filter(is_stdin).nth(1).is_some()
    }

    /// The manifests that it is told to read.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let (files, catalog): (&[PathBuf], &[PathBuf]) = match self {
            Self::Check(options) => (&options.paths, &options.catalog),
            Self::Render(options) => (&options.files, &options.catalog),
            Self::Diff(options) => (&options.files, &[]),
            _ => (&[], &[]),
        };
        files.iter().chain(catalog)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

    #[test]
    fn standard_input_is_read_once() {
        let table = [
            ("check -", false),
            ("check a.yaml - --catalog b.yaml", false),
            ("check - --catalog -", true),
            ("check - -", true),
            ("check /dev/stdin --catalog -", true),
            ("render -f - --catalog clusters", false),
            ("render -f - --catalog -", true),
            ("render -f - -f -", true),
            ("diff -f -", false),
            ("diff -f - a.yaml -", true),
            ("explain source/url", false),
        ];
        for (line, expected) in table {
            let words = ["fleetgate"].into_iter().chain(line.split(' '));
            let cli = Cli::try_parse_from(words).expect("a command line");
            assert_eq!(cli.command.reads_stdin_twice(), expected, "{line}");
        }
    }
}
