//! The Helm chart: the same objects with holes, and what fills them.
//!
//! Names stay as they are, whatever the release is called: there is one gate
//! in a cluster, and its parts know each other by their names.

mod values;

use serde_json::{Value, json};

use super::form::{self, Form};
use super::{HEADER, Manifest, Part, documents, manifest, monitoring, parts};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const HELPERS: &str = include_str!("_helpers.tpl");
const NOTES: &str = include_str!("NOTES.txt");
const REFUSALS: &str = include_str!("refusals.yaml");

/// The rules, as they stand in their file, but for how long before its end a certificate is one to tell of.
const RULES: &str = r#"spec:
{{ .Files.Get "rules.yaml" | replace "< 14 * 86400" (printf "< %v * 86400" .Values.prometheusRule.certificateDays) | indent 2 }}
"#;

/// Every file of the chart.
pub(super) fn files() -> anyhow::Result<Vec<Manifest>> {
    let mut files = vec![
        manifest("chart/Chart.yaml", &[about()])?,
        text("chart/README.md", values::readme()),
        text("chart/values.yaml", format!("{HEADER}{}", values::yaml()?)),
        text("chart/values.schema.json", format!("{:#}\n", values::schema())),
        text("chart/templates/_helpers.tpl", HELPERS.to_owned()),
        text("chart/templates/NOTES.txt", NOTES.to_owned()),
        text("chart/templates/refusals.yaml", REFUSALS.to_owned()),
    ];
    files.extend(crds()?);
    let monitor = Part {
        path: "servicemonitor.yaml",
        objects: monitoring::objects(Form::Chart),
        condition: Some(".Values.serviceMonitor.enabled"),
    };
    let alerts = form::fill(&documents(&[monitoring::alerts(Form::Chart)])?) + RULES;
    files.push(template("prometheusrule.yaml", &alerts, Some(".Values.prometheusRule.enabled")));
    files.push(manifest("chart/rules.yaml", &[monitoring::rules()])?);
    for part in parts(Form::Chart).iter().chain([&monitor]) {
        files.push(template(part.path, &form::fill(&documents(&part.objects)?), part.condition));
    }
    Ok(files)
}

fn about() -> Value {
    json!({
        "apiVersion": "v2",
        "name": "fleetgate",
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "type": "application",
        "version": VERSION,
        "appVersion": VERSION,
        // Match conditions of webhooks.
        "kubeVersion": ">=1.30.0-0",
        "home": env!("CARGO_PKG_REPOSITORY"),
        "sources": [env!("CARGO_PKG_REPOSITORY")],
    })
}

/// As templates, so that `helm upgrade` upgrades them; but no `helm uninstall` takes them, since every
/// Application would go with them.
fn crds() -> anyhow::Result<Vec<Manifest>> {
    let crds = fleetgate_api::crds().into_iter();
    crds.map(|mut crd| {
        let path = format!("crds/{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let annotations = crd.metadata.annotations.get_or_insert_default();
        annotations.insert("helm.sh/resource-policy".to_owned(), "keep".to_owned());
        Ok(template(&path, &documents(&[crd])?, Some(".Values.crds.install")))
    })
    .collect()
}

fn template(path: &str, yaml: &str, condition: Option<&str>) -> Manifest {
    let content = match condition {
        Some(condition) => format!("{HEADER}{{{{- if {condition} }}}}\n{yaml}{{{{- end }}}}\n"),
        None => format!("{HEADER}{yaml}"),
    };
    text(&format!("chart/templates/{path}"), content)
}

fn text(path: &str, content: String) -> Manifest {
    Manifest { path: path.into(), content }
}
