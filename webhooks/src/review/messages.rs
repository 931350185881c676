//! What a user reads of a verdict: the denial as the API server writes its own, and the warnings.

use kube::core::Status;
use kube::core::admission::AdmissionResponse;
use kube::core::response::{StatusCause, StatusDetails};

use super::{GroupVersionKind, Request, account, object_name};
use crate::finding::{Finding, Severity};
use crate::judge::Verdict;

/// At most this many findings are listed in a denial: nobody reads more, and a
/// response has to stay smaller than what the API server takes.
const MAX_CAUSES: usize = 100;

/// A denial as the API server writes its own: kubectl makes one line of each cause.
pub(super) fn denied(request: &Request, verdict: &Verdict) -> AdmissionResponse {
    let GroupVersionKind { group, kind, .. } = &request.kind;
    let name = account::cut(object_name(request, &verdict.object), account::MAX_NAME);
    let errors: Vec<&Finding> = verdict.of_severity(Severity::Error).collect();
    let more = errors.len().saturating_sub(MAX_CAUSES);
    let listed = || errors.iter().take(MAX_CAUSES);
    let mut texts: Vec<String> = listed().map(ToString::to_string).collect();
    let mut causes: Vec<StatusCause> = listed().map(|finding| cause(finding)).collect();
    if more > 0 {
        let message = format!("and {more} more findings, which `fleetgate check` lists");
        texts.push(message.clone());
        causes.push(StatusCause { reason: String::new(), message, field: String::new() });
    }
    let text = match &texts[..] {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let details = StatusDetails {
        name: name.clone(),
        group: group.clone(),
        kind: kind.clone(),
        causes,
        uid: String::new(),
        retry_after_seconds: 0,
    };
    let message = format!("{kind}.{group} {name:?} is invalid: {text}");
    let mut response = AdmissionResponse::invalid("");
    response.uid.clone_from(&request.uid);
    response.result = Status::failure(&message, "Invalid").with_code(422).with_details(details);
    response
}

fn cause(finding: &Finding) -> StatusCause {
    StatusCause {
        reason: finding.fault.cause().to_owned(),
        message: finding.detail(),
        field: finding.path.to_string(),
    }
}

/// The longest warning, in characters: the API server cuts longer ones.
const MAX_WARNING: usize = 255;
/// The most characters of all warnings together: the API server drops the rest.
const MAX_WARNINGS: usize = 4_096;

pub(super) fn warnings(verdict: &Verdict, is_told: impl Fn(&Finding) -> bool) -> Option<Vec<String>> {
    let mut left = MAX_WARNINGS;
    let mut warnings = Vec::new();
    for finding in verdict.of_severity(Severity::Warning).filter(|finding| is_told(finding)) {
        let text = warning(finding);
        let Some(rest) = left.checked_sub(text.len()) else {
            break;
        };
        left = rest;
        warnings.push(text);
    }
    (!warnings.is_empty()).then_some(warnings)
}

/// The finding, cut in its middle where it is too long: the code stays.
fn warning(finding: &Finding) -> String {
    let text = finding.to_string();
    if text.chars().count() <= MAX_WARNING {
        return text;
    }
    let code = format!("… [{}]", finding.code);
    let head: String = text.chars().take(MAX_WARNING - code.chars().count()).collect();
    head + &code
}
