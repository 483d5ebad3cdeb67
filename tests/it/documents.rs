//! The pages for users tell what the program knows, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kereru::zone::check::KINDS;
use kereru::zone::file::code;

#[test]
fn every_problem_of_a_zone_is_documented_and_every_documented_one_exists() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/zone-files.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, tables) = text.split_once("\n## When something is wrong\n").unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let documented: BTreeSet<(&str, &str)> =
        rows.map(|(code, rest)| (code, rest.trim_matches([' ', '|']))).collect();
    let mut known: BTreeSet<(&str, String)> =
        code::TABLE.iter().map(|(code, meaning)| (*code, (*meaning).to_owned())).collect();
    known.extend(KINDS.iter().map(|kind| {
        let severity = format!("{:?}", kind.severity).to_lowercase();
        (kind.code, format!("{severity} | {}", kind.hint))
    }));
    let known: BTreeSet<(&str, &str)> =
        known.iter().map(|(code, rest)| (*code, rest.as_str())).collect();
    assert_eq!(documented, known);
}

#[test]
fn user_of_the_image_is_the_one_that_the_documents_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let image = text("docker/Dockerfile");
    let user = image.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    let (user, _group) = user.split_once(':').unwrap();
    assert!(text("docs/operations.md").contains(&format!("runs as user {user} ")));
    assert!(text("docker/compose.yaml").contains(&format!("uid={user}")));
}
