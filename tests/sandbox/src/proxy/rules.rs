//! Which requests go wrong, and how. Pure but for counting down.

use super::request::{Asked, Verb};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is answered with this status, as the API server would answer; it never hears of it.
    Answer(u16),
    /// The connection ends; the API server never hears of it.
    Cut,
    /// The API server carries it out, and the connection ends before anybody hears so.
    Lose,
    /// It is never answered, and the connection stays for as long as the client wants; the API server never hears of it.
    Hold,
}

/// Requests that match, and what happens to them: to all of them, unless `after` and `times` say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    action: Action,
    verb: Option<Verb>,
    resource: Option<String>,
    skip: usize,
    left: usize,
}

impl Rule {
    /// Every request.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self { action, verb: None, resource: None, skip: 0, left: usize::MAX }
    }

    /// Only with this verb.
    #[must_use]
    pub fn verb(self, verb: Verb) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Only of this resource, for instance `kustomizations` or `applications/status`.
    #[must_use]
    pub fn resource(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    /// The first ones that match are spared.
    #[must_use]
    pub fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, left: usize) -> Self {
        Self { left, ..self }
    }

    fn matches(&self, asked: &Asked) -> bool {
        self.verb.is_none_or(|verb| verb == asked.verb)
            && self.resource.as_ref().is_none_or(|resource| *resource == asked.resource)
    }

    /// Counts a request that matches: whether the rule applies to it.
    fn take(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let applies = self.left > 0;
        self.left = self.left.saturating_sub(1);
        applies
    }
}

/// What happens to a request: the first rule that applies decides.
pub(super) fn decide(rules: &mut [Rule], asked: &Asked) -> Option<Action> {
    rules.iter_mut().filter(|rule| rule.matches(asked)).find_map(|rule| rule.take().then_some(rule.action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_and_third_write_fail() {
        let failing = Rule::new(Action::Answer(503)).verb(Verb::Apply).resource("kustomizations");
        let mut rules = [failing.after(1).times(2), Rule::new(Action::Cut).resource("fleets")];
        let asked = |verb, resource: &str| Asked {
            verb,
            resource: resource.to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        let table = [
            (Verb::Apply, "kustomizations", None),
            (Verb::Get, "kustomizations", None),
            (Verb::Apply, "kustomizations", Some(Action::Answer(503))),
            (Verb::Apply, "kustomizations/status", None),
            (Verb::Apply, "kustomizations", Some(Action::Answer(503))),
            (Verb::Apply, "kustomizations", None),
            (Verb::Get, "fleets", Some(Action::Cut)),
        ];
        for (index, (verb, resource, expected)) in table.into_iter().enumerate() {
            assert_eq!(decide(&mut rules, &asked(verb, resource)), expected, "request {index}");
        }
    }
}
