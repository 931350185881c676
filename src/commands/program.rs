//! What the program is called by whoever runs it.

use std::path::Path;

use clap::builder::{OsStr, Resettable};
use clap::error::ErrorKind;
use clap::{ArgMatches, Command, CommandFactory, Error, FromArgMatches};

use crate::cli::Cli;

/// The file name that makes the program `kubectl fleetgate`.
const PLUGIN: &str = "kubectl-fleetgate";

/// The command line of a program that was started as `program`, which its help
/// and its completion call by the name that a user types.
pub(crate) fn command(program: &str) -> Command {
    let command = Cli::command();
    if file_name(program) == PLUGIN { command.bin_name("kubectl fleetgate") } else { command }
}

/// The file to be completed: kubectl's plugins are files of their own.
pub(crate) fn file_name(program: &str) -> &str {
    let name = Path::new(program).file_stem().and_then(|name| name.to_str());
    name.filter(|name| *name == PLUGIN).unwrap_or("fleetgate")
}

/// What the program was started as.
pub(crate) fn started_as() -> String {
    std::env::args_os().next().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads the command line; ends the program where it cannot be read, or where
/// help is asked for.
pub(crate) fn parse() -> Cli {
    let mut command = without_empty_variables(command(&started_as()));
    let matches = command.get_matches_mut();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if cli.command.reads_stdin_twice() {
        mistake(&mut command, &matches, "standard input can be read only once").exit()
    }
    cli
}

/// A mistake that is seen only once all of a command's line is read.
fn mistake(command: &mut Command, matches: &ArgMatches, message: &str) -> Error {
    let called = matches.subcommand_name().and_then(|name| command.find_subcommand_mut(name));
    match called {
        Some(called) => called.error(ErrorKind::ArgumentConflict, message),
        None => command.error(ErrorKind::ArgumentConflict, message),
    }
}

/// The command line where an empty variable is as good as none: templates set variables whether there is a value
/// or not.
fn without_empty_variables(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) {
            argument.env(Resettable::<OsStr>::Reset)
        } else {
            argument
        }
    });
    command.mut_subcommands(without_empty_variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_calls_the_program_as_its_user_does() {
        let table = [
            ("/usr/bin/fleetgate", "Usage: fleetgate"),
            ("/usr/bin/kubectl-fleetgate", "Usage: kubectl fleetgate"),
            ("", "Usage: fleetgate"),
        ];
        for (program, usage) in table {
            let help = command(program).render_help().to_string();
            assert!(help.contains(usage), "{program}: {help}");
        }
    }
}
