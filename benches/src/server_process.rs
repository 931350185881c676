//! A server in a process of its own, on a core of its own, and the CPU time
//! that it has used.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum as _;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rustls::pki_types::CertificateDer;

use crate::serve::Side;

/// How long a server may take to open its port.
const START: Duration = Duration::from_secs(10);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts this program's `serve`, on one core alone where one is named.
    pub(crate) fn start(
        side: Side,
        clusters: usize,
        certificate: &Path,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let name = side.to_possible_value().context("a side without a name")?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", name.get_name(), "--bind", &address.to_string()])
            .args(["--clusters", &clusters.to_string()])
            .args(core.map(|core| format!("--core={core}")))
            .arg("--cert-dir")
            .arg(certificate)
            .spawn()
            .context("the server cannot be started")?;
        let mut server = Self { child, address };
        server.wait_until_open()?;
        Ok(server)
    }

    fn wait_until_open(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it listened: {status}");
            }
            anyhow::ensure!(start.elapsed() < START, "the server does not listen on {}", self.address);
            std::thread::yield_now();
        }
        Ok(())
    }

    /// The CPU time of all its threads so far.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        cpu_time_of(self.child.id())
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<u64> {
        Ok(Resident::of(self.child.id())?.kib)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

/// The CPU time of all threads of a process so far.
pub(crate) fn cpu_time_of(process: u32) -> anyhow::Result<Duration> {
    let tasks = format!("/proc/{process}/task");
    let mut nanos = 0;
    for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu = times.split_whitespace().next().context("an empty schedstat")?;
        nanos += on_cpu.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The resident memory of a process, in KiB.
pub(crate) struct Resident {
    /// All of it.
    pub(crate) kib: u64,
    /// Of which are pages of files: of the program, which all processes share. How many a kernel maps beside one
    /// that is needed depends on its cache: where it has the file in large folios, all of such a folio.
    pub(crate) of_files: u64,
}

impl Resident {
    /// As the kernel tells it.
    pub(crate) fn of(process: u32) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let kib = |name| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context(name)?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        Ok(Self { kib: kib("VmRSS:")?, of_files: kib("RssFile:")? })
    }
}

/// Keeps this thread, and all that it starts, on one core.
pub(crate) fn pin_to(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores).with_context(|| format!("cannot run on core {core}"))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}

/// The names by which a server is called: by a client on loopback, and by an API server.
const NAMES: [&str; 2] = ["127.0.0.1", "fleetgate-webhook.fleetgate-system.svc"];

/// Writes what a server proves itself with; returns what its clients trust.
pub(crate) fn write_certificate(folder: &Path) -> anyhow::Result<CertificateDer<'static>> {
    let issued = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned))?;
    fs::write(folder.join("tls.crt"), issued.cert.pem()).context("cannot write the certificate")?;
    fs::write(folder.join("tls.key"), issued.signing_key.serialize_pem())?;
    Ok(issued.cert.der().clone())
}
