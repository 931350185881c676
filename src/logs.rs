//! Logs, to standard error.
//!
//! A program that serves must not wait for whoever reads them: a pipe that
//! nobody empties would hold up every review. Its lines go to a buffer of
//! bounded size, which a thread of its own empties; what finds it full is
//! dropped, counted, and said once there is room again.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::cli::{LogFormat, LogOptions, TraceOptions};
use crate::traces::{self, Traces};

/// kube's client: of an answer that it cannot read it tells all, objects too, in a warning.
const CLIENT: &str = "kube_client::client";

/// The most that waits to be written, in bytes.
const MOST: usize = 1024 * 1024;
/// How long lines are gathered before they are written: to wake the thread and to
/// write for each of them costs more than to make it.
const GATHERING: Duration = Duration::from_millis(10);
/// How long the end of a program waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Lines of a program that serves which nobody was there to read.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines were dropped since the start.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// What a program tells of itself while it runs. The last of it is sent and written when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    // Dropped first: what becomes of the last spans is a line of the log.
    _traces: Option<Traces>,
    _queue: Option<Queue>,
}

/// Starts logging, and the traces of a program that serves, which is a `service` and does not wait for its
/// lines to be written but at its end.
///
/// # Errors
///
/// When the filter is none, or no thread can be started.
pub(crate) fn start(
    options: &LogOptions,
    service: Option<(&'static str, &TraceOptions)>,
) -> anyhow::Result<Logs> {
    let Some((service, wanted)) = service else {
        Registry::default().with(lines(options, || BoxMakeWriter::new(io::stderr))?).init();
        return Ok(Logs::default());
    };
    let queue = Queue::start(io::stderr()).context("cannot start logging")?;
    let writer = || BoxMakeWriter::new(Arc::clone(&queue.0));
    // What there is to say of traces is said before they can be part of what is started.
    let before = Registry::default().with(lines(options, writer)?);
    let traces = tracing::subscriber::with_default(before, || traces::start(wanted, service));
    let lines = lines(options, writer)?;
    Registry::default().with(lines).with(traces::layer(traces.as_ref())).init();
    tell_faults();
    Ok(Logs { _traces: traces, _queue: Some(queue) })
}

/// The lines of the log, of what passes the filter.
fn lines(
    options: &LogOptions,
    writer: impl Fn() -> BoxMakeWriter,
) -> anyhow::Result<Box<dyn Layer<Registry> + Send + Sync>> {
    let filter = EnvFilter::try_new(&options.log_level).with_context(|| {
        format!("--log-level: {:?} is no level and no list of directives", options.log_level)
    })?;
    let mut filter = filter.add_directive(format!("{}=off", traces::TARGET).parse()?);
    if !options.log_level.contains(CLIENT) {
        filter = filter.add_directive(format!("{CLIENT}=error").parse()?);
    }
    let lines = fmt::layer()
        .with_writer(writer())
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    Ok(match options.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    })
}

/// Has a fault of Fleetgate's own be a line of the log like any other. Rust's own way waits for whoever reads
/// standard error, and repeats the words of the fault, which may be those of a user's object.
fn tell_faults() {
    panic::set_hook(Box::new(|fault| {
        let at = fault.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%at, "a fault of Fleetgate's own");
    }));
}

/// Lines on their way to be written.
#[derive(Debug)]
pub(crate) struct Queue(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    lines: Mutex<Lines>,
    /// There is something to write.
    came: Condvar,
    /// It is the end.
    ends: Condvar,
    /// All is written.
    went: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    is_writing: bool,
    is_ending: bool,
    /// Since the last time that this was said.
    dropped: u64,
}

impl Queue {
    fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let waiting = Arc::new(Waiting::default());
        let this = Self(Arc::clone(&waiting));
        thread::Builder::new().name("logs".to_owned()).spawn(move || waiting.write_to(out))?;
        Ok(this)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut lines = self.0.locked();
        lines.is_ending = true;
        self.0.ends.notify_one();
        let is_left = |lines: &mut Lines| lines.is_writing || !lines.bytes.is_empty();
        // Who does not read them then has read enough.
        drop(self.0.went.wait_timeout_while(lines, LAST_LINES, is_left));
    }
}

impl Waiting {
    /// Writes what comes, as much at a time as there is, for ever.
    fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        loop {
            let mut lines = self.locked();
            lines.is_writing = false;
            self.went.notify_all();
            let came = self.came.wait_while(lines, |lines| lines.bytes.is_empty());
            let lines = came.unwrap_or_else(PoisonError::into_inner);
            let gathered = self.ends.wait_timeout_while(lines, GATHERING, |lines| !lines.is_ending);
            let (mut lines, _) = gathered.unwrap_or_else(PoisonError::into_inner);
            batch.clear();
            std::mem::swap(&mut batch, &mut lines.bytes);
            lines.is_writing = true;
            let dropped = std::mem::take(&mut lines.dropped);
            drop(lines);
            // Whom would it be told, if standard error is closed?
            drop(out.write_all(&batch));
            if dropped > 0 {
                tracing::warn!(dropped, "lines of the log were dropped, since nobody read them");
            }
        }
    }

    fn push(&self, line: &[u8]) {
        let mut lines = self.locked();
        if lines.bytes.len() + line.len() > MOST {
            lines.dropped += 1;
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let is_first = lines.bytes.is_empty();
        lines.bytes.extend_from_slice(line);
        drop(lines);
        if is_first {
            self.came.notify_one();
        }
    }

    fn locked(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an event is written to: as a whole, or not at all.
impl Write for &Waiting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use tracing::Subscriber;
    use tracing::level_filters::LevelFilter;

    /// Something that is read when the test reads it.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn piped() -> (Queue, Receiver<Vec<u8>>) {
        let (sender, receiver) = sync_channel(0);
        (Queue::start(Pipe(sender)).expect("a thread"), receiver)
    }

    #[test]
    fn nobody_waits_for_who_does_not_read() {
        let (queue, read) = piped();
        let line = vec![b'a'; MOST / 4];
        for _ in 0..20 {
            queue.0.push(&line);
        }
        let dropped = queue.0.locked().dropped;
        assert!((12..=19).contains(&dropped), "{dropped}");
        assert!(read.recv().is_ok_and(|bytes| bytes.len() <= MOST && bytes.len() % line.len() == 0));
    }

    /// What nobody asked to be told is not even looked at: a review passes many places that would tell something.
    #[test]
    fn without_traces_the_filter_decides_alone() {
        let options = LogOptions { log_level: "info,kube=warn".to_owned(), log_format: LogFormat::Json };
        let lines = lines(&options, || BoxMakeWriter::new(io::sink)).expect("a filter");
        let told = Registry::default().with(lines).with(traces::layer(None));
        assert_eq!(told.max_level_hint(), Some(LevelFilter::INFO));
    }

    #[test]
    fn a_fault_is_a_line_that_says_where_and_not_what() {
        let (queue, read) = piped();
        let logs = fmt().json().with_writer(Arc::clone(&queue.0)).finish();
        let others = panic::take_hook();
        tell_faults();
        // Nobody reads it yet.
        let failed =
            tracing::subscriber::with_default(logs, || panic::catch_unwind(|| panic!("a user's text")));
        panic::set_hook(others);
        assert!(failed.is_err());
        let line = String::from_utf8(read.recv().expect("a line")).expect("UTF-8");
        let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (said["level"].as_str(), line.contains("a user's text")),
            (Some("ERROR"), false),
            "{line}"
        );
        assert!(said["fields"]["at"].as_str().is_some_and(|at| at.starts_with("src/logs.rs:")), "{line}");
    }

    #[test]
    fn the_last_lines_are_written() {
        let (queue, read) = piped();
        let reader = thread::spawn(move || read.iter().flatten().collect::<Vec<u8>>());
        for _ in 0..1_000 {
            queue.0.push(b"line\n");
        }
        let waiting = Arc::clone(&queue.0);
        drop(queue);
        let lines = waiting.locked();
        assert!(lines.bytes.is_empty() && !lines.is_writing && lines.dropped == 0);
        drop(lines);
        assert!(!reader.is_finished(), "its writer goes on for as long as there may be lines");
    }
}
