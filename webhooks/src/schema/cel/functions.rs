//! The functions that rules may call, and the time that they may take.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube_cel::KubeCelExt;
use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};
use regex::Regex;

use crate::schema::re2;

/// The time that all rules of one object may take together. Flux's take about
/// ten microseconds.
const TIME: Duration = Duration::from_millis(10);

/// The function that every step of a loop asks first.
pub(super) const IN_TIME: &str = "@in_time";

/// The most patterns that a thread keeps compiled.
const MAX_PATTERNS: usize = 64;

/// Functions whose result may be much larger than what they are given: a short
/// rule would ask for more memory than there is. The API server bounds them by
/// their cost; here no rule that calls one is judged.
pub(super) const AMPLIFYING: [&str; 7] = ["encode", "flatten", "format", "join", "quote", "range", "replace"];

/// Functions whose argument is a pattern. Only one that the rule spells
/// out is compiled, none that comes from the object.
pub(super) const MATCHING: [&str; 3] = ["matches", "find", "findAll"];

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
    static PATTERNS: RefCell<HashMap<Arc<String>, Option<Regex>>> = RefCell::default();
    // It is neither Send nor Sync, and takes long to make.
    static CONTEXT: Context<'static> = context();
}

/// Runs `evaluate`, within which rules have their time.
pub(super) fn with_deadline(evaluate: impl FnOnce()) {
    DEADLINE.set(Some(Instant::now() + TIME));
    evaluate();
    DEADLINE.set(None);
}

/// Whether the time is over.
pub(super) fn is_late() -> bool {
    DEADLINE.get().is_some_and(|deadline| Instant::now() > deadline)
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
