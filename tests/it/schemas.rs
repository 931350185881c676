//! The schema check against what it stands for: the bundled schemas against the CRDs of the sandbox's
//! Flux and Flagger, and its verdicts against a real API server's.

use std::fs;

use fleetgate_plan::{InstalledCrd, RenderedKind};
use fleetgate_sandbox::tools::{flagger_crds, flux_crds};
use fleetgate_sandbox::{Answer, Sandbox};
use fleetgate_webhooks::schema::bundled_schema;
use kube::core::DynamicObject;
use serde_json::{Value, json};

use crate::support::{delivery, file, install_crds};

/// Writes the files in place of comparing them.
const UPDATE: &str = "UPDATE_SCHEMAS";

#[test]
fn the_bundled_schemas_are_those_of_the_sandboxs_versions() -> anyhow::Result<()> {
    let crds = flux_crds()?.into_iter().chain(flagger_crds()?);
    let crds: Vec<DynamicObject> = serde_json::from_value(crds.map(|crd| json!(crd)).collect())?;
    for kind in RenderedKind::ALL {
        let installed = crds.iter().filter_map(InstalledCrd::of).find(|installed| installed.kind == kind);
        let installed = installed.unwrap_or_else(|| panic!("no CRD serves {kind:?} {}", kind.version()));
        let schema = format!("{}\n", installed.schema);
        if std::env::var_os(UPDATE).is_some() {
            fs::write(file(&format!("webhooks/schemas/{}.json", kind.kind())), schema)?;
        } else {
            assert!(
                bundled_schema(kind) == schema,
                "{} has changed: look at what is new, and run `{UPDATE}=1 cargo test --test it bundled_schemas`",
                kind.crd_name()
            );
        }
    }
    Ok(())
}

/// The file that the schema check is tested with, too: where it refuses, the API server does, and says
/// so of the same fields.
#[tokio::test]
async fn objects_are_judged_as_by_the_schema_check() {
    let sandbox = delivery();
    // On the host, where it has no business but to judge.
    install_crds(sandbox, &flagger_crds().expect("Flagger's CRDs")).await;
    let text = fs::read_to_string(file("tests/cases/rendered.yaml")).expect("the cases");
    let cases: Vec<Value> = serde_saphyr::from_str(&text).expect("YAML");
    let mut differences = Vec::new();
    for case in cases {
        let answer = create(sandbox, &case["object"]).await;
        let refused: Vec<&str> =
            case["refused"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_said = |path: &&str| {
            let words = [format!("{path}:"), format!("\"{path}\" must"), format!(" in {path}")];
            words.iter().any(|words| answer.stderr.contains(words))
        };
        if answer.success() != refused.is_empty() || !refused.iter().all(is_said) {
            differences.push(format!("{}: {refused:?}\n{}{}", case["what"], answer.stdout, answer.stderr));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A creation that changes nothing, without kubectl's own opinion.
async fn create(sandbox: &Sandbox, object: &Value) -> Answer {
    let arguments = ["create", "--dry-run=server", "--validate=false", "-f", "-"];
    sandbox.kubectl().run_with(&arguments, &object.to_string()).await.expect("kubectl runs")
}
