//! What of someone's kubeconfig is stored: one cluster and one user, whole. Pure
//! but for the files that it names.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use fleetgate_webhooks::Severity;
use fleetgate_webhooks::rules::cluster::content::problems;
use k8s_openapi::ByteString;
use serde_json::{Value, json};

/// The fields that name a file, each with the one that has its content; those
/// with `-data` in base64.
const FILES: [(&str, &str, &str); 4] = [
    ("cluster", "certificate-authority", "certificate-authority-data"),
    ("user", "client-certificate", "client-certificate-data"),
    ("user", "client-key", "client-key-data"),
    ("user", "tokenFile", "token"),
];

/// The current context of a kubeconfig, and nothing else of it.
#[derive(Debug, PartialEq)]
pub(super) struct Current {
    /// What the kubeconfig calls the cluster.
    pub(super) name: String,
    /// Where the cluster is.
    pub(super) server: String,
    /// A kubeconfig of it.
    pub(super) text: String,
    /// What may be used, and is not good.
    pub(super) warnings: Vec<String>,
}

/// Reads the current context of `text`, whose files are relative to `folder`.
///
/// # Errors
///
/// When there is none, or what it has may not be used by the controllers; none
/// of the content is repeated.
pub(super) fn current(text: &str, folder: &Path) -> anyhow::Result<Current> {
    // The parser's own words may repeat what stands there.
    let Ok(config) = serde_saphyr::from_str::<Value>(text) else { bail!("is no kubeconfig") };
    let context = config.get("current-context").and_then(Value::as_str).filter(|name| !name.is_empty());
    let context = named(&config, "contexts", "context", context.context("has no current context")?)?;
    let name = |field: &str| {
        let name = context.get(field).and_then(Value::as_str);
        name.with_context(|| format!("its current context names no {field}"))
    };
    let (cluster_name, user_name) = (name("cluster")?, name("user")?);
    let mut cluster = named(&config, "clusters", "cluster", cluster_name)?;
    let mut user = named(&config, "users", "user", user_name)?;
    for (part, field, content) in FILES {
        embed(if part == "cluster" { &mut cluster } else { &mut user }, field, content, folder)?;
    }
    let server = cluster.get("server").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = cluster_name.to_owned();
    let stored = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    });
    let text = serde_saphyr::to_string(&stored).map_err(|_| anyhow::anyhow!("cannot be written"))?;
    let (refused, warned): (Vec<_>, Vec<_>) =
        problems(text.as_bytes()).into_iter().partition(|problem| problem.severity == Severity::Error);
    let [refused, warnings] = [refused, warned]
        .map(|problems| problems.iter().map(|it| format!("{}: {}", it.what, it.hint)).collect::<Vec<_>>());
    if !refused.is_empty() {
        bail!("{}", refused.join("; "));
    }
    Ok(Current { name, server, text, warnings })
}

fn named(config: &Value, list: &str, field: &str, name: &str) -> anyhow::Result<Value> {
    let mut items = config.get(list).and_then(Value::as_array).into_iter().flatten();
    let found = items.find(|item| item.get("name").and_then(Value::as_str) == Some(name));
    let found = found.and_then(|item| item.get(field)).filter(|value| value.is_object());
    found.cloned().with_context(|| format!("has no {field} of the name that its current context means"))
}

/// Puts a file's content in place of its name.
fn embed(part: &mut Value, field: &str, content: &str, folder: &Path) -> anyhow::Result<()> {
    let Some(fields) = part.as_object_mut() else { return Ok(()) };
    let Some(Value::String(path)) = fields.remove(field) else { return Ok(()) };
    // As kubectl has it, what is embedded counts before a file.
    if path.is_empty() || fields.contains_key(content) {
        return Ok(());
    }
    let bytes = fs::read(folder.join(&path)).with_context(|| format!("its {field} {path} cannot be read"))?;
    let value = if content == "token" {
        json!(String::from_utf8(bytes).ok().with_context(|| format!("its {field} is no text"))?.trim())
    } else {
        json!(ByteString(bytes))
    };
    fields.insert(content.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = "
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: berlin, user: admin}}
- {name: there, context: {cluster: paris, user: other}}
clusters:
- {name: berlin, cluster: {server: 'https://10.0.0.1:6443', certificate-authority: ca.pem}}
- {name: paris, cluster: {server: 'https://10.0.0.2:6443'}}
users:
- {name: other, user: {token: not-yours}}
";

    fn read(user: &str) -> anyhow::Result<Current> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), "PEM").expect("a file");
        fs::write(folder.path().join("token"), "secret\n").expect("a file");
        current(&format!("{OTHERS}- {{name: admin, user: {user}}}\n"), folder.path())
    }

    #[test]
    fn only_the_current_context_is_stored_with_its_files() {
        for user in ["{token: secret}", "{tokenFile: token}"] {
            let current = read(user).expect("it may be used");
            assert_eq!((current.name.as_str(), current.server.as_str()), ("berlin", "https://10.0.0.1:6443"));
            let stored: Value = serde_saphyr::from_str(&current.text).expect("YAML");
            assert_eq!(stored["users"], json!([{"name": "berlin", "user": {"token": "secret"}}]));
            assert_eq!(stored["clusters"][0]["cluster"]["certificate-authority-data"], "UEVN");
            assert!(!current.text.contains("paris") && !current.text.contains("ca.pem"), "{}", current.text);
        }
    }

    #[test]
    fn what_the_controllers_may_not_use_is_refused_without_repeating_it() {
        let table = [
            ("{exec: {command: get-secret}}", "users[].user.exec"),
            ("{tokenFile: none}", "its tokenFile none cannot be read"),
            ("[]", "has no user of the name"),
        ];
        for (user, expected) in table {
            let error = format!("{:#}", read(user).expect_err("it may not be used"));
            assert!(error.contains(expected) && !error.contains("get-secret"), "{user}: {error}");
        }
        for text in ["x: [", "{}", "current-context: a", "current-context: ''"] {
            assert!(current(text, Path::new("")).is_err(), "{text}");
        }
    }
}
