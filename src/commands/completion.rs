//! `fleetgate completion`: what a shell completes the command line by.

use clap_complete::{Shell, generate};

use super::program::{command, file_name};

/// The script of that shell for the program as it was started.
pub(crate) fn script(shell: Shell, program: &str) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut command(program), file_name(program), &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_completes_every_command() {
        for program in ["fleetgate", "/opt/kubectl-fleetgate"] {
            for shell in Shell::value_variants() {
                let script = String::from_utf8(script(*shell, program)).expect("UTF-8");
                let of_cluster = ["join", "list", "labels", "detach", "rename"];
                for word in
                    [file_name(program), "check", "explain", "completion"].into_iter().chain(of_cluster)
                {
                    assert!(script.contains(word), "{shell}: {word}");
                }
            }
        }
    }
}
