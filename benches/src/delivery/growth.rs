//! How memory grows with what there is to look after.

use fleetgate_plan::FluxKind;
use kube::Client;

use super::controller::Controller;
use super::figures::Figures;
use super::measure::OURS;
use super::quiet::quiet;
use super::{Size, floor, present};
use crate::report::within;

/// What 8,000 children may take, in MiB.
const LIMIT_MIB: f64 = 100.0;

/// The children that the limit is for.
const LIMIT_AT: usize = 8_000;

/// Whether so much is within the limit, if there is one for that size.
pub(super) fn verdict(resident_mib: f64, size: Size) -> String {
    if size.children() == LIMIT_AT { within(resident_mib, LIMIT_MIB) } else { String::new() }
}

/// Prints the memory of what is there, and delivers as much again until there
/// are so many children.
#[expect(clippy::cast_precision_loss, reason = "some thousands of children")]
pub(super) async fn grow(
    client: &Client,
    controller: &Controller,
    size: Size,
    grow_to: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut here = size;
    let first = controller.resident_mib()?;
    loop {
        let resident = controller.resident_mib()?;
        let more = here.children() - size.children();
        let growth = if more == 0 {
            String::new()
        } else {
            format!(", {:.2} MiB for each 1,000 more", (resident - first) / more as f64 * 1_000.0)
        };
        let name = format!("memory at {} children", here.children());
        figures.line(&name, &format!("{resident:.1} MiB{growth}"), &verdict(resident, here));
        if here.children() >= grow_to {
            return Ok(());
        }
        let next = Size { applications: here.applications + size.applications, ..here };
        floor::create_applications(client, OURS, here.applications..next.applications).await?;
        present::reached(client, OURS, &[(FluxKind::Kustomization, next.children())]).await?;
        quiet(client, controller).await?;
        here = next;
    }
}
