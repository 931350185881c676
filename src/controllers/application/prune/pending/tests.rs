use super::*;
use fleetgate_api::HeldStatus;
use fleetgate_plan::{FluxKind, Purpose};
use serde_json::json;

const UIDS: [&str; 4] = ["u0", "u1", "u2", "u3"];

fn application(confirms: Option<&str>, said: Option<&str>) -> Application {
    let mut application: Application = serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "shop", "namespace": "default", "uid": "a1", "annotations": {ANNOTATION_CONFIRM_PRUNE: confirms.unwrap_or_default()},
        },
        "spec": {"source": {}, "syncPolicies": []}, "status": {},
    }))
    .expect("an Application");
    if let Some(status) = &mut application.status {
        status.held = said.map(|digest| HeldStatus { digest: digest.to_owned(), count: 1 });
    }
    application
}

fn children(numbers: &[usize]) -> Vec<Existing<'static>> {
    let purpose = Purpose::Policy { name: "web", destination: None };
    let child = |number: &usize| {
        let uid = UIDS[*number];
        Existing { kind: FluxKind::Kustomization, name: uid, uid, purpose }
    };
    numbers.iter().map(child).collect()
}

fn verdict(removed: &[usize], lost: &[usize], held: &[usize]) -> Verdict<'static> {
    let holding = Holding { policy: Some("web"), children: children(held), of: 4, is_gone: false };
    let held = if held.is_empty() { vec![] } else { vec![holding] };
    Verdict { removed: children(removed), lost: children(lost), held }
}

/// `goes u0 u1`, and then whether something rests or is held.
fn said(decision: &Decision) -> String {
    let goes: Vec<&str> = ["goes"].into_iter().chain(decision.goes.iter().map(|uid| &**uid)).collect();
    let rests = if decision.again.is_some() { ", rests" } else { "" };
    let held = decision.held.as_ref().map(|held| format!(", {} held", held.count)).unwrap_or_default();
    format!("{}{rests}{held}", goes.join(" "))
}

#[test]
fn what_was_decided_goes_at_once_and_what_is_lost_rests() {
    let (pending, start, shop) = (Pending::default(), Instant::now(), application(None, None));
    // After so many milliseconds: removed, lost, and what comes of it.
    let table: [(u64, &[usize], &[usize], &str); 7] = [
        (0, &[0], &[], "goes u0"),
        (0, &[0], &[1], "goes u0, rests"),
        (299, &[], &[1], "goes, rests"),
        (300, &[], &[1, 2], "goes, rests"),
        (599, &[], &[1, 2], "goes, rests"),
        (600, &[], &[1, 2], "goes u1 u2"),
        (700, &[], &[], "goes"),
    ];
    for (after, removed, lost, expected) in table {
        let now = start + Duration::from_millis(after);
        let decision = pending.decide(&shop, &verdict(removed, lost, &[]), now);
        assert_eq!(said(&decision), expected, "{after}");
    }
}

#[test]
fn what_is_held_goes_by_exactly_its_digest() {
    let all = verdict(&[], &[], &[1, 2]);
    let digest = all.digest().expect("a digest");
    let decide = |pending: &Pending, shop: &Application, verdict: &Verdict<'_>| {
        let start = Instant::now();
        pending.decide(shop, verdict, start);
        said(&pending.decide(shop, verdict, start + REST))
    };
    let pending = Pending::default();
    assert_eq!(decide(&pending, &application(None, None), &all), "goes, 2 held");
    assert_eq!(pending.held(), 1);
    assert_eq!(decide(&pending, &application(Some("3f2a"), None), &all), "goes, 2 held");
    let confirming = application(Some(&digest), None);
    assert_eq!(decide(&pending, &confirming, &verdict(&[], &[], &[1, 2, 3])), "goes, 3 held", "another set");
    assert_eq!(decide(&pending, &confirming, &all), "goes u1 u2");
    assert_eq!(pending.held(), 0);
    assert_eq!(decide(&pending, &confirming, &verdict(&[], &[], &[2])), "goes u2", "one that did not go");
    assert_eq!(decide(&pending, &confirming, &verdict(&[], &[], &[2, 3])), "goes, 2 held", "one more");
    assert_eq!(decide(&Pending::default(), &confirming, &verdict(&[], &[], &[2])), "goes, 1 held");
    pending.forget(&confirming);
    assert_eq!(pending.held(), 0);
}

#[test]
fn after_a_restart_the_same_is_said_at_once() {
    let all = verdict(&[], &[3], &[1, 2]);
    let digest = all.digest();
    let table = [
        (digest.as_deref(), "goes, rests, 2 held"),
        (Some("3f2a"), "goes, rests, 1 held"),
        (None, "goes, rests"),
    ];
    for (said_before, expected) in table {
        let shop = application(None, said_before);
        assert_eq!(said(&Pending::default().decide(&shop, &all, Instant::now())), expected);
    }
}

/// An edit makes another set, and would be a decision as soon as nothing is held.
#[test]
fn what_was_held_is_so_until_it_is_known_what_is() {
    let (start, held) = (Instant::now(), verdict(&[], &[], &[1, 2]));
    let shop = application(held.digest().as_deref(), Some("3f2a"));
    let told = [Some("3f2a"), None].map(|digest| digest.map(str::to_owned));
    let table = [
        ("another set that is held", held, 0, "goes, rests, 1 held", &told[0]),
        ("one that is not", verdict(&[], &[1], &[]), 0, "goes, rests, 1 held", &told[0]),
        ("the same, rested", verdict(&[], &[1], &[]), 300, "goes u1", &told[1]),
        ("nothing", verdict(&[1], &[], &[]), 0, "goes u1", &told[1]),
    ];
    for (what, verdict, millis, expected, digest) in table {
        let pending = Pending::default();
        let mut decision = pending.decide(&shop, &verdict, start);
        if millis > 0 {
            decision = pending.decide(&shop, &verdict, start + Duration::from_millis(millis));
        }
        assert_eq!(said(&decision), expected, "{what}");
        assert_eq!(&decision.held.map(|held| held.digest), digest, "{what}");
        assert_eq!(pending.held(), u32::from(digest.is_some()), "{what}");
    }
}

/// While its spec is invalid, too: the number is of what is said to be held.
#[test]
fn what_is_set_aside_is_counted_as_its_status_says() {
    let held = verdict(&[], &[], &[1, 2]);
    let digest = held.digest();
    for (said_before, expected) in [(digest.as_deref(), 1), (None, 0)] {
        for was_known in [true, false] {
            let (pending, shop) = (Pending::default(), application(None, said_before));
            if was_known {
                pending.decide(&shop, &held, Instant::now());
            }
            pending.set_aside(&shop);
            assert_eq!(pending.held(), expected, "{said_before:?} {was_known}");
            pending.forget(&shop);
            assert_eq!(pending.held(), 0);
        }
    }
}

/// What could not be deleted at once of what was confirmed is no other set to be held.
#[test]
fn what_is_left_of_what_was_confirmed_is_not_held_again() {
    let (pending, start, all) = (Pending::default(), Instant::now(), verdict(&[], &[], &[1, 2]));
    let shop = application(all.digest().as_deref(), all.digest().as_deref());
    assert_eq!(said(&pending.decide(&shop, &all, start)), "goes u1 u2, rests");
    assert_eq!(said(&pending.decide(&shop, &verdict(&[], &[], &[2]), start)), "goes, rests");
    assert_eq!(said(&pending.decide(&shop, &verdict(&[], &[], &[2, 3]), start)), "goes, rests, 1 held");
}

#[test]
fn a_message_says_who_loses_what_and_what_confirms_it() {
    let held = Held::new(&application(None, None), &verdict(&[], &[], &[2, 1]), "3f2a".to_owned());
    assert_eq!(
        held.message,
        "policy \"web\" would lose 2 of its 4 clusters; nobody decided that, so nothing of it is removed: Kustomization \
         u1, Kustomization u2; this confirms that it goes: kubectl annotate applications.apps.kurator.dev shop \
         --namespace default --overwrite fleetgate.dev/confirm-prune=3f2a"
    );
    let mistaken = Held::new(&application(Some("77c1"), None), &verdict(&[], &[], &[2]), "3f2a".to_owned());
    let text =
        "; the annotation fleetgate.dev/confirm-prune confirms another removal, \"77c1\"; this confirms";
    assert!(mistaken.message.contains(text), "{}", mistaken.message);
}

#[test]
fn a_policy_that_is_gone_may_only_have_been_renamed() {
    let gone = ", which is not in the spec and may only have been renamed,";
    let table: [(&[usize], bool, String); 4] = [
        (&[1, 2], false, "policy \"web\" would lose 2 of its 4 clusters".to_owned()),
        (&[1, 2], true, format!("policy \"web\"{gone} would lose 2 of its 4 clusters")),
        (&[0, 1, 2, 3], false, "policy \"web\" would lose all of its clusters".to_owned()),
        (&[0, 1, 2, 3], true, format!("policy \"web\"{gone} would lose all of its clusters")),
    ];
    for (lost, is_gone, expected) in table {
        let holding = Holding { policy: Some("web"), children: children(lost), of: 4, is_gone };
        assert_eq!(loss(&holding), expected);
    }
}

#[test]
fn of_those_that_go_nothing_is_kept() {
    let (pending, all) = (Pending::default(), verdict(&[], &[], &[1, 2]));
    for number in 0..1_000 {
        let mut going = application(None, None);
        going.metadata.uid = Some(number.to_string());
        assert!(pending.decide(&going, &all, Instant::now()).again.is_some());
        pending.forget(&going);
    }
    assert_eq!(pending.waiting().len(), 0);
}
