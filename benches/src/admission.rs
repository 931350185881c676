//! A review's CPU time and latency, beside a server that looks at nothing.
//!
//! CPU time is measured twice. In a closed loop each side gets as many requests
//! as it takes, so that it finds several at each wake-up. In an open loop both
//! get the same number a second, half of what Fleetgate has time for, at even
//! distances, so that both wake up for each. The latency is that of the open loop.
//!
//! Both sides are measured in turn, in short rounds. Of CPU times the least counts:
//! whatever else a machine does only adds to what a side takes by itself. Of
//! latencies, whose tail a side may have made itself, the one does that a quarter
//! of the rounds stay under; the one in the middle is told beside it.

use std::time::Duration;

use clap::Args;
use fleetgate_webhooks::router::{MUTATE_PATH, VALIDATE_PATH};
use rustls::pki_types::CertificateDer;

use crate::bodies::{self, Bodies};
use crate::load::{self, Target};
use crate::report::{line, median, micros, quartile};
use crate::schema_check;
use crate::serve::Side;
use crate::server_process::{Server, pin_to, write_certificate};

/// How long and how often is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds of one measurement
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Measurements of each side, in turn
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

/// The core of the servers.
const SERVER_CORE: usize = 0;
/// The core of the load.
const LOAD_CORE: usize = 1;

/// The example, how many times the floor's CPU time a review may cost, and how
/// many without the schema check of what the Application becomes.
const EXAMPLES: [(&str, f64, f64); 2] =
    [("application/gitrepo-kustomization-demo.yaml", 5.0, 4.0), ("rollout/canary-nginx.yaml", 7.5, 6.0)];
/// How much more a destination of [`MANY`] clusters may cost than one of [`FEW`].
const MANY_TO_FEW: f64 = 2.0;
const FEW: usize = 2;
const MANY: usize = 1_000;
/// How often it is looked at what a review at even distances costs, before it is measured.
const LOOKS: usize = 4;
/// How much later than the floor's the slowest hundredth may be, in microseconds.
const LATER: f64 = 1_000.0;

/// One side as fast as it is.
#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    /// Reviews a second.
    rate: f64,
    /// CPU time per review, in microseconds.
    cpu: f64,
}

/// One side's figures at a given rate.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    /// CPU time per review, in microseconds.
    cpu: f64,
    /// The latency that 99 of 100 reviews stay under, in microseconds.
    p99: f64,
}

struct Servers {
    floor: Server,
    few: Server,
    many: Server,
    certificate: CertificateDer<'static>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let certificate = write_certificate(folder.path())?;
    let start = |side, clusters| Server::start(side, clusters, folder.path(), Some(SERVER_CORE));
    let servers = Servers {
        floor: start(Side::Floor, FEW)?,
        few: start(Side::Fleetgate, FEW)?,
        many: start(Side::Fleetgate, MANY)?,
        certificate,
    };
    pin_to(LOAD_CORE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut reviews = Vec::new();
        for (example, limit, limit_without_schema) in EXAMPLES {
            reviews.extend(Review::of(&servers, example, [limit, limit_without_schema]).await?);
        }
        // Each of them sees the machine at its best, if any does.
        for _ in 0..options.rounds {
            for review in &mut reviews {
                review.hurry(&servers, options).await?;
            }
        }
        for review in &mut reviews {
            review.rate = half_of_capacity(&servers.few, &review.few, busiest(&review.busy), options).await?;
        }
        for _ in 0..options.rounds {
            for review in &mut reviews {
                review.take_time(&servers, options).await?;
            }
        }
        reviews.iter().for_each(Review::report);
        println!(
            "resident memory after the load: floor {} KiB, {FEW} clusters {} KiB, {MANY} clusters {} KiB",
            servers.floor.resident_kib()?,
            servers.few.resident_kib()?,
            servers.many.resident_kib()?,
        );
        Ok(())
    })
}

/// An example at one endpoint, and what it took.
struct Review {
    name: String,
    /// How many times the floor's CPU time it may cost, and how many without the schema check.
    limits: [f64; 2],
    /// CPU time of its schema check alone, in microseconds.
    schema_check: f64,
    floor: Target,
    few: Target,
    many: Target,
    busy: Vec<[Busy; 2]>,
    /// Reviews a second at even distances.
    rate: f64,
    even: Vec<[Figures; 3]>,
}

impl Review {
    /// Those of one example.
    async fn of(servers: &Servers, example: &str, limits: [f64; 2]) -> anyhow::Result<Vec<Self>> {
        let schema_check = schema_check::cpu_time(example, FEW)?;
        let Bodies { mutating, validating } = bodies::of(example, FEW)?;
        let mut reviews = Vec::new();
        for (path, body) in [(MUTATE_PATH, mutating), (VALIDATE_PATH, validating)] {
            let target = |server: &Server| Target {
                address: server.address,
                path,
                body: body.clone().into(),
                certificate: servers.certificate.clone(),
            };
            let [floor, few, many] = [&servers.floor, &servers.few, &servers.many].map(target);
            check_answer(&few).await?;
            let name = format!("{example} {path}, {} bytes", body.len());
            let (busy, even) = (Vec::new(), Vec::new());
            reviews.push(Self { name, limits, schema_check, floor, few, many, busy, rate: 0.0, even });
        }
        Ok(reviews)
    }

    /// One round in which each side is as fast as it is.
    async fn hurry(&mut self, servers: &Servers, options: &Options) -> anyhow::Result<()> {
        let floor = as_fast_as_it_is(&servers.floor, &self.floor, options).await?;
        let few = as_fast_as_it_is(&servers.few, &self.few, options).await?;
        self.busy.push([floor, few]);
        Ok(())
    }

    /// One round in which each side is asked equally often.
    async fn take_time(&mut self, servers: &Servers, options: &Options) -> anyhow::Result<()> {
        let mut round = [Figures::default(); 3];
        let sides = [(&servers.floor, &self.floor), (&servers.few, &self.few), (&servers.many, &self.many)];
        for (figures, (server, target)) in round.iter_mut().zip(sides) {
            *figures = reviews(server, target, self.rate, options).await?;
        }
        self.even.push(round);
        Ok(())
    }

    fn report(&self) {
        println!("{}:", self.name);
        report_busy(&self.busy, self.limits, self.schema_check);
        println!("  at {:.0} reviews/s:", self.rate);
        report(&self.even, self.limits, self.schema_check);
    }
}

/// The most that Fleetgate did in a second.
fn busiest(rounds: &[[Busy; 2]]) -> f64 {
    rounds.iter().map(|[_, few]| few.rate).fold(0.0, f64::max)
}

fn report_busy(rounds: &[[Busy; 2]], limits: [f64; 2], schema_check: f64) {
    let most = |figure: &dyn Fn(&[Busy; 2]) -> f64| rounds.iter().map(figure).fold(0.0, f64::max);
    let (few, floor) = (most(&|[_, few]| few.rate), most(&|[floor, _]| floor.rate));
    println!("  as fast as it is, {few:.0} reviews/s, the floor {floor:.0}:");
    let cpu = [0, 1].map(|side: usize| least(rounds, |round| round.get(side).map(|side| side.cpu)));
    report_cpu(cpu, limits, schema_check);
}

/// The CPU times per review of the floor and of Fleetgate.
fn report_cpu([floor, few]: [f64; 2], [limit, limit_without_schema]: [f64; 2], schema_check: f64) {
    let ratio = few / floor;
    line("    CPU", &format!("{ratio:.2}x floor ({few:.1} of {floor:.1} µs)"), ratio, limit);
    let without = (few - schema_check) / floor;
    let figure = format!("{without:.2}x floor (the check alone takes {schema_check:.1} µs)");
    line("    CPU without the schema check", &figure, without, limit_without_schema);
}

fn report(rounds: &[[Figures; 3]], limits: [f64; 2], schema_check: f64) {
    let [floor, few, many] =
        [0, 1, 2].map(|side: usize| least(rounds, |round| round.get(side).map(|side| side.cpu)));
    report_cpu([floor, few], limits, schema_check);
    let growth = many / few;
    line(
        &format!("    CPU, {MANY} clusters"),
        &format!("{growth:.2}x of {FEW} clusters"),
        growth,
        MANY_TO_FEW,
    );
    let p99s = |side: usize| rounds.iter().filter_map(|round| round.get(side).map(|side| side.p99)).collect();
    let [floor, few] = [0, 1].map(|side| quartile(p99s(side)));
    let (later, in_the_middle) = (few - floor, median(p99s(1)) - median(p99s(0)));
    let figure = format!("floor + {later:.0} µs ({few:.0} and {floor:.0} µs; median + {in_the_middle:.0})");
    line("    p99", &figure, later, LATER);
}

/// What a side took in the round in which it was disturbed the least.
fn least<T>(rounds: &[T], figure: impl Fn(&T) -> Option<f64>) -> f64 {
    rounds.iter().filter_map(figure).fold(f64::INFINITY, f64::min)
}

/// If as many reviews are asked for as there is time for.
async fn as_fast_as_it_is(server: &Server, target: &Target, options: &Options) -> anyhow::Result<Busy> {
    let before = server.cpu_time()?;
    let sent = load::closed_loop(target, Duration::from_secs_f64(options.seconds)).await?;
    let used = server.cpu_time()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand requests")]
    let sent = sent as f64;
    Ok(Busy { rate: sent / options.seconds, cpu: micros(used) / sent })
}

/// Half of what the server can do at even distances, where it wakes up for each review: less than half of
/// what it does in a closed loop.
async fn half_of_capacity(
    server: &Server,
    target: &Target,
    busiest: f64,
    options: &Options,
) -> anyhow::Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..LOOKS {
        least = least.min(reviews(server, target, busiest / 4.0, options).await?.cpu);
    }
    Ok(1e6 / least / 2.0)
}

async fn reviews(server: &Server, target: &Target, rate: f64, options: &Options) -> anyhow::Result<Figures> {
    let before = server.cpu_time()?;
    let latencies = load::open_loop(target, rate, Duration::from_secs_f64(options.seconds)).await?;
    let used = server.cpu_time()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand requests")]
    let sent = latencies.len() as f64;
    Ok(Figures { cpu: micros(used) / sent, p99: micros(load::percentile(&latencies, 0.99)) })
}

/// What is measured has to be the review of an object that is admitted.
async fn check_answer(target: &Target) -> anyhow::Result<()> {
    let answer: serde_json::Value = serde_json::from_slice(&load::ask(target).await?)?;
    anyhow::ensure!(answer["response"]["allowed"] == true, "not admitted: {answer}");
    if let Some(warnings) = answer["response"].get("warnings") {
        println!("the review has warnings: {warnings}");
    }
    Ok(())
}
