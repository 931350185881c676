//! What is asked, and how it is answered.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What objects say, and the log does not.
pub(super) const UNTOLD: &str = "github.com/what-objects-say";

/// The head of a request whose body has that length.
pub(crate) fn head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: webhook\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )
}

/// Sends a head and a body; returns the status and the body of the answer.
pub(super) async fn send_on(
    mut stream: TlsStream<TcpStream>,
    head: &[u8],
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    stream.write_all(head).await?;
    // Whoever has heard enough answers before it is all sent.
    drop(stream.write_all(body).await);
    drop(stream.flush().await);
    answer(&mut stream).await
}

/// Reads an answer to the end of the connection: its status and its body.
pub(crate) async fn answer(stream: &mut TlsStream<TcpStream>) -> std::io::Result<(u16, String)> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes).await {
        // Whoever is refused before all was sent is not taken leave of.
        Err(_) if !bytes.is_empty() => {}
        other => drop(other?),
    }
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body.to_owned()))
}

/// A good request.
pub(crate) fn review(uid: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": uid, "operation": "CREATE", "namespace": "hostile", "name": "shop", "dryRun": false,
            "kind": {"group": "apps.kurator.dev", "version": "v1alpha1", "kind": "Application"},
            "object": {
                "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
                "metadata": {"name": "shop", "namespace": "hostile"},
                "spec": {
                    "source": {"gitRepository": {"url": format!("https://{UNTOLD}/r"), "interval": "3m0s"}},
                    "syncPolicies": [{"kustomization": {"interval": "5m0s", "path": "./", "prune": true}}],
                },
            },
        },
    })
}
