//! The laws hold of whatever is valid, and of whatever has one thing broken.

use fleetgate_generator::{MUTATIONS, application};
use fleetgate_laws::{check, request, review, update};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn laws_hold_of_generated_applications(objects in prop::collection::vec(application(), 2)) {
        let documents = objects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        update(documents.as_bytes());
        check(documents.as_bytes());
    }

    #[test]
    fn laws_hold_of_what_has_one_thing_broken(object in application()) {
        for mutation in MUTATIONS {
            let mut broken = object.clone();
            if (mutation.apply)(&mut broken) {
                review(request::create(&broken).to_string().as_bytes());
                review(request::update(&broken, &object).to_string().as_bytes());
            }
        }
    }
}
