//! What a rule reads of `self`, so that nothing else is converted: a rule that
//! asks `has(self.chart)` costs the same with a megabyte of values beside it.

use std::collections::BTreeMap;

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::program::SELF;

/// What is read of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Needs {
    /// The value as a whole.
    pub(super) whole: bool,
    /// Its fields, by their names in CEL. One of which nothing is needed only
    /// has to be there.
    pub(super) fields: BTreeMap<String, Self>,
}

/// Everything there is.
pub(super) static WHOLE: Needs = Needs { whole: true, fields: BTreeMap::new() };

impl Needs {
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let mut needs = Self::default();
        needs.collect(expression);
        needs
    }

    /// And what `other` needs.
    pub(super) fn add(&mut self, other: &Self) {
        self.whole |= other.whole;
        for (name, needs) in &other.fields {
            self.fields.entry(name.clone()).or_default().add(needs);
        }
    }

    /// What is needed of a field, if anything.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        if self.whole { Some(&WHOLE) } else { self.fields.get(name) }
    }

    /// As deep as the expression, which has been bounded.
    fn collect(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Ident(name) if name == SELF => self.whole = true,
            Expr::Select(select) => match self.reached_by(&select.operand) {
                Some(parent) => {
                    let field = parent.fields.entry(select.field.clone()).or_default();
                    field.whole |= !select.test;
                }
                None => self.collect(&select.operand),
            },
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.collect(target));
                call.args.iter().for_each(|argument| self.collect(argument));
            }
            Expr::Comprehension(comprehension) => {
                let parts = [
                    &comprehension.iter_range,
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ];
                for part in parts {
                    self.collect(part);
                }
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.collect(element)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.collect(&entry.key);
                        self.collect(&entry.value);
                    }
                }
            }
            _ => {}
        }
    }

    /// The needs of the value that a chain of fields from `self` leads to.
    fn reached_by(&mut self, expression: &IdedExpr) -> Option<&mut Self> {
        match &expression.expr {
            Expr::Ident(name) if name == SELF => Some(self),
            Expr::Select(select) if !select.test => {
                let parent = self.reached_by(&select.operand)?;
                Some(parent.fields.entry(select.field.clone()).or_default())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_cel::cel::Program;

    fn needs(rule: &str) -> String {
        fn shown(needs: &Needs) -> String {
            let fields: Vec<String> =
                needs.fields.iter().map(|(name, needs)| format!("{name}{}", shown(needs))).collect();
            let whole = if needs.whole { "*" } else { "" };
            if fields.is_empty() { whole.to_owned() } else { format!("{whole}({})", fields.join(" ")) }
        }
        shown(&Needs::of(Program::compile(rule).expect("it parses").expression()))
    }

    #[test]
    fn only_what_is_read_is_needed() {
        let table = [
            ("has(self.chart) && !has(self.chartRef)", "(chart chartRef)"),
            ("!has(self.sts) || self.sts.provider == 'aws'", "(sts(provider*))"),
            ("has(self.a.b)", "(a(b))"),
            ("self.items.all(item, item.size() < self.max)", "(items* max*)"),
            ("self.labels['app'] == 'x'", "(labels*)"),
            ("size(self) > 0 && has(self.a)", "*(a)"),
            ("true", ""),
            ("[1].exists(x, {self.key: self.value.x}[x])", "(key* value(x*))"),
        ];
        for (rule, expected) in table {
            assert_eq!(needs(rule), expected, "{rule}");
        }
    }
}
