//! What the process takes, by the names that all clients of Prometheus have for it.
//!
//! Memory and descriptors are what Linux says in `/proc`; where there is none of it, they are not told of.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeVal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use super::Label;

/// This process.
#[derive(Debug)]
pub(super) struct Process {
    started: SystemTime,
}

impl Process {
    /// One that starts now.
    pub(super) fn new() -> Self {
        Self { started: SystemTime::now() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let started = self.started.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64());
        let help = "When the process started, in seconds since 1970";
        gauge(&mut encoder, "process_start_time_seconds", help, started)?;
        gauge(&mut encoder, "process_resident_memory_bytes", "Memory that the process has", resident())?;
        gauge(&mut encoder, "process_open_fds", "Descriptors that are open", open())?;
        let most = getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(most, _)| most);
        gauge(&mut encoder, "process_max_fds", "Descriptors that may be open", most)?;
        if let Some(seconds) = worked() {
            let (name, help) = ("process_cpu_seconds", "How long processors have worked for the process");
            let no_exemplar = None::<&Exemplar<[Label; 0], f64>>;
            encoder
                .encode_descriptor(name, help, None, MetricType::Counter)?
                .encode_counter(&seconds, no_exemplar)?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: Option<impl EncodeGaugeValue>,
) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

/// The memory of this process, in bytes.
fn resident() -> Option<u64> {
    in_status(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The line is `VmRSS:      1234 kB`.
fn in_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// How many descriptors are open, but for the one that they are counted by.
fn open() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

/// How long processors have worked for this process, in seconds.
fn worked() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    Some(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// No process has worked for so long that a float is not exact to a millionth.
#[expect(clippy::cast_precision_loss)]
fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::hint::black_box;

    #[test]
    fn memory_is_read_from_its_line() {
        let table = [
            ("Name:\tfleetgate\nVmHWM:\t   30000 kB\nVmRSS:\t   19456 kB\nThreads:\t9\n", Some(19_922_944)),
            ("VmRSS:\t0 kB\n", Some(0)),
            ("VmHWM:\t   30000 kB\n", None),
            ("VmRSS:\t 1 MB\n", None),
            ("VmRSS:\t -1 kB\n", None),
            ("VmRSS:\t18446744073709551615 kB\n", None),
            ("", None),
        ];
        for (status, expected) in table {
            assert_eq!(in_status(status), expected, "{status:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_taken_is_told() {
        let files: Vec<File> = (0..500).map(|_| File::open("/dev/null").expect("a file")).collect();
        assert!(open().expect("a number") >= files.len());
        let memory = black_box(vec![1_u8; 64 << 20]);
        assert!(resident().expect("a number") >= memory.len() as u64);
        let before = worked().expect("a number");
        while worked().expect("a number") <= before {
            black_box(memory.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        }
    }
}
