//! The dashboard, as Grafana reads it.

use serde_json::{Value, json};

use super::panels::{Look, Panel, ROWS};

/// The version of Grafana's schema: that of 11.
const SCHEMA: u8 = 39;
/// How wide a dashboard is, in Grafana's units.
const WIDTH: u16 = 24;

/// As Grafana imports it.
pub(super) fn dashboard() -> Value {
    json!({
        "uid": "fleetgate",
        "title": "Fleetgate",
        "description": "What is normal stands in docs/operations.md.",
        "tags": ["fleetgate"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [
            {
                "type": "datasource", "name": "datasource", "label": "Data source",
                "query": "prometheus", "current": {}, "hide": 0, "includeAll": false, "multi": false,
                "options": [], "refresh": 1, "regex": "",
            },
            {
                "type": "query", "name": "namespace", "label": "Namespace", "datasource": source(),
                "definition": NAMESPACES, "query": {"query": NAMESPACES, "refId": "namespaces"},
                "current": {}, "hide": 0, "includeAll": true, "allValue": ".*", "multi": true,
                "options": [], "refresh": 2, "regex": "", "sort": 1,
            },
        ]},
        "panels": panels(),
    })
}

/// Where Fleetgate runs.
const NAMESPACES: &str = "label_values(fleetgate_leader, namespace)";

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Row by row, and each row from left to right as far as there is room.
fn panels() -> Vec<Value> {
    let mut panels = Vec::new();
    let mut bottom = 0;
    for row in &ROWS {
        let place = json!({"x": 0, "y": bottom, "w": WIDTH, "h": 1});
        panels.push(json!({
            "id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": place,
        }));
        let (mut x, mut y) = (0, bottom + 1);
        for shown in row.panels {
            let (width, height) = shown.look.size();
            if x + width > WIDTH {
                (x, y) = (0, bottom);
            }
            let place = json!({"x": x, "y": y, "w": width, "h": height});
            panels.push(panel(panels.len() + 1, shown, place));
            x += width;
            bottom = bottom.max(y + height);
        }
    }
    panels
}

fn panel(id: usize, shown: &Panel, place: Value) -> Value {
    let targets = shown.queries.iter().zip('A'..).map(|((query, legend), name)| {
        json!({"refId": name, "datasource": source(), "expr": query, "legendFormat": legend, "editorMode": "code", "range": true})
    });
    json!({
        "id": id,
        "type": shown.look.kind(),
        "title": shown.title,
        "description": shown.about,
        "datasource": source(),
        "gridPos": place,
        "targets": targets.collect::<Vec<_>>(),
        "fieldConfig": {
            "defaults": {"unit": shown.unit, "min": 0, "thresholds": shown.look.thresholds()},
            "overrides": [],
        },
        "options": options(shown.look),
    })
}

fn options(look: Look) -> Value {
    match look {
        Look::Lines => json!({
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Look::RedFrom(_) | Look::GreenFrom(_) | Look::Number => json!({
            "colorMode": "value", "graphMode": "area", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
        }),
    }
}

impl Look {
    /// Width and height.
    const fn size(self) -> (u16, u16) {
        match self {
            Self::RedFrom(_) | Self::GreenFrom(_) | Self::Number => (4, 4),
            Self::Lines => (8, 8),
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::RedFrom(_) | Self::GreenFrom(_) | Self::Number => "stat",
            Self::Lines => "timeseries",
        }
    }

    fn thresholds(self) -> Value {
        let (below, limit, above) = match self {
            Self::RedFrom(limit) => ("green", limit, "red"),
            Self::GreenFrom(limit) => ("red", limit, "green"),
            Self::Number | Self::Lines => {
                return json!({"mode": "absolute", "steps": [{"color": "green", "value": null}]});
            }
        };
        let steps = json!([{"color": below, "value": null}, {"color": above, "value": limit}]);
        json!({"mode": "absolute", "steps": steps})
    }
}
