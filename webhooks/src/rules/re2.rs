//! Whether RE2 compiles an expression, as Istio's webhook asks Go's `regexp`
//! (`regexp/syntax`, with Perl's flags) before Envoy gets it.
//!
//! Rust's `regex` speaks another dialect: it refuses `[[]`, `x{` and `\0`, which
//! RE2 takes, and takes `(?x)`, `a**` and `a{2000}`, which RE2 refuses. No crate
//! has RE2's own grammar, so that the syntax alone is read here; nothing is
//! compiled.
//!
//! **Invariant**: one pass, in time proportional to the expression, with no
//! recursion.

mod class;

use std::str::Chars;

/// Why an expression does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is broken in every dialect.
    Malformed(&'static str),
    /// RE2 does not have it; Perl's dialect, which nginx speaks, may.
    Dialect(&'static str),
}

/// RE2 repeats nothing more often, repetitions within repetitions multiplied.
const MOST_REPETITIONS: u32 = 1_000;

/// Says whether RE2 compiles the expression.
pub(super) fn check(expression: &str) -> Result<(), Refusal> {
    let mut parser = Parser {
        rest: expression.chars(),
        last_named_class: expression.rfind(":]").map(|at| expression.len() - at),
        groups: Vec::new(),
        level: Level::default(),
        was_repetition: false,
    };
    parser.run()
}

struct Parser<'a> {
    rest: Chars<'a>,
    /// How far before the end the last `:]` begins, in bytes.
    last_named_class: Option<usize>,
    /// The levels around the present one.
    groups: Vec<Level>,
    level: Level,
    /// Whether a repetition came just before.
    was_repetition: bool,
}

/// What stands in a group so far. A weight is how often the innermost part of
/// an expression may be repeated, as RE2 counts it.
#[derive(Clone, Copy, Default)]
struct Level {
    /// The weight of what a repetition would repeat, if there is anything.
    operand: Option<u32>,
    /// The greatest weight of what stands before it.
    heaviest: u32,
}

impl Level {
    fn push(&mut self, weight: u32) {
        self.heaviest = self.heaviest.max(self.operand.unwrap_or_default());
        self.operand = Some(weight);
    }

    fn alternative(&mut self) {
        self.heaviest = self.weight();
        self.operand = None;
    }

    fn weight(self) -> u32 {
        self.heaviest.max(self.operand.unwrap_or_default())
    }
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        while let Some(character) = self.rest.next() {
            let is_repetition = match character {
                '*' | '+' | '?' => {
                    self.repeat(None, character)?;
                    true
                }
                '{' => self.braces()?,
                other => {
                    self.read(other)?;
                    false
                }
            };
            self.was_repetition = is_repetition;
        }
        if self.groups.is_empty() { Ok(()) } else { Err(Refusal::Malformed("a group is not closed")) }
    }

    /// Anything but a repetition.
    fn read(&mut self, character: char) -> Result<(), Refusal> {
        match character {
            '(' => self.open(),
            ')' => {
                let around = self.groups.pop().ok_or(Refusal::Malformed("a group is closed twice"))?;
                let weight = self.level.weight();
                self.level = around;
                self.level.push(weight);
                Ok(())
            }
            '|' => {
                self.level.alternative();
                Ok(())
            }
            '[' => {
                class::read(&mut self.rest, self.last_named_class)?;
                self.level.push(1);
                Ok(())
            }
            '\\' => self.escape(),
            _ => {
                self.level.push(1);
                Ok(())
            }
        }
    }

    fn open(&mut self) -> Result<(), Refusal> {
        let inner = self.rest.as_str();
        if let Some(flags) = inner.strip_prefix('?') {
            let name = flags.strip_prefix("P<").or_else(|| flags.strip_prefix('<'));
            let (opens, after) = match name {
                Some(name) => (true, named_group(name)?),
                None => flag_group(flags)?,
            };
            self.rest = after.chars();
            if !opens {
                return Ok(());
            }
        }
        self.groups.push(std::mem::take(&mut self.level));
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Refusal> {
        let Some(character) = self.rest.next() else {
            return Err(Refusal::Malformed("it ends within an escape"));
        };
        match character {
            'A' | 'b' | 'B' | 'z' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' => {}
            'Q' => {
                self.quotation();
                return Ok(());
            }
            'p' | 'P' => class::unicode(&mut self.rest)?,
            other => {
                class::escaped(other, &mut self.rest)?;
            }
        }
        self.level.push(1);
        Ok(())
    }

    /// `\Q…\E`: the text as it is.
    fn quotation(&mut self) {
        let text = self.rest.as_str();
        let end = text.find("\\E");
        let (quoted, after) = end.and_then(|end| text.split_at_checked(end)).unwrap_or((text, ""));
        if !quoted.is_empty() {
            self.level.push(1);
        }
        self.rest = after.strip_prefix("\\E").unwrap_or(after).chars();
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else that begins with a brace is text.
    fn braces(&mut self) -> Result<bool, Refusal> {
        let Some((count, after)) = count(self.rest.as_str()) else {
            self.level.push(1);
            return Ok(false);
        };
        self.rest = after.chars();
        self.repeat(Some(count), '{')?;
        Ok(true)
    }

    fn repeat(&mut self, count: Option<Count>, sign: char) -> Result<(), Refusal> {
        if let Some(count) = count {
            count.check()?;
        }
        if let Some(after) = self.rest.as_str().strip_prefix('?') {
            self.rest = after.chars();
        }
        if self.was_repetition {
            return Err(Refusal::Dialect("a repetition is repeated"));
        }
        let Some(operand) = self.level.operand else {
            // `(*` begins a verb in Perl's dialect.
            return Err(if sign == '*' {
                Refusal::Dialect("there is nothing to repeat")
            } else {
                Refusal::Malformed("there is nothing to repeat")
            });
        };
        if let Some(count) = count {
            let weight = count.weight(operand);
            if count.multiplies() && weight > MOST_REPETITIONS {
                return Err(Refusal::Dialect("more than 1000 repetitions"));
            }
            self.level.operand = Some(weight);
        }
        Ok(())
    }
}

/// What follows the name of a group, after its `>`.
fn named_group(text: &str) -> Result<&str, Refusal> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match text.split_once('>') {
        Some((name, after)) if is_name(name) => Ok(after),
        _ => Err(Refusal::Dialect("it looks behind, or has a group with no proper name")),
    }
}

/// What follows `(?i:` or `(?i)`, and whether a group begins with it: the latter
/// sets flags for what follows.
fn flag_group(text: &str) -> Result<(bool, &str), Refusal> {
    let (mut negated, mut has_flag) = (false, false);
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            'i' | 'm' | 's' | 'U' => has_flag = true,
            '-' if !negated => (negated, has_flag) = (true, false),
            ':' | ')' if negated && !has_flag => break,
            ':' => return Ok((true, rest.as_str())),
            ')' => return Ok((false, rest.as_str())),
            _ => break,
        }
    }
    Err(Refusal::Dialect(
        "RE2 knows (?:…), (?P<name>…) and the flags i, m, s and U, and does not look around",
    ))
}

/// How often something is repeated; without an end, for ever.
#[derive(Clone, Copy)]
struct Count {
    least: u32,
    most: Option<u32>,
}

impl Count {
    fn check(self) -> Result<(), Refusal> {
        if self.least.max(self.most.unwrap_or_default()) > MOST_REPETITIONS {
            return Err(Refusal::Dialect("more than 1000 repetitions"));
        }
        if self.most.is_some_and(|most| most < self.least) {
            return Err(Refusal::Malformed("a repetition ends before it begins"));
        }
        Ok(())
    }

    fn multiplies(self) -> bool {
        self.least >= 2 || self.most.is_some_and(|most| most >= 2)
    }

    /// The weight of an operand so repeated. RE2 does not look below a zero.
    fn weight(self, operand: u32) -> u32 {
        match self.most.unwrap_or(self.least) {
            0 => 1,
            times => operand.saturating_mul(times),
        }
    }
}

/// The count that follows a brace, and what comes after it.
fn count(text: &str) -> Option<(Count, &str)> {
    let (least, rest) = number(text)?;
    let (most, rest) = match rest.strip_prefix(',') {
        None => (Some(least), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => number(rest).map(|(most, rest)| (Some(most), rest))?,
    };
    Some((Count { least, most }, rest.strip_prefix('}')?))
}

/// A number without leading zeros; one that is too large is larger than any limit.
fn number(text: &str) -> Option<(u32, &str)> {
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = text.strip_suffix(rest)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}

#[cfg(test)]
mod tests;
