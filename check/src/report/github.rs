//! `--output github`: workflow commands, which GitHub shows beside the lines
//! of a pull request. They are escaped as `actions/toolkit` does it.

use std::io::{self, Write};

use super::{Remark, Report};

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for remark in &report.remarks {
        writeln!(out, "{}", command(remark))?;
    }
    writeln!(out, "{}", report.summary())?;
    Ok(())
}

fn command(remark: &Remark) -> String {
    let title = match &remark.object {
        Some(object) => format!("{object} [{}]", remark.code),
        None => format!("[{}]", remark.code),
    };
    let file = remark.file.strip_prefix("./").unwrap_or(&remark.file);
    let place = remark
        .position
        .map_or_else(String::new, |position| format!(",line={},col={}", position.line, position.column));
    format!(
        "::{} file={}{place},title={}::{}",
        remark.severity,
        property(file),
        property(&title),
        data(&remark.advice())
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Position;

    #[test]
    fn nothing_in_a_command_is_taken_for_another_part_of_it() {
        let file = "./a,b:c%.yaml\n::error::x".into();
        let remark = Remark {
            object: Some("Application default/a,b".into()),
            ..Remark::unreadable(&file, Some(Position { line: 3, column: 5 }), "100%: a,b\r\n::set-output")
        };
        assert_eq!(
            command(&remark),
            "::error file=a%2Cb%3Ac%25.yaml%0A%3A%3Aerror%3A%3Ax,line=3,col=5,title=Application default/a%2Cb [input/unreadable]::100%25: a,b%0D%0A::set-output"
        );
        let whole = Remark::unreadable(&"a.yaml".into(), None, "m");
        assert_eq!(command(&whole), "::error file=a.yaml,title=[input/unreadable]::m");
    }
}
