use super::*;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::pending;
use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a server has against whoever calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    /// Speaks TLS and answers `/readyz` and `/version` with these.
    Answers(&'static str, &'static str),
    /// Sends that instead of speaking TLS, and hangs up.
    Says(&'static [u8]),
    /// Takes the connection, and says nothing.
    IsSilent,
    /// Nobody listens.
    IsGone,
}

/// An authority, and what a server of it shows under these names.
fn authority(names: &[&str]) -> (Vec<u8>, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().expect("a key");
    let shown = CertificateParams::new(names).expect("parameters").signed_by(&key, &issuer);
    let shown = shown.expect("a certificate").der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    (certificate.pem().into_bytes(), config.with_single_cert(vec![shown], key).expect("a certificate"))
}

async fn start(server: Server, config: ServerConfig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    if server != Server::IsGone {
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((connection, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // Whoever called may have hung up already.
                tokio::spawn(async move { drop(serve(server, &acceptor, connection).await) });
            }
        });
    }
    address
}

async fn serve(server: Server, acceptor: &TlsAcceptor, mut connection: TcpStream) -> io::Result<()> {
    match server {
        Server::Answers(readyz, version) => {
            let mut connection = acceptor.accept(connection).await?;
            let mut asked = Vec::new();
            loop {
                asked.push(connection.read_u8().await?);
                if asked.ends_with(b"\r\n\r\n") {
                    let answer = if asked.starts_with(b"GET /readyz ") { readyz } else { version };
                    assert!(answer == readyz || asked.starts_with(b"GET /version "), "{asked:?}");
                    connection.write_all(answer.as_bytes()).await?;
                    connection.flush().await?;
                    asked.clear();
                }
            }
        }
        Server::Says(words) => connection.write_all(words).await,
        Server::IsSilent | Server::IsGone => pending().await,
    }
}

async fn config(address: SocketAddr, authority: &[u8], user: Value) -> Config {
    let authority = json!(ByteString(authority.to_vec()));
    let kubeconfig = json!({
        "clusters": [{"name": "c", "cluster": {"server": format!("https://{address}"), "certificate-authority-data": authority}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x",
    });
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.to_string()).expect("a kubeconfig");
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("it can be read")
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const VERSION: &str = "HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"gitVersion\":\"v1.36.3\"}";

/// Nothing of a server's may stand in what is said of it.
const SECRET: &str = "what-stands-behind-it";

async fn said(server: Server, deadline: Duration) -> String {
    let (pem, tls) = authority(&["127.0.0.1"]);
    let address = start(server, tls).await;
    let probed = probe_within(config(address, &pem, json!({"token": "t"})).await, deadline).await;
    let said = probed.unwrap_or_else(|unreached| format!("{} {}", unreached.reason, unreached.message));
    said.replace(&address.to_string(), "SERVER")
}

#[tokio::test]
async fn what_is_said_of_a_cluster() {
    let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}", "x".repeat(2 * MOST));
    let endless: &str = Box::leak(endless.into_boxed_str());
    let table = [
        (Server::Answers(OK, VERSION), "v1.36.3"),
        (
            Server::Answers(
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 21\r\n\r\nwhat-stands-behind-it",
                VERSION,
            ),
            "Unauthorized SERVER does not know the kubeconfig's user (401)",
        ),
        (
            Server::Answers(OK, "HTTP/1.1 403 Forbidden\r\ncontent-length: 21\r\n\r\nwhat-stands-behind-it"),
            "Unauthorized SERVER does not let the kubeconfig's user ask for /version (403)",
        ),
        (
            Server::Answers(
                "HTTP/1.1 500 what-stands-behind-it\r\ncontent-length: 21\r\n\r\nwhat-stands-behind-it",
                VERSION,
            ),
            "Unreachable SERVER is not ready: it answers /readyz with 500",
        ),
        (
            Server::Answers(
                "HTTP/1.1 302 Found\r\nlocation: https://what-stands-behind-it/\r\ncontent-length: 0\r\n\r\n",
                VERSION,
            ),
            "Unreachable SERVER sends /readyz elsewhere (302), which is not followed",
        ),
        (
            Server::Answers(OK, "HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\nwhat-stands-behind-it"),
            "Unreachable SERVER does not say which version of Kubernetes it is",
        ),
        (
            Server::Answers(
                OK,
                "HTTP/1.1 200 OK\r\ncontent-length: 39\r\n\r\n{\"gitVersion\":\"<what-stands-behind-it>\"}",
            ),
            "Unreachable SERVER does not say which version of Kubernetes it is",
        ),
        (
            Server::Answers(endless, VERSION),
            "Unreachable SERVER breaks off its answer to /readyz, or does not come to its end",
        ),
        (Server::Answers("what-stands-behind-it\r\n\r\n", VERSION), "Unreachable SERVER cannot be reached: "),
        (Server::Says(b"what-stands-behind-it\r\n\r\n"), "TLSFailed SERVER does not speak TLS"),
        (Server::Says(b""), "Unreachable SERVER cannot be reached: "),
        (Server::IsGone, "Unreachable SERVER cannot be reached: Connection refused"),
    ];
    for (server, expected) in table {
        let said = said(server, DEADLINE).await;
        assert!(said.starts_with(expected) && !said.contains(SECRET), "{server:?}: {said}");
    }
}

#[tokio::test]
async fn nothing_takes_longer_than_the_deadline() {
    let said = said(Server::IsSilent, Duration::from_millis(50)).await;
    assert_eq!(said, "Unreachable SERVER does not answer within 5 seconds");
}

#[tokio::test]
async fn whose_certificate_it_is() {
    let (own, other) = (authority(&["127.0.0.1"]), authority(&["elsewhere.example"]));
    let table = [
        (own.0.clone(), other.1.clone(), "is not of the authority in the kubeconfig's"),
        (other.0, other.1, "for other names: set server, or tls-server-name"),
    ];
    for (trusted, shown, expected) in table {
        let address = start(Server::Answers(OK, VERSION), shown).await;
        let unreached = probe(config(address, &trusted, json!({"token": "t"})).await).await.expect_err("no");
        assert_eq!(unreached.reason, ConditionReason::TlsFailed);
        assert!(unreached.message.contains(expected), "{unreached:?}");
        assert!(!unreached.message.contains("elsewhere"), "{unreached:?}");
    }
    let address = start(Server::IsGone, own.1).await;
    let garbage = json!({"client-certificate-data": "AAAA", "client-key-data": "AAAA"});
    let unreached = probe(config(address, &own.0, garbage).await).await.expect_err("no key");
    assert_eq!(unreached.reason, ConditionReason::KubeconfigInvalid, "{unreached:?}");
}

#[test]
fn a_password_is_no_part_of_a_server() {
    let table = [
        ("https://user:password@10.0.0.1:6443/path", "10.0.0.1:6443"),
        ("https://api.example.com", "api.example.com"),
    ];
    for (url, expected) in table {
        assert_eq!(server(&url.parse().expect("a URL")), expected);
    }
}
