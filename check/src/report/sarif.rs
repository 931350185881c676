//! `--output sarif`: SARIF 2.1.0, as code scanning reads it.

use std::io::{self, Write};

use fleetgate_webhooks::Severity;
use fleetgate_webhooks::rules::{CATALOGUE, Rule};
use serde_sarif::sarif::{
    ArtifactLocation, Location, LogicalLocation, Message, MultiformatMessageString, PhysicalLocation, Region,
    ReportingConfiguration, ReportingDescriptor, Result as SarifResult, ResultColumnKind, ResultLevel, Run,
    SCHEMA_URL, Sarif, Tool, ToolComponent, Version,
};
use url::Url;

use super::{Remark, Report, UNREADABLE};

/// Where every rule is explained.
const RULES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/rules.md");
/// Where the command is.
const CHECK: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/check.md");

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let here = std::env::current_dir().ok().and_then(|folder| Url::from_directory_path(folder).ok());
    let results: Vec<SarifResult> =
        report.remarks.iter().map(|remark| result(remark, here.as_ref())).collect();
    let driver = ToolComponent::builder()
        .name("fleetgate")
        .version(env!("CARGO_PKG_VERSION"))
        .information_uri(env!("CARGO_PKG_REPOSITORY"))
        .rules(rules())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind(serde_json::to_value(ResultColumnKind::UnicodeCodePoints)?)
        .results(results)
        .build();
    let sarif = Sarif::builder()
        .schema(SCHEMA_URL)
        .version(serde_json::to_value(Version::V2_1_0)?)
        .runs(vec![run])
        .build();
    serde_json::to_writer_pretty(&mut *out, &sarif)?;
    writeln!(out)?;
    Ok(())
}

/// All rules, so that a reader can tell which of them found nothing.
fn rules() -> Vec<ReportingDescriptor> {
    let of_admission = CATALOGUE.iter().map(|rule| descriptor(rule, RULES));
    of_admission.chain([descriptor(&UNREADABLE, CHECK)]).collect()
}

fn descriptor(rule: &Rule, help: &str) -> ReportingDescriptor {
    let Rule { code, what, why, .. } = *rule;
    let severity = rule.severities.first().copied().unwrap_or(Severity::Error);
    let text = |text: String| MultiformatMessageString::builder().text(text).build();
    ReportingDescriptor::builder()
        .id(code)
        .short_description(text(what.to_owned()))
        .full_description(text(format!("{what} {why}")))
        .help(text(why.to_owned()))
        .help_uri(help)
        .default_configuration(ReportingConfiguration::builder().level(severity.to_string()).build())
        .build()
}

fn result(remark: &Remark, here: Option<&Url>) -> SarifResult {
    let level = match remark.severity {
        Severity::Error => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
    };
    SarifResult::builder()
        .rule_id(remark.code)
        .level(level)
        .message(Message::builder().text(remark.advice()).build())
        .locations(vec![location(remark, here)])
        .build()
}

fn location(remark: &Remark, here: Option<&Url>) -> Location {
    let region = remark.position.map(|position| {
        let count = |count: usize| i64::try_from(count).ok();
        Region { start_line: count(position.line), start_column: count(position.column), ..Region::default() }
    });
    let field = LogicalLocation {
        fully_qualified_name: remark.object.as_ref().map(|object| format!("{object} {}", remark.path)),
        ..LogicalLocation::default()
    };
    Location {
        physical_location: Some(PhysicalLocation {
            artifact_location: Some(ArtifactLocation {
                uri: Some(relative_uri(&remark.file, here)),
                ..ArtifactLocation::default()
            }),
            region,
            ..PhysicalLocation::default()
        }),
        logical_locations: remark.object.is_some().then(|| vec![field]),
        ..Location::default()
    }
}

/// The file's URI as seen from where the program runs, which should be the
/// repository's root.
fn relative_uri(file: &str, here: Option<&Url>) -> String {
    let relative = here.and_then(|here| {
        let path = here.to_file_path().ok()?.join(file);
        // Parsing resolves the dots.
        let file = Url::parse(Url::from_file_path(path).ok()?.as_str()).ok()?;
        here.make_relative(&file)
    });
    relative.unwrap_or_else(|| file.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_seen_from_the_repository() {
        let here = Url::from_directory_path("/repo").expect("a folder");
        let table = [
            ("deploy/a.yaml", "deploy/a.yaml"),
            ("./deploy/../b c%.yaml", "b%20c%25.yaml"),
            ("/repo/x/a.yaml", "x/a.yaml"),
            ("/else/a.yaml", "../else/a.yaml"),
            ("<stdin>", "%3Cstdin%3E"),
        ];
        for (file, expected) in table {
            assert_eq!(relative_uri(file, Some(&here)), expected);
        }
    }
}
