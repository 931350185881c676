//! Serves the archives over HTTP on loopback. It reads below one folder and never writes.

use std::net::Ipv4Addr;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

pub(super) async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("the source stand-in cannot listen on 127.0.0.1:{port}"))
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, folder: PathBuf) -> anyhow::Result<()> {
    let router = Router::new().fallback(archive).with_state(folder);
    axum::serve(listener, router).await.context("the source stand-in cannot serve")
}

async fn archive(State(folder): State<PathBuf>, uri: Uri) -> Response {
    let Some(file) = inside(&folder, uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::fs::read(file).await {
        Ok(bytes) => bytes.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| folder.join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_read() {
        let folder = Path::new("/artifacts");
        assert_eq!(inside(folder, "/a/b.tar.gz"), Some("/artifacts/a/b.tar.gz".into()));
        assert_eq!(inside(folder, "/../secret"), None);
        assert_eq!(inside(folder, "/a/../../secret"), None);
    }
}
