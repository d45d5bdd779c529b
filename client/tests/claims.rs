//! Compares the documents with the code: each row of SECURITY.md's tables names a test, each named test exists, and
//! the modules use each other as ARCHITECTURE.md lists them. And each source file is a module of something.

use std::collections::{BTreeMap, BTreeSet};
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
    // The test `ways_out` compares the ways out with what it finds.
    let blocks: Vec<&str> = text.split("\n\n").filter(|block| !block.starts_with("| way out |")).collect();
    let rows: Vec<&str> = blocks
        .iter()
        .flat_map(|block| block.lines())
        .filter(|line| line.starts_with("| ") && !line.starts_with("|-"))
        .collect();
    // The heads are no claims.
    let claims = rows.iter().filter(|row| !row.starts_with("| against |") && !row.starts_with("| secret |"));
    let without: Vec<_> = claims.filter(|row| named(row).next().is_none() && !row.contains("the same test")).collect();
    assert!(without.is_empty(), "{without:#?}");
    assert!(rows.len() > 15, "the tables are not found");
}

#[test]
fn no_source_file_is_left_out_of_the_build() {
    let sources = sources();
    // Cargo finds these by itself, or by its manifest.
    let is_root = |path: &Path| {
        let directory = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        ["lib.rs", "main.rs", "mod.rs", "build.rs"].iter().any(|root| path.ends_with(root))
            || ["tests", "benches", "examples", "targets"].contains(&directory)
    };
    let is_named = |path: &Path| {
        let (stem, directory) = (path.file_stem().unwrap().to_str().unwrap(), path.parent().unwrap());
        let line = format!("mod {stem};");
        let written_paths = [format!("\"{stem}.rs\""), format!("/{stem}.rs\"")];
        sources.iter().any(|(other, text)| {
            let is_near = other.parent() == Some(directory) || other.with_extension("") == directory;
            written_paths.iter().any(|path| text.contains(path)) || (is_near && text.contains(&line))
        })
    };
    let left_out: Vec<_> =
        sources.iter().map(|(path, _)| path).filter(|path| !is_root(path) && !is_named(path)).collect();
    assert!(left_out.is_empty(), "no `mod` line names {left_out:#?}");
}

/// The layers of each crate, from the top down, as ARCHITECTURE.md lists them: the crate in the first column, its layers below.
fn layers() -> BTreeMap<String, Vec<Vec<String>>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text.split("\n## The layers\n").nth(1).expect("ARCHITECTURE.md lists the layers");
    let list = section.split("```").nth(1).expect("as one block");
    let (mut layers, mut current) = (BTreeMap::new(), String::new());
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with(' ') {
            let modules = line.split_whitespace().map(str::to_owned).collect();
            layers.entry(current.clone()).or_insert_with(Vec::new).push(modules);
        } else {
            current = line.trim().to_owned();
        }
    }
    layers
}

/// The code of a file, without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod ").or_else(|| text.find("\n#[cfg(test)]\n#[path")).unwrap_or(text.len());
    text[..end].lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The modules that stand behind `crate::` in this code.
fn used(code: &str, krate: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for prefix in ["crate::".to_owned(), format!("{krate}::")] {
        for after in code.split(prefix.as_str()).skip(1) {
            match after.strip_prefix('{') {
                Some(group) => {
                    let (mut depth, mut name) = (0, String::new());
                    for letter in group.chars() {
                        match letter {
                            '{' => depth += 1,
                            '}' if depth == 0 => break,
                            '}' => depth -= 1,
                            ',' if depth == 0 => used.extend(Some(std::mem::take(&mut name))),
                            letter if depth == 0 && !letter.is_whitespace() => name.push(letter),
                            _ => {}
                        }
                    }
                    used.insert(name);
                }
                None => used.extend(Some(after.to_owned())),
            }
        }
    }
    let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
    used.iter().map(|path| path.split(ends).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_module_is_in_a_layer_and_uses_only_those_below_it() {
    let layers = layers();
    let mut wrong = Vec::new();
    let mut uses_found = 0;
    for (krate, layers) in &layers {
        let source = root().join(krate).join("src");
        let layer_of = |module: &str| layers.iter().position(|layer| layer.iter().any(|known| known == module));
        for (path, text) in sources() {
            let Ok(inside) = path.strip_prefix(&source) else { continue };
            let stem = inside.file_stem().and_then(|stem| stem.to_str()).unwrap();
            let module = inside.iter().next().and_then(|part| part.to_str()).unwrap().trim_end_matches(".rs");
            if stem.ends_with("_tests") || stem == "tests" || ["lib", "main"].contains(&module) {
                continue;
            }
            let Some(layer) = layer_of(module) else {
                wrong.push(format!("{krate}: {module} is in no layer"));
                continue;
            };
            let library = if krate == "daemon" { "ssoctld" } else { "crate" };
            for below in used(&code(&text), library) {
                if below != module && layer_of(&below).is_some_and(|below| below <= layer) {
                    wrong.push(format!("{krate}: {} uses {below}, which is not below it", inside.display()));
                }
                uses_found += usize::from(layer_of(&below).is_some());
            }
        }
        for listed in layers.iter().flatten() {
            let (file, directory) = (source.join(format!("{listed}.rs")), source.join(listed));
            if !file.exists() && !directory.exists() {
                wrong.push(format!("{krate}: there is no module {listed}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(layers.len() >= 7 && uses_found > 300, "the layers are not found: {layers:?}, {uses_found}");
}
