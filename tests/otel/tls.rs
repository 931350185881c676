//! A collector over TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use fleetgate_sandbox::collector::Collector;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use tempfile::NamedTempFile;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::program::{PATIENCE, Webhook};

/// Speaks TLS with whoever comes, and is `collector` to them; returns where, and whom they have to trust.
async fn guard(collector: SocketAddr) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], made.signing_key.into())
        .expect("a certificate and its key");
    let (acceptor, listener) = (
        TlsAcceptor::from(Arc::new(config)),
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port"),
    );
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust it goes.
                let Ok(mut client) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(collector).await.expect("the collector");
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    (address, made.cert.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_sent_spans_by_who_trusts_it_alone() {
    let collector = Collector::start().await.expect("a collector");
    let (address, pem) = guard(collector.address()).await;
    let endpoint = format!("https://{address}");
    let flags = ["--otlp-endpoint", &endpoint];
    let soon = ("OTEL_BSP_SCHEDULE_DELAY", "50");

    let webhook = Webhook::start("traced-distrust", &flags, &[soon]).await;
    webhook.program.logs("invalid peer certificate").await;
    webhook.program.stop().await;
    assert!(collector.spans().is_empty());
    drop(webhook.turn);

    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), pem).expect("it is written");
    let authority = ("OTEL_EXPORTER_OTLP_CERTIFICATE", file.path().to_str().expect("a path"));
    let webhook = Webhook::start("traced-trust", &flags, &[soon, authority]).await;
    collector.has(2, |span| span.name == "admission.review", PATIENCE).await.expect("spans");
    webhook.program.stop().await;
}
