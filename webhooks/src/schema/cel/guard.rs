//! Every part of an expression is looked at before it runs: nothing in it may
//! panic, go too deep, or take more time or memory than what it reads.

use kube_cel::cel::common::ast::operators::CONDITIONAL;
use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::functions;
use super::program::Refused;

/// What a value was before an update.
const OLD_SELF: &str = "oldSelf";

/// The deepest expression. The interpreter goes down as deep on the stack, with
/// up to 40 KiB a step in a debug build, and a worker thread has 2 MiB.
const MAX_DEPTH: usize = 32;

/// Refuses what is not bounded, and makes every loop ask for the time; says
/// whether there is one.
pub(super) fn bound(expression: &mut IdedExpr) -> Result<bool, Refused> {
    let mut guard = Guard { loops: false };
    guard.visit(expression, 0)?;
    Ok(guard.loops)
}

struct Guard {
    loops: bool,
}

impl Guard {
    fn visit(&mut self, expression: &mut IdedExpr, depth: usize) -> Result<(), Refused> {
        if depth > MAX_DEPTH {
            return Err(Refused::TooLong);
        }
        let below = depth + 1;
        match &mut expression.expr {
            Expr::Ident(name) if name == OLD_SELF => return Err(Refused::AboutChanges),
            // The interpreter panics at both.
            Expr::Struct(_) | Expr::Unspecified => return Err(Refused::Unreadable),
            Expr::Ident(_) | Expr::Literal(_) => {}
            Expr::Select(select) => self.visit(&mut select.operand, below)?,
            Expr::Call(call) => {
                if !functions::is_proportional(call) {
                    return Err(Refused::Unbounded);
                }
                for part in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
                    self.visit(part, below)?;
                }
            }
            Expr::List(list) => {
                list.elements.iter_mut().try_for_each(|element| self.visit(element, below))?;
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err(Refused::Unreadable);
                    };
                    self.visit(&mut entry.key, below)?;
                    self.visit(&mut entry.value, below)?;
                }
            }
            Expr::Comprehension(comprehension) => {
                self.loops = true;
                self.visit(&mut comprehension.iter_range, below)?;
                self.visit(&mut comprehension.accu_init, below)?;
                self.visit(&mut comprehension.loop_cond, below)?;
                self.visit(&mut comprehension.loop_step, below)?;
                self.visit(&mut comprehension.result, below)?;
                comprehension.loop_cond = in_time(std::mem::take(&mut comprehension.loop_cond));
            }
        }
        Ok(())
    }
}

/// `@in_time() ? condition : false`; the function fails when the time is over.
fn in_time(condition: IdedExpr) -> IdedExpr {
    let call = |func_name: &str, args| {
        let expr = Expr::Call(CallExpr { func_name: func_name.to_owned(), target: None, args });
        IdedExpr { id: 0, expr }
    };
    let no = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Boolean(false.into())) };
    call(CONDITIONAL, vec![call(functions::IN_TIME, Vec::new()), condition, no])
}
