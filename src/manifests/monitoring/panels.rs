//! What the dashboard shows: a table.

mod delivery;
mod gate;

/// Panels below one title.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: &'static [Panel],
}

/// What one panel shows.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) look: Look,
    /// As Grafana names units.
    pub(super) unit: &'static str,
    /// In Prometheus' language with Grafana's variables, and what each line is called.
    pub(super) queries: &'static [(&'static str, &'static str)],
}

/// How a panel looks.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// One number, which is green below a limit and red from there on.
    RedFrom(f64),
    /// One number, which is red below a limit and green from there on.
    GreenFrom(f64),
    /// One number, neither good nor bad.
    Number,
    /// Lines over time.
    Lines,
}

pub(super) const ROWS: [Row; 6] = [
    Row { title: "Admission", panels: &gate::ADMISSION },
    Row { title: "Certificates", panels: &gate::CERTIFICATES },
    Row { title: "Catalog", panels: &gate::CATALOG },
    Row { title: "Delivery", panels: &delivery::DELIVERY },
    Row { title: "Clusters", panels: &delivery::CLUSTERS },
    Row { title: "Processes", panels: &delivery::PROCESSES },
];
