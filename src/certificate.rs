//! The webhook's certificate: in a folder, where someone else keeps it, or kept by the webhook itself.

use std::convert::Infallible;

use anyhow::Context as _;
use fleetgate_certs::{Place, Serving, Timing, in_cluster, in_folder};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Config;

use crate::cli::CertificateOptions;
use crate::client;

/// What keeps a certificate, for ever.
type Kept = BoxFuture<'static, Infallible>;

/// Where the certificate comes from.
pub(crate) enum Certificate {
    Folder(Serving, Kept),
    Cluster(Place, Timing),
}

impl Certificate {
    /// Reads the folder, where there is one: what is wrong with it is said before anything else.
    ///
    /// # Errors
    ///
    /// When the folder holds no certificate, or the flags do not go together.
    pub(crate) fn open(options: &CertificateOptions) -> anyhow::Result<Self> {
        let Some(folder) = &options.cert_dir else {
            return Ok(Self::Cluster(options.place(), options.timing()?));
        };
        let (serving, kept) = in_folder(folder)
            .context("--cert-dir must hold tls.crt and tls.key, a PEM certificate chain and its key")?;
        Ok(Self::Folder(serving, kept.boxed()))
    }

    /// What is served, and what keeps it.
    ///
    /// # Errors
    ///
    /// When the cluster's configuration cannot be used.
    pub(crate) fn kept(self, cluster: &Config) -> anyhow::Result<(Serving, Kept)> {
        match self {
            Self::Folder(serving, kept) => Ok((serving, kept)),
            Self::Cluster(place, timing) => {
                let (serving, kept) = in_cluster(client::direct(cluster.clone())?, place, timing);
                Ok((serving, kept.boxed()))
            }
        }
    }
}
