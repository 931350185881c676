//! The two forms of an object: with the values that stand in the plain
//! manifests, and with the holes that Helm fills from its own.
//!
//! A hole is a word that YAML leaves as it is, such as `__value.image.tag__`;
//! [`fill`] makes Helm's directives of them.

use serde_json::{Value, json};

use super::{NAMESPACE, settings};

/// What is written of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// What is installed as it is.
    Plain,
    /// A template of the chart.
    Chart,
}

impl Form {
    /// The value of a setting.
    pub(super) fn value(self, path: &str) -> Value {
        let default = settings::default(path);
        match self {
            Self::Plain => default,
            Self::Chart if default.is_string() => json!(hole("quote", path)),
            Self::Chart => json!(hole("value", path)),
        }
    }

    /// The value of a setting within a text.
    pub(super) fn text(self, path: &str) -> String {
        match self {
            Self::Plain => plain_text(&settings::default(path)),
            Self::Chart => hole("value", path),
        }
    }

    /// The value of a setting as a text of its own, whatever it is.
    pub(super) fn quoted(self, path: &str) -> String {
        match self {
            Self::Plain => plain_text(&settings::default(path)),
            Self::Chart => hole("quote", path),
        }
    }

    /// The value of a setting for a field that is left out where there is none.
    pub(super) fn optional(self, path: &str) -> Value {
        let default = settings::default(path);
        match self {
            Self::Plain if is_nothing(&default) => Value::Null,
            Self::Plain => default,
            Self::Chart if default.is_string() => json!(hole("optional", path)),
            Self::Chart => json!(hole("with", path)),
        }
    }

    /// What a field has if the setting has a value; it is left out otherwise.
    pub(super) fn only_if(self, path: &str, value: &str) -> Value {
        match self {
            Self::Plain if is_nothing(&settings::default(path)) => Value::Null,
            Self::Plain => json!(value),
            Self::Chart => json!(hole(&format!("only-{value}"), path)),
        }
    }

    /// One number if the setting has a value, and another one otherwise.
    pub(super) fn either(self, path: &str, number: u8, otherwise: u8) -> Value {
        match self {
            Self::Plain if is_nothing(&settings::default(path)) => json!(otherwise),
            Self::Plain => json!(number),
            Self::Chart => json!(hole(&format!("either-{number}-{otherwise}"), path)),
        }
    }

    /// An item of a list, if the setting has a value.
    pub(super) fn item_if(self, path: &str, item: Value) -> Vec<Value> {
        match self {
            Self::Plain if is_nothing(&settings::default(path)) => vec![],
            Self::Plain => vec![item],
            Self::Chart => vec![json!(hole("if", path)), item, json!(hole("end", path))],
        }
    }

    /// A list for a field that is left out unless the setting has a value.
    pub(super) fn list_if(self, path: &str, item: Value) -> Value {
        match self {
            Self::Plain if is_nothing(&settings::default(path)) => Value::Null,
            Self::Plain => json!([item]),
            Self::Chart => json!([hole("list-if", path), item, hole("end", path)]),
        }
    }

    /// The items of a setting that is a list.
    pub(super) fn items(self, path: &str) -> Vec<Value> {
        match (self, settings::default(path)) {
            (Self::Plain, Value::Array(items)) => items,
            (Self::Plain, _) => vec![],
            (Self::Chart, _) => vec![json!(hole("items", path))],
        }
    }

    /// Fields with those of a setting beside them.
    pub(super) fn with_fields(self, path: &str, mut fields: Value) -> Value {
        if let Value::Object(fields) = &mut fields {
            match (self, settings::default(path)) {
                (Self::Plain, Value::Object(more)) => fields.extend(more),
                (Self::Plain, _) => {}
                (Self::Chart, _) => {
                    fields.insert("__more".to_owned(), json!(hole("items", path)));
                }
            }
        }
        fields
    }

    /// The image's reference.
    pub(super) fn image(self) -> Value {
        match self {
            Self::Plain => json!(format!("{}:{}", settings::IMAGE, env!("CARGO_PKG_VERSION"))),
            Self::Chart => json!(hole("include", "fleetgate.image")),
        }
    }
}

/// A value in a text, without quotes.
pub(super) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// An object without the fields that have no value.
pub(super) fn without_gaps(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name, without_gaps(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_gaps).collect(),
        other => other,
    }
}

fn hole(what: &str, path: &str) -> String {
    format!("__{what}.{path}__")
}

/// Helm's directives in place of the holes of a text in YAML.
pub(super) fn fill(yaml: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in yaml.lines() {
        fill_line(line, &mut lines);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn fill_line(line: &str, lines: &mut Vec<String>) {
    let Some((before, what, path, after)) = split(line) else {
        lines.push(of_release(line));
        return;
    };
    let indent = line.len() - line.trim_start().len();
    match what {
        "if" => lines.push(format!("{{{{- if .Values.{path} }}}}")),
        "list-if" => {
            // The field's own line goes with it.
            let field = lines.pop().unwrap_or_default();
            lines.extend([format!("{{{{- if .Values.{path} }}}}"), field]);
        }
        "end" => lines.push("{{- end }}".to_owned()),
        "items" => lines.extend(with(path, format!("{{{{- toYaml . | nindent {indent} }}}}"))),
        "with" => {
            let is_first = before.trim_start().starts_with("- ");
            let indent_of_value = indent + if is_first { 4 } else { 2 };
            // The item is there without its first field, too.
            let without = format!("\n{{{{- else }}}}\n{}-", " ".repeat(indent));
            let without = if is_first { without } else { String::new() };
            let value = format!("{{{{- toYaml . | nindent {indent_of_value} }}}}");
            let field = format!("{}\n{value}{without}", before.trim_end());
            lines.extend(with(path, field));
        }
        "optional" => lines.extend(with(path, format!("{before}{{{{ . | quote }}}}"))),
        "include" => lines.push(format!("{before}{{{{ include \"{path}\" . | quote }}}}{after}")),
        "quote" => lines.push(format!("{before}{{{{ .Values.{path} | quote }}}}{after}")),
        _ => match what.split_once('-') {
            Some(("only", value)) => {
                lines.extend([
                    format!("{{{{- if .Values.{path} }}}}"),
                    format!("{before}{value}"),
                    "{{- end }}".to_owned(),
                ]);
            }
            Some(("either", numbers)) => {
                let (number, otherwise) = numbers.split_once('-').unwrap_or_default();
                let choice =
                    format!("{{{{ if .Values.{path} }}}}{number}{{{{ else }}}}{otherwise}{{{{ end }}}}");
                lines.push(format!("{before}{choice}{after}"));
            }
            // There may be more of them in a text.
            _ => fill_line(&format!("{before}{{{{ .Values.{path} }}}}{after}"), lines),
        },
    }
}

/// With the release's namespace in place of the one that the plain manifests have. Alone it is quoted: it may look like
/// a number.
fn of_release(line: &str) -> String {
    const OF_RELEASE: &str = ".Release.Namespace";
    match line.strip_suffix(&format!(": {NAMESPACE}")) {
        Some(field) => format!("{field}: {{{{ {OF_RELEASE} | quote }}}}"),
        None => line.replace(NAMESPACE, &format!("{{{{ {OF_RELEASE} }}}}")),
    }
}

fn with(path: &str, content: String) -> [String; 3] {
    [format!("{{{{- with .Values.{path} }}}}"), content, "{{- end }}".to_owned()]
}

/// What stands before a hole, what it is, of which setting, and what stands behind it.
fn split(line: &str) -> Option<(&str, &str, &str, &str)> {
    // A field that stands for others has no name of its own.
    let from =
        if line.trim_start().starts_with("__more: ") { line.rfind(" __")? + 1 } else { line.find("__")? };
    let (before, rest) = line.split_at_checked(from)?;
    let (hole, after) = rest.strip_prefix("__")?.split_once("__")?;
    let (what, path) = hole.split_once('.')?;
    Some((before, what, path, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hole_becomes_what_helm_understands() {
        let table = [
            ("a: b", "a: b"),
            ("  replicas: __value.a.b__", "  replicas: {{ .Values.a.b }}"),
            ("  - name: __quote.a__", "  - name: {{ .Values.a | quote }}"),
            ("- --bind=__value.a__:1", "- --bind={{ .Values.a }}:1"),
            ("- --bind=__value.a__:__value.b__", "- --bind={{ .Values.a }}:{{ .Values.b }}"),
            ("  c: __only-C.a__", "{{- if .Values.a }}\n  c: C\n{{- end }}"),
            ("  c: __either-1-0.a__", "  c: {{ if .Values.a }}1{{ else }}0{{ end }}"),
            ("image: __include.an.image__", "image: {{ include \"an.image\" . | quote }}"),
            ("- __if.a__\n- b\n- __end.a__", "{{- if .Values.a }}\n- b\n{{- end }}"),
            ("  c:\n  - __list-if.a__\n  - b\n  - __end.a__", "{{- if .Values.a }}\n  c:\n  - b\n{{- end }}"),
            ("  - __items.a__", "{{- with .Values.a }}\n{{- toYaml . | nindent 2 }}\n{{- end }}"),
            ("    __more: __items.a__", "{{- with .Values.a }}\n{{- toYaml . | nindent 4 }}\n{{- end }}"),
            ("  b: __with.a__", "{{- with .Values.a }}\n  b:\n{{- toYaml . | nindent 4 }}\n{{- end }}"),
            (
                "  - b: __with.a__\n    c: d",
                "{{- with .Values.a }}\n  - b:\n{{- toYaml . | nindent 6 }}\n{{- else }}\n  -\n{{- end }}\n    c: d",
            ),
            ("  b: __optional.a__", "{{- with .Values.a }}\n  b: {{ . | quote }}\n{{- end }}"),
            ("  namespace: fleetgate-system", "  namespace: {{ .Release.Namespace | quote }}"),
            ("  'account:fleetgate-system:a'", "  'account:{{ .Release.Namespace }}:a'"),
        ];
        for (yaml, expected) in table {
            assert_eq!(fill(yaml), format!("{expected}\n"), "{yaml}");
        }
    }
}
