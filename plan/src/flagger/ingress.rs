//! The Ingress of an nginx rollout: Flagger copies it for the new version, and
//! shifts the traffic by annotations of the copy (its `pkg/router/ingress.go`).
//!
//! Kurator has one Ingress `nginx` per namespace for all its rollouts, whose
//! copies then overwrite each other; here each rollout has its own.

use serde_json::json;

use super::fields::{Fields, text};
use super::{Context, MemberKind, MemberObject, Unrenderable};
use crate::Provider;

/// The `IngressClass` that ingress-nginx brings.
const CLASS: &str = "nginx";

/// The name of the Ingress that is made for a Service.
#[must_use]
pub fn ingress_name(service: &str) -> String {
    format!("{service}-nginx")
}

pub(super) fn render(context: &Context<'_>) -> Result<Option<MemberObject>, Unrenderable> {
    if context.provider != Provider::Nginx {
        return Ok(None);
    }
    let routing = context.rollout.rollout_policy.traffic_routing.as_ref();
    let host = text(routing.and_then(|routing| routing.host.as_ref())).ok_or(Unrenderable {
        path: "rolloutPolicy.trafficRouting.host",
        // A rule without a host would take the traffic of every host.
        reason: "is missing: an Ingress for nginx needs one",
    })?;
    let backend = json!({"service": {
        "name": context.rollout.service_name, "port": {"number": context.rollout.port},
    }});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let spec = Fields::new()
        .with("ingressClassName", CLASS)
        .with("rules", json!([{"host": host, "http": {"paths": [path]}}]));
    let body = Fields::new().with("spec", spec).into_map();
    Ok(Some(MemberObject::new(context, MemberKind::Ingress, name_of(context), body)))
}

/// The name of the release's Ingress: the one that stands there already, or its own.
pub(super) fn name_of(context: &Context<'_>) -> String {
    let standing = context.release.member.ingress.map(str::to_owned);
    standing.unwrap_or_else(|| ingress_name(&context.rollout.service_name))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{release, rollout};
    use super::super::{Member, Release, objects};
    use super::*;

    #[test]
    fn the_host_leads_to_the_service() {
        let rollout = rollout("nginx", json!({}));
        let objects = objects(&release(&rollout)).expect("it renders");
        let ingress = objects.first().expect("an Ingress");
        assert_eq!((ingress.kind, ingress.name.as_str()), (MemberKind::Ingress, "backend-svc-nginx"));
        assert_eq!(
            ingress.body["spec"],
            json!({
                "ingressClassName": "nginx",
                "rules": [{"host": "app.example.com", "http": {"paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "backend-svc", "port": {"number": 9898}}},
                }]}}],
            })
        );
    }

    #[test]
    fn an_ingress_that_stands_there_is_kept() {
        let rollout = rollout("nginx", json!({}));
        let member = Member { ingress: Some("nginx"), ..Member::default() };
        let objects = objects(&Release { member, ..release(&rollout) }).expect("it renders");
        let names: Vec<_> = objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["nginx", "backend"]);
        assert_eq!(objects[1].body["spec"]["ingressRef"]["name"], "nginx");
    }
}
