//! Requests whose body is not read.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unread {
    /// It is larger than [`MAX_BODY`](super::MAX_BODY).
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// It ended before its end.
    Broken,
    /// It is said to be something else than JSON.
    NotJson,
    /// There was no memory for it in time.
    Crowded,
}

impl Unread {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::TooLarge, Self::TooSlow, Self::Broken, Self::NotJson, Self::Crowded];

    /// Its name in numbers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Broken => "broken",
            Self::NotJson => "not-json",
            Self::Crowded => "crowded",
        }
    }
}

/// No AdmissionReview, since the uid that it has to echo may not have come: the
/// API server repeats the text.
impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        match self {
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "the AdmissionReview is larger than 8 MiB").into_response()
            }
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "the AdmissionReview did not come in time").into_response()
            }
            Self::Broken => {
                (StatusCode::BAD_REQUEST, "the AdmissionReview ended before its end").into_response()
            }
            Self::NotJson => {
                let text = "the AdmissionReview has to come as application/json";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response()
            }
            // An API server that has time left tries again by itself.
            Self::Crowded => {
                let text = "Fleetgate has more to review than it can in time: try again";
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], text).into_response()
            }
        }
    }
}

/// Whether a body is said to be JSON.
pub(super) struct IsJson(pub(super) bool);

impl<S: Sync> FromRequestParts<S> for IsJson {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(is_json(&parts.headers)))
    }
}

/// Whether a body is JSON by its header. What is not said is as good.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(said) = headers.get(CONTENT_TYPE) else { return true };
    let media = said.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    media.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn json_is_known_by_its_name() {
        let table = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/yaml", false),
            ("application/vnd.kubernetes.protobuf", false),
            ("", false),
        ];
        for (said, expected) in table {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(said))]);
            assert_eq!(is_json(&headers), expected, "{said}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
