//! Circles in who waits for whom.

/// An entry that closes a circle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The policy that has the entry.
    pub(super) from: usize,
    /// The place of the entry among that policy's.
    pub(super) place: usize,
    /// The first members of the circle, from the one that the entry names on;
    /// no more than [`MOST_MEMBERS`].
    pub(super) members: Vec<usize>,
}

/// So many members of a circle are kept: circles may be long, and many.
const MOST_MEMBERS: usize = 8;

/// How far the search has come with a policy.
#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    /// On the way, at this place of it.
    OnTheWay(usize),
    Done,
}

/// Every entry without which there would be no circle: a search in depth that
/// keeps its way in a list, in time proportional to policies and entries.
pub(super) fn closing_edges(edges: &[Vec<(usize, usize)>]) -> Vec<Circle> {
    let mut states = vec![State::New; edges.len()];
    let mut circles = Vec::new();
    for start in 0..edges.len() {
        if states.get(start) == Some(&State::New) {
            search(start, edges, &mut states, &mut circles);
        }
    }
    circles
}

fn search(start: usize, edges: &[Vec<(usize, usize)>], states: &mut [State], circles: &mut Vec<Circle>) {
    // Each policy on the way, with how many of its entries have been followed.
    let mut way = vec![(start, 0)];
    mark(states, start, State::OnTheWay(0));
    while let Some((from, followed)) = way.last_mut() {
        let from = *from;
        let Some((place, to)) = edges.get(from).and_then(|entries| entries.get(*followed)).copied() else {
            mark(states, from, State::Done);
            way.pop();
            continue;
        };
        *followed += 1;
        match states.get(to) {
            Some(State::New) => {
                mark(states, to, State::OnTheWay(way.len()));
                way.push((to, 0));
            }
            Some(State::OnTheWay(position)) => {
                let members = way.iter().skip(*position).take(MOST_MEMBERS).map(|(policy, _)| *policy);
                circles.push(Circle { from, place, members: members.collect() });
            }
            Some(State::Done) | None => {}
        }
    }
}

fn mark(states: &mut [State], policy: usize, state: State) {
    if let Some(place) = states.get_mut(policy) {
        *place = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(edges: &[&[usize]]) -> Vec<Vec<(usize, usize)>> {
        edges.iter().map(|targets| targets.iter().copied().enumerate().collect()).collect()
    }

    /// Whose entry, which one, and the circle that it closes.
    type Found = (usize, usize, Vec<usize>);

    #[test]
    fn circles() {
        let table: [(&[&[usize]], Vec<Found>); 5] = [
            (&[&[1], &[2], &[]], vec![]),
            (&[&[1, 2], &[3], &[3], &[]], vec![]),
            (&[&[1], &[0]], vec![(1, 0, vec![0, 1])]),
            (&[&[1], &[2], &[3, 1], &[]], vec![(2, 1, vec![1, 2])]),
            (&[&[1, 2], &[0], &[0]], vec![(1, 0, vec![0, 1]), (2, 0, vec![0, 2])]),
        ];
        for (edges, expected) in table {
            let found = closing_edges(&graph(edges));
            let found: Vec<_> =
                found.into_iter().map(|circle| (circle.from, circle.place, circle.members)).collect();
            assert_eq!(found, expected, "{edges:?}");
        }
    }

    proptest! {
        /// Without the entries that close a circle, everyone's turn comes.
        #[test]
        fn without_them_there_is_no_circle(edges in prop::collection::vec(prop::collection::vec(0_usize..12, 0..4), 12)) {
            let mut left: Vec<Vec<(usize, usize)>> =
                edges.iter().map(|targets| targets.iter().copied().enumerate().collect()).collect();
            let circles = closing_edges(&left);
            for circle in &circles {
                left[circle.from].retain(|(place, _)| *place != circle.place);
            }
            let mut ready = [false; 12];
            for _ in 0..12 {
                for policy in 0..12 {
                    ready[policy] = left[policy].iter().all(|(_, to)| ready[*to]);
                }
            }
            prop_assert!(ready.iter().all(|ready| *ready));
            prop_assert_eq!(closing_edges(&left), vec![]);
        }
    }
}
