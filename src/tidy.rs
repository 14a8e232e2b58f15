//! Enforces the dependency rule of the crate's documentation by reading the source tree.

use std::path::{Path, PathBuf};

/// What the pure modules may not know of.
const IMPURE: &[&str] =
    &["leptos", "web_sys", "js_sys", "wasm_bindgen", "async ", "Instant::now", "SystemTime", "getrandom", "rand::"];

/// A part of the tree, and the crate's own modules it may not name.
const RULES: &[(&str, &[&str])] = &[
    ("s3", &["engine", "browser", "uploader", "components", "server", "app"]),
    ("engine", &["browser", "uploader", "components", "server", "app"]),
    ("browser", &["uploader", "components", "server", "app"]),
    ("uploader.rs", &["components", "server", "app"]),
    ("components", &["browser", "server", "app"]),
    ("server", &["engine", "browser", "uploader", "components", "app"]),
];

const MAX_LINES: usize = 400;

#[test]
fn no_module_names_one_above_it() {
    let broken = RULES.iter().flat_map(|(part, above)| {
        let forbidden: Vec<_> = above.iter().map(|module| format!("crate::{module}")).collect();
        let forbidden: Vec<_> = forbidden.iter().map(String::as_str).collect();
        mentions(part, &forbidden)
    });
    assert_eq!(broken.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_pure_modules_stay_pure() {
    assert_eq!([mentions("s3", IMPURE), mentions("engine", IMPURE)].concat(), Vec::<String>::new());
}

#[test]
fn cfg_stays_at_the_borders() {
    let inner = ["s3", "engine", "browser", "components", "uploader.rs"];
    let lines = inner.iter().flat_map(|part| mentions(part, &["cfg(", "cfg_attr("]));
    let lines: Vec<_> = lines.filter(|line| !line.ends_with("#[cfg(test)]")).collect();
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn files_stay_short() {
    let long = files("").into_iter().filter(|file| read(file).lines().count() > MAX_LINES);
    assert_eq!(long.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// `file: line` for each line of code in a part of the tree that has one of the words.
fn mentions(part: &str, words: &[&str]) -> Vec<String> {
    let lines = files(part).into_iter().flat_map(|file| {
        let (name, text) = (file.display().to_string(), read(&file));
        text.lines().map(|line| format!("{name}: {}", line.trim())).collect::<Vec<_>>()
    });
    let is_code = |line: &&String| !line.contains(": //");
    lines.filter(|line| is_code(&line) && words.iter().any(|word| line.contains(word))).collect()
}

fn files(part: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "nothing to read in {part}");
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}
