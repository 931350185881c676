//! The answer to a DELETE.

use fleetgate_plan::Catalog;
use kube::core::Status;
use kube::core::response::{StatusCause, StatusDetails};

use super::{Account, Awaited, Endpoint, Outcome, Request, Reviewed, allowed, unchanged};
use crate::deletion;
use crate::finding::Finding;
use crate::schema::Kind;

/// Answers the request to delete an object.
pub(super) fn review(request: &Request, kind: Kind, catalog: &Catalog, endpoint: Endpoint) -> Reviewed {
    let found = match endpoint {
        // Only the validating configuration asks for deletions.
        Endpoint::Mutating => None,
        Endpoint::Validating => deletion::check(kind, &request.old_object, catalog),
    };
    match found {
        None => unchanged(allowed(&request.uid)),
        Some(finding) => refused(request, &finding),
    }
}

/// kubectl prints the reason and the message, and no causes. `Forbidden`, as
/// for what Kubernetes itself will not have deleted: another try does not help
/// before someone has done something.
fn refused(request: &Request, finding: &Finding) -> Reviewed {
    let kind = &request.kind.kind;
    let hint = finding.hint.as_deref().unwrap_or_default();
    let message =
        format!("The {kind} {:?} is in use: {}; {hint} [{}]", request.name, finding.message, finding.code);
    let cause = StatusCause {
        reason: finding.fault.cause().to_owned(),
        message: finding.detail(),
        field: String::new(),
    };
    let details = StatusDetails {
        name: request.name.clone(),
        group: request.kind.group.clone(),
        kind: kind.clone(),
        causes: vec![cause],
        uid: String::new(),
        retry_after_seconds: 0,
    };
    let mut response = allowed(&request.uid);
    response.allowed = false;
    response.result = Status::failure(&message, "Forbidden").with_code(403).with_details(details);
    let account = Account::new(Outcome::Denied).found([finding]);
    Reviewed { response: response.into_review(), account, awaits: Some(Awaited::Release) }
}
