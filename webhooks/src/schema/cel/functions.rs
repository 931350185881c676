//! The functions that rules may call, and the time that they may take.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube_cel::KubeCelExt;
use kube_cel::cel::common::ast::{CallExpr, Expr, LiteralValue};
use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};
use nix::time::{ClockId, clock_gettime};
use regex::Regex;

use crate::schema::re2;

/// The time that all rules of one object may take together; Flux's take about ten microseconds. When it is over,
/// they may take the thread's processor for as long once more: a process that has used up its share of a CPU, or a
/// machine that stood still, changes no verdict.
const TIME: Duration = Duration::from_millis(100);

/// The function that every step of a loop asks first.
pub(super) const IN_TIME: &str = "@in_time";

/// The most patterns that a thread keeps compiled.
const MAX_PATTERNS: usize = 64;

/// Functions that take time and memory in proportion to what they are given. A
/// rule that calls another one (`sets.…`, `distinct`, `join`, `replace`…) is not
/// judged: a short one could ask for more than there is. The API server bounds
/// those by their cost.
#[rustfmt::skip]
const PROPORTIONAL: &[&str] = &[
    // The language itself, and texts.
    "contains", "size", "startsWith", "endsWith", "matches", "find", "int", "uint", "double", "string", "charAt",
    "lowerAscii", "upperAscii", "split", "substring", "trim",
    // Times.
    "timestamp", "duration", "getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek",
    "getHours", "getMinutes", "getSeconds", "getMilliseconds",
    // Lists and numbers.
    "isSorted", "sum", "min", "max", "greatest", "least", "ceil", "floor", "round", "trunc", "abs",
    // URLs.
    "url", "isURL", "getScheme", "getHost", "getHostname", "getPort", "getEscapedPath", "getQuery",
    // Addresses.
    "ip", "isIP", "isCanonical", "family", "isLoopback", "isUnspecified", "isLinkLocalUnicast", "isGlobalUnicast",
    "cidr", "isCIDR", "containsIP", "containsCIDR", "prefixLength", "masked",
    // Quantities and versions.
    "quantity", "isQuantity", "isInteger", "asInteger", "asApproximateFloat", "sign", "add", "sub", "isGreaterThan",
    "isLessThan", "compareTo", "semver", "isSemver", "major", "minor", "patch",
    // Named formats.
    "dns1123Label", "dns1123Subdomain", "dns1035Label", "qualifiedName", "labelValue",
];

/// Functions whose argument is a pattern. Only one that the rule spells out is
/// compiled, none that comes from the object.
const MATCHING: [&str; 2] = ["matches", "find"];

/// Whether a call takes time and memory in proportion to what it is given.
/// Operators do; their names begin with no letter.
pub(super) fn is_proportional(call: &CallExpr) -> bool {
    let name = call.func_name.as_str();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return true;
    }
    let is_of_sets = call
        .target
        .as_ref()
        .is_some_and(|target| matches!(&target.expr, Expr::Ident(name) if name == "sets"));
    let pattern = call.args.get(usize::from(call.target.is_none()));
    let is_spelled_out =
        pattern.is_some_and(|pattern| matches!(pattern.expr, Expr::Literal(LiteralValue::String(_))));
    PROPORTIONAL.contains(&name) && !is_of_sets && (is_spelled_out || !MATCHING.contains(&name))
}

thread_local! {
    static DEADLINE: Cell<Option<Deadline>> = const { Cell::new(None) };
    static PATTERNS: RefCell<HashMap<Arc<String>, Option<Regex>>> = RefCell::default();
    // It is neither Send nor Sync, and takes long to make.
    static CONTEXT: Context<'static> = context();
}

/// When rules have had their time.
#[derive(Clone, Copy, Debug)]
enum Deadline {
    /// Cheap to be asked for.
    Clock(Instant),
    /// Of the thread's own time.
    Processor(Duration),
}

/// Runs `evaluate`, within which rules have their time.
pub(super) fn with_deadline(evaluate: impl FnOnce()) {
    DEADLINE.set(Some(Deadline::Clock(Instant::now() + TIME)));
    evaluate();
    DEADLINE.set(None);
}

/// Whether the time is over.
pub(super) fn is_late() -> bool {
    match DEADLINE.get() {
        None => false,
        Some(Deadline::Clock(deadline)) if Instant::now() <= deadline => false,
        Some(Deadline::Clock(_)) => {
            DEADLINE.set(Some(Deadline::Processor(processor_time().saturating_add(TIME))));
            false
        }
        Some(Deadline::Processor(deadline)) => processor_time() >= deadline,
    }
}

/// How long the thread has run; for ever where the kernel does not know.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::MAX, Duration::from)
}

/// Runs `evaluate` with this thread's context.
pub(super) fn with_context<T>(evaluate: impl FnOnce(&Context<'static>) -> T) -> T {
    CONTEXT.with(evaluate)
}

fn context() -> Context<'static> {
    let mut context = Context::default().with_all();
    context.add_function(IN_TIME, in_time);
    // In place of those that are built in, which count bytes and know Unicode's digits.
    context.add_function("size", size);
    context.add_function("matches", matches);
    context
}

fn in_time(call: &FunctionContext<'_, '_>) -> Result<bool, ExecutionError> {
    if is_late() { Err(call.error("the rule takes too long")) } else { Ok(true) }
}

fn size(call: &FunctionContext<'_, '_>, This(this): This<Value>) -> Result<i64, ExecutionError> {
    let size = match this {
        Value::String(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.map.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => return Err(call.error("has no size")),
    };
    i64::try_from(size).map_err(|error| call.error(error))
}

fn matches(
    call: &FunctionContext<'_, '_>,
    This(this): This<Arc<String>>,
    pattern: Arc<String>,
) -> Result<bool, ExecutionError> {
    PATTERNS.with_borrow_mut(|patterns| {
        if patterns.len() >= MAX_PATTERNS && !patterns.contains_key(&pattern) {
            patterns.clear();
        }
        let regex = patterns.entry(Arc::clone(&pattern)).or_insert_with(|| re2::compile(&pattern));
        regex
            .as_ref()
            .map(|regex| regex.is_match(&this))
            .ok_or_else(|| call.error("the pattern cannot be read"))
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn time_in_which_the_thread_does_not_run_is_not_taken_from_rules() {
        with_deadline(|| {
            for _ in 0..3 {
                // The time that passes is what this is about.
                thread::sleep(TIME + Duration::from_millis(1));
                assert!(!is_late());
            }
            let started = Instant::now();
            while !is_late() {
                assert!(started.elapsed() < Duration::from_mins(1), "it ends");
            }
            assert!(started.elapsed() >= TIME / 2, "{:?}", started.elapsed());
        });
        assert!(!is_late(), "there is no deadline any more");
    }
}
