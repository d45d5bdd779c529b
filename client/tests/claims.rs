//! SECURITY.md says only what a test shows: each row of its tables names one, and each that it names is there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Path and text of every source file of ours.
fn sources() -> Vec<(PathBuf, String)> {
    let (mut places, mut found) = (vec![root()], Vec::new());
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
                places.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// The tests that a text names: `module::test`, or `module::tests::test`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|code| code.contains("::"))
}

/// Whether a file is a module of this name, or in one.
fn is_in(path: &Path, module: &str) -> bool {
    let path = path.strip_prefix(root()).unwrap_or(path).with_extension("");
    path.iter()
        .filter_map(|part| part.to_str())
        .any(|part| part == module || part.strip_suffix("_tests") == Some(module))
}

#[test]
fn every_test_that_is_named_is_there() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let sources = sources();
    assert!(named(&text).count() > 20, "none are found: {text}");
    for name in named(&text) {
        let (module, test) = name.rsplit_once("::").unwrap();
        let module = module.trim_end_matches("::tests").rsplit("::").next().unwrap();
        let (function, file) = (format!("fn {test}("), format!("{test}.rs"));
        let is_there = |(path, text): &(PathBuf, String)| {
            is_in(path, module) && (path.ends_with(&file) || text.contains(&function))
        };
        assert!(sources.iter().any(is_there), "SECURITY.md names {name}, which is nowhere");
    }
}

#[test]
fn every_row_names_a_test() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|-")).collect();
    // The two heads are no claims.
    let claims = rows.iter().filter(|row| !row.starts_with("| against |") && !row.starts_with("| secret |"));
    let without: Vec<_> = claims.filter(|row| named(row).next().is_none() && !row.contains("the same test")).collect();
    assert!(without.is_empty(), "{without:#?}");
    assert!(rows.len() > 15, "the tables are not found");
}
