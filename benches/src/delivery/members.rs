//! What the members are: an address that answers a probe, so that the clusters
//! are ready, as they are where all is well.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::server::{self, Connections, Transport};

/// The listener that stands for every member; gone when dropped.
#[derive(Debug)]
pub(super) struct Members {
    address: SocketAddr,
    _serving: JoinSet<anyhow::Result<()>>,
}

impl Members {
    pub(super) fn start() -> anyhow::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let version = json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "", "goVersion": "", "compiler": "gc", "platform": "linux/amd64",
        });
        let version = move || async move { ([(CONTENT_TYPE, "application/json")], version.to_string()) };
        let router = Router::new().route("/version", get(version)).route("/readyz", get(|| async { "ok" }));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let listener = server::listen(address)?;
            let connections = Connections::shared(usize::MAX);
            server::serve(listener, "a member", Transport::Plain, router, connections, std::future::pending())
                .await
        });
        Ok(Self { address, _serving: serving })
    }

    /// The Secret with a member's kubeconfig.
    pub(super) fn secret(&self, namespace: &str, name: &str) -> Value {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": name, "user": {"token": "none"}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        });
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": {"value": kubeconfig.to_string()},
        })
    }
}
