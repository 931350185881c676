//! The answers to requests whose object is not looked at.

use kube::core::Status;
use kube::core::admission::AdmissionResponse;
use kube::core::response::StatusDetails;

use super::Reviewed;
use super::account::{About, Account, Outcome, cut};
use crate::uid;

/// The longest of what is said about one, in characters: it may repeat what it cannot read.
const MAX_MESSAGE: usize = 1_000;

/// A request that is not one: no object is at fault, so there are no causes.
pub(super) fn refused(uid: Option<String>, message: &str) -> Reviewed {
    let message = cut(message, MAX_MESSAGE);
    unreviewed(uid, Outcome::Malformed, Status::failure(&message, "BadRequest").with_code(400))
}

/// The answer to a request that there was no time for.
#[must_use]
pub fn shed(body: &[u8]) -> Reviewed {
    let message =
        "Fleetgate has more to review than it can in time, and has not looked at this object: try again";
    // The API server makes a header of it, by which kubectl and controllers try again themselves.
    let details = StatusDetails {
        retry_after_seconds: 1,
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        causes: Vec::new(),
        uid: String::new(),
    };
    let status = Status::failure(message, "TooManyRequests").with_code(429).with_details(details);
    unreviewed(uid::find(body), Outcome::Shed, status)
}

/// The answer to a request at which the review itself failed.
#[must_use]
pub fn failed(body: &[u8]) -> Reviewed {
    let message = "Fleetgate itself failed at this object, whatever is right or wrong with it: please report it, with what Fleetgate's \
                   log says";
    unreviewed(uid::find(body), Outcome::Failed, Status::failure(message, "InternalError").with_code(500))
}

fn unreviewed(uid: Option<String>, outcome: Outcome, status: Status) -> Reviewed {
    let mut account = Account::new(outcome);
    account.about = About::uid(uid.as_deref());
    let mut response = AdmissionResponse::invalid("");
    response.uid = uid.unwrap_or_default();
    response.result = status;
    Reviewed { response: response.into_review(), account, awaits: None }
}
