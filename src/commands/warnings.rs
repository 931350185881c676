//! What the API server, and the webhooks behind it, say beside an answer (RFC 7234, 5.5): kubectl
//! prints it, and so does every command here that writes.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header::WARNING;
use axum::http::{HeaderMap, HeaderValue};
use kube::Client;

/// What was said, in order and each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// `client`, of whose answers the warnings are kept here.
    pub(super) fn of(&self, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        let this = self.clone();
        let service = tower::service_fn(move |request| {
            let (client, this) = (client.clone(), this.clone());
            async move {
                let answer = client.send(request).await?;
                this.add(answer.headers());
                Ok::<_, kube::Error>(answer)
            }
        });
        Client::new(service, namespace)
    }

    fn add(&self, headers: &HeaderMap) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for text in headers.get_all(WARNING).iter().filter_map(text) {
            if !said.contains(&text) {
                said.push(text);
            }
        }
    }

    /// A line for each, as kubectl has it.
    pub(super) fn lines(&self) -> String {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().fold(String::new(), |lines, text| lines + "Warning: " + text + "\n")
    }
}

/// The text of `299 - "text"`; the API server sends a header for each.
fn text(value: &HeaderValue) -> Option<String> {
    // Kubernetes sends UTF-8, which HTTP does not count among the characters of a header.
    let value = std::str::from_utf8(value.as_bytes()).ok()?;
    let (_, quoted) = value.split_once('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(text),
            '\\' => text.extend(characters.next()),
            character => text.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_once_and_unquoted() {
        let warnings = Warnings::default();
        let mut headers = HeaderMap::new();
        for value in [
            "299 - \"no cluster \\\"m1\\\" … left\"",
            "299 - \"no cluster \\\"m1\\\" … left\"",
            "299 -",
            "299 - \"open",
        ] {
            headers.append(WARNING, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        warnings.add(&headers);
        assert_eq!(warnings.lines(), "Warning: no cluster \"m1\" … left\n");
    }
}
