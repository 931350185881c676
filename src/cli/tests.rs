use super::Cli;
use clap::CommandFactory;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// A heading counts for all that follows, also for what is put together elsewhere.
#[test]
fn every_flag_stands_under_its_own_heading() {
    let table = [
        ("kubeconfig", "Cluster"),
        ("certificate_validity", "Certificate"),
        ("no_host_destination", "Tenants"),
        ("prune_guard_percent", "How much may go at once"),
        ("log_format", "Logs"),
        ("metrics_bind", "Health"),
        ("cert_dir", "Certificate"),
        ("otlp_endpoint", "Traces"),
    ];
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands().flat_map(|command| command.get_subcommands().chain([command])) {
        let flag = |id: &str| command.get_arguments().find(|flag| flag.get_id() == id);
        for (id, expected) in table {
            let heading = flag(id).map(|flag| flag.get_help_heading());
            assert!(heading.is_none_or(|heading| heading == Some(expected)), "{command} {id}: {heading:?}");
        }
        let files = flag("files").or_else(|| flag("concurrency")).map(|flag| flag.get_help_heading());
        assert!(files.is_none_or(|heading| heading.is_none()), "{command}: {files:?}");
    }
}
