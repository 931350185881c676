//! The laws hold of what a search begins with, and of every input that once
//! broke them.

use fleetgate_laws::{LAWS, seeds};

#[test]
fn laws_hold_of_every_seed() {
    for (name, law) in LAWS {
        let seeds = seeds::of(name);
        assert!(seeds.len() > 3, "{name} has {} seeds", seeds.len());
        for seed in &seeds {
            holds(name, law, seed);
        }
    }
}

#[test]
fn laws_hold_of_what_once_broke_them() {
    for (name, law) in LAWS {
        for input in seeds::kept(name) {
            holds(name, law, &input);
        }
    }
}

fn holds(name: &str, law: fn(&[u8]), input: &[u8]) {
    let shown = || String::from_utf8_lossy(input);
    assert!(std::panic::catch_unwind(|| law(input)).is_ok(), "the law of {name} is broken by {}", shown());
}
