//! What is wrong with traces is said; only what the command line has wrong is refused.

use std::process::{Command, Output};

/// Runs a webhook that has no cluster, and ends.
fn run(flags: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .arg("webhook")
        .args(flags)
        .env("KUBECONFIG", "/nonexistent")
        .envs(variables.iter().copied())
        .output()
        .expect("it runs");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

#[test]
fn a_flag_that_leads_nowhere_is_refused() {
    let (code, text) = run(&["--otlp-endpoint", "collector:4317"], &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no endpoint of a collector, which is http:// or https://"), "{text}");
    assert!(!text.contains("no cluster is configured"), "{text}");
}

#[test]
fn variables_refuse_nobody_and_what_is_wrong_with_them_is_said() {
    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let table: [(&[(&str, &str)], &str); 7] = [
        (&[ENDPOINT], "sending spans"),
        (
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")],
            "there are no traces: OTEL_EXPORTER_OTLP_ENDPOINT is no endpoint of a collector",
        ),
        (&[ENDPOINT, ("OTEL_TRACES_SAMPLER", "sometimes")], "Unrecognized sampler type 'sometimes'"),
        (&[ENDPOINT, ("OTEL_TRACES_SAMPLER", "traceidratio")], "OTEL_TRACES_SAMPLER_ARG"),
        (
            &[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            "is \"grpc\", which is not there: spans are sent by \"http/protobuf\"",
        ),
        (
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:4318"),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent"),
            ],
            "there are no traces: /nonexistent does not say whom to trust",
        ),
        (&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")], "no cluster is configured"),
    ];
    for (variables, expected) in table {
        let (_, text) = run(&[], variables);
        assert!(text.contains(expected), "{variables:?}: {text}");
        assert!(text.contains("no cluster is configured"), "it goes on: {variables:?}: {text}");
    }
}
