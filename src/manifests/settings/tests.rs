use super::*;
use crate::manifests;
use std::collections::BTreeSet;

/// Whoever asks for what is not in the table gets nothing; and what nobody asks for does nothing.
#[test]
fn every_hole_is_a_setting_and_every_setting_fills_one() {
    let files = manifests::all().expect("manifests");
    let text: String = files.into_iter().map(|file| file.content).collect();
    let holes = text.split(".Values.").skip(1);
    let path =
        |rest: &str| rest.split(|c: char| !(c.is_alphanumeric() || c == '.')).next().map(str::to_owned);
    let asked: BTreeSet<String> = holes.filter_map(path).collect();
    let of_image = asked.contains("image").then_some("image.");
    let told: BTreeSet<String> = all().into_iter().map(|setting| setting.path).collect();
    let is_told = |path: &&String| !told.contains(*path) && *path != "image";
    assert_eq!(
        asked.iter().filter(is_told).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "holes without a setting"
    );
    let is_asked =
        |path: &&String| !asked.contains(*path) && !of_image.is_some_and(|image| path.starts_with(image));
    assert_eq!(
        told.iter().filter(is_asked).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "settings without a hole"
    );
}
