//! `rollout/port`, `rollout/service`, `rollout/names`: the Service in front of
//! the workload, and those that Flagger makes beside it.

use fleetgate_plan::Provider;

use super::Subject;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names::{self, MAX_LABEL, MAX_SUBDOMAIN};
use crate::rules::{DENIES, DENIES_OR_WARNS, Example, Rule};

/// `rollout/port`
pub const PORT: Rule = Rule {
    code: "rollout/port",
    severities: DENIES,
    what: "A port outside 1–65535.",
    why: "It is the port of the Services that Flagger makes.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.port: 98980",
        "spec.syncPolicies[0].rollout.port: 9898",
    ),
};

/// `rollout/service`
pub const SERVICE: Rule = Rule {
    code: "rollout/service",
    severities: DENIES_OR_WARNS,
    what: "A service name that is no DNS label (RFC 1035), or that is not the workload's where the workload is a Service itself. A warning for one that starts with a digit.",
    why: "The member's API server refuses such a Service, before Kubernetes 1.36 also one that starts with a digit; and Flagger makes no Service for a workload that is one.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.serviceName: "my_backend""#,
        r#"spec.syncPolicies[0].rollout.serviceName: "my-backend""#,
    ),
};

/// `rollout/names`
pub const NAMES: Rule = Rule {
    code: "rollout/names",
    severities: DENIES,
    what: "A service name, or a workload's, that leaves no room for what is added to it: `-primary`, `-canary`, `-testloader`.",
    why: "A Service's name may have 63 characters, a workload's 253; Flagger could make neither.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.serviceName: "backend-of-the-shop-that-sells-all-that-was-ever-wanted""#,
        r#"spec.syncPolicies[0].rollout.serviceName: "backend-of-the-shop""#,
    ),
};

/// What Flagger adds to the names of workload and Service (`GetServiceNames`).
const LONGEST_OF_FLAGGER: &str = "-primary";
/// What is added to the Service's name for a load tester of the policy's own.
const OF_TESTLOADER: &str = "-testloader";

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    check_port(subject, findings);
    check_service(subject, findings);
    check_room(subject, findings);
}

fn check_port(subject: Subject<'_>, findings: &mut Findings) {
    let port = subject.rollout.port;
    if !(1..=65_535).contains(&port) {
        let path = subject.path().field("port");
        findings
            .push(Finding::error(&PORT, path, Fault::Invalid, "must be a port, from 1 to 65535").value(port));
    }
}

fn check_service(subject: Subject<'_>, findings: &mut Findings) {
    let name = subject.rollout.service_name.as_str();
    let path = subject.path().field("serviceName");
    if name.is_empty() {
        return;
    }
    if !names::is_dns_label(name) {
        let message = "must be a DNS label (RFC 1035): at most 63 lower case letters, digits and '-', a letter first and no '-' last";
        findings.push(Finding::error(&SERVICE, path, Fault::Invalid, message).value(name));
    } else if is_plain_service(subject) && name != subject.rollout.workload.name {
        let workload = &subject.rollout.workload.name;
        let message = format!(
            "must be {workload:?}, the workload: where that is a Service, the traffic goes to \"{name}-primary\", which nobody makes"
        );
        findings.push(Finding::error(&SERVICE, path, Fault::Invalid, message).value(name));
    } else if name.starts_with(|first: char| first.is_ascii_digit()) {
        let message = "starts with a digit: a cluster before Kubernetes 1.36 refuses such a Service";
        findings.push(
            Finding::warning(&SERVICE, path, Fault::Invalid, message).value(name).hint("start with a letter"),
        );
    }
}

/// Whether the workload is a Service of Kubernetes, not of Knative.
fn is_plain_service(subject: Subject<'_>) -> bool {
    subject.rollout.workload.kind.as_deref() == Some("Service")
        && subject.provider.is_some_and(|provider| provider != Provider::Knative)
}

fn check_room(subject: Subject<'_>, findings: &mut Findings) {
    let rollout = subject.rollout;
    // Knative keeps the versions of a Service under its one name.
    let of_flagger = Some(LONGEST_OF_FLAGGER).filter(|_| subject.provider != Some(Provider::Knative));
    let of_testloader = Some(OF_TESTLOADER).filter(|_| rollout.test_loader == Some(true));
    let mut check = |name: &str, suffix: &str, most: usize, path: FieldPath| {
        let room = most.saturating_sub(suffix.len());
        // A name that is too long by itself is refused for that.
        if (room + 1..=most).contains(&name.len()) {
            let message = format!(
                "may not be longer than {room} characters, is {}: \"{name}{suffix}\" is made of it, and may have {most}",
                name.len()
            );
            findings.push(Finding::error(&NAMES, path, Fault::TooLong, message));
        }
    };
    if let Some(suffix) = of_testloader.or(of_flagger) {
        check(&rollout.service_name, suffix, MAX_LABEL, subject.path().field("serviceName"));
    }
    if let Some(suffix) = of_flagger {
        let most = if is_plain_service(subject) { MAX_LABEL } else { MAX_SUBDOMAIN };
        check(&rollout.workload.name, suffix, most, subject.path().field("workload").field("name"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, findings, with};
    use super::{NAMES, PORT, SERVICE};
    use serde_json::json;

    #[test]
    fn ports() {
        let table = [
            (json!({"port": 1}), ""),
            (json!({"port": 65_535}), ""),
            (json!({"port": 0}), "E rollout/port"),
            (json!({"port": 65_536}), "E rollout/port"),
            (json!({"port": -1}), "E rollout/port"),
            // These are the schema's to say.
            (json!({"port": null}), ""),
            (json!({"port": "http"}), ""),
        ];
        check_table(&[&PORT], &table);
    }

    #[test]
    fn services() {
        let service = |name: &str, workload: &str| json!({"serviceName": name, "workload": {"name": workload, "kind": "Service", "apiVersion": "v1"}});
        let table = [
            (json!({"serviceName": "backend-svc"}), ""),
            (json!({"serviceName": "Bad_Service"}), "E rollout/service"),
            (json!({"serviceName": "back.end"}), "E rollout/service"),
            (json!({"serviceName": "backend-"}), "E rollout/service"),
            (json!({"serviceName": "b".repeat(64)}), "E rollout/service"),
            (json!({"serviceName": "1st"}), "W rollout/service"),
            (service("backend", "backend"), ""),
            (service("backend-svc", "backend"), "E rollout/service"),
        ];
        check_table(&[&SERVICE, &NAMES], &table);
    }

    #[test]
    fn names_leave_room() {
        let service =
            |length: usize, loader: bool| json!({"serviceName": "b".repeat(length), "testLoader": loader});
        let workload = |length: usize, kind: &str| {
            let name = "b".repeat(length);
            json!({"testLoader": false, "workload": {"name": name, "kind": kind}})
        };
        let denied = "E rollout/names";
        let table = [
            (service(52, true), ""),
            (service(53, true), denied),
            (service(55, false), ""),
            (service(56, false), denied),
            (service(63, false), denied),
            (workload(245, "Deployment"), ""),
            (workload(246, "Deployment"), denied),
            (workload(56, "Service"), denied),
            (
                json!({"trafficRoutingProvider": "knative", "testLoader": false, "serviceName": "b".repeat(63)}),
                "",
            ),
        ];
        check_table(&[&NAMES], &table);
        let said = findings(&[&NAMES], &with(&service(53, true)), None);
        assert!(said[0].message.starts_with("may not be longer than 52 characters, is 53: "), "{}", said[0]);
    }
}
