//! How a plane is reached: one value, rendered as a kubeconfig file and as a client's configuration.

use std::path::Path;

use anyhow::Context as _;
use k8s_openapi::ByteString;
use kube::config::{
    AuthInfo, Cluster, Config, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster,
    NamedContext,
};

use crate::files;

/// An address, whom to trust there, and who we are. The authority is inline: Flux refuses a
/// kubeconfig without one, and Fleetgate one that names files.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) cluster: String,
    pub(crate) user: String,
    pub(crate) server: String,
    pub(crate) ca_pem: String,
    pub(crate) token: String,
}

impl Access {
    /// The same plane as somebody else.
    pub(crate) fn as_user(&self, user: &str, token: String) -> Self {
        Self { user: user.to_owned(), token, ..self.clone() }
    }

    /// The kubeconfig file's text.
    pub(crate) fn to_yaml(&self) -> anyhow::Result<String> {
        // Base64 on one line: folded, it would be read back with spaces in it by some.
        let plain = serde_saphyr::ser_options! { prefer_block_scalars: false };
        serde_saphyr::to_string_with_options(&self.kubeconfig()?, plain)
            .with_context(|| format!("cannot render the kubeconfig of {}", self.cluster))
    }

    /// Writes the kubeconfig file.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        files::write(path, &self.to_yaml()?)
    }

    /// The client configuration of the same content, straight to loopback, whatever proxy is set.
    pub(crate) async fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::from_custom_kubeconfig(self.kubeconfig()?, &KubeConfigOptions::default())
            .await
            .with_context(|| format!("cannot use the kubeconfig of {}", self.cluster))?;
        config.proxy_url = None;
        Ok(config)
    }

    fn kubeconfig(&self) -> anyhow::Result<Kubeconfig> {
        let cluster = Cluster {
            server: Some(self.server.clone()),
            certificate_authority_data: Some(base64(self.ca_pem.as_bytes())?),
            ..Cluster::default()
        };
        let user = AuthInfo { token: Some(self.token.clone().into()), ..AuthInfo::default() };
        let context =
            Context { cluster: self.cluster.clone(), user: Some(self.user.clone()), ..Context::default() };
        Ok(Kubeconfig {
            api_version: Some("v1".to_owned()),
            kind: Some("Config".to_owned()),
            clusters: vec![NamedCluster {
                name: self.cluster.clone(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: self.user.clone(),
                auth_info: Some(user),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: self.cluster.clone(),
                context: Some(context),
                ..NamedContext::default()
            }],
            current_context: Some(self.cluster.clone()),
            ..Kubeconfig::default()
        })
    }
}

/// Base64, as Kubernetes writes bytes.
pub(crate) fn base64(bytes: &[u8]) -> anyhow::Result<String> {
    match serde_json::to_value(ByteString(bytes.to_vec())) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        other => anyhow::bail!("cannot encode bytes as base64: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_complete_and_names_no_file() {
        let access = Access {
            cluster: "host".to_owned(),
            user: "admin".to_owned(),
            server: "https://127.0.0.1:20001".to_owned(),
            ca_pem: "pem".to_owned(),
            token: "secret".to_owned(),
        };
        let value: serde_json::Value = serde_saphyr::from_str(&access.to_yaml().unwrap()).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "host", "cluster": {
                    "server": "https://127.0.0.1:20001", "certificate-authority-data": "cGVt"}}],
                "users": [{"name": "admin", "user": {"token": "secret"}}],
                "contexts": [{"name": "host", "context": {"cluster": "host", "user": "admin"}}],
                "current-context": "host",
            })
        );
    }
}
