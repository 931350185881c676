//! `--output text`: what is wrong, the line that it is in, and the way out.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use fleetgate_webhooks::Severity;

use super::{Remark, Report};

pub(super) fn write(report: &Report, coloured: bool, out: &mut impl Write) -> io::Result<()> {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    for remark in &report.remarks {
        writeln!(out, "{}\n", renderer.render(&[group(remark)]))?;
    }
    writeln!(out, "{}", report.summary())?;
    Ok(())
}

fn group(remark: &Remark) -> Group<'_> {
    let level = match remark.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&remark.sentence())).id(remark.code);
    let file = one_line(&remark.file);
    let group = match (remark.position, &remark.excerpt) {
        (Some(position), Some(excerpt)) => {
            let mark = AnnotationKind::Primary.span(excerpt.marked.clone());
            title
                .element(Snippet::source(&excerpt.line).line_start(position.line).path(file).annotation(mark))
        }
        (Some(position), None) => {
            title.element(Origin::path(file).line(position.line).char_column(position.column))
        }
        (None, _) => title.element(Origin::path(file)),
    };
    group.elements(remark.hint.as_deref().map(|hint| Level::HELP.message(one_line(hint))))
}

/// What a file says cannot look like a line of ours, nor steer a terminal.
pub(super) fn one_line(text: &str) -> String {
    normalize_untrusted_str(&text.replace('\n', "\\n"))
}
