//! Enforces the dependency rule of the crate's documentation by reading the source tree.

use std::path::{Path, PathBuf};

/// What the pure modules may not know of.
const IMPURE: &[&str] =
    &["leptos", "web_sys", "js_sys", "wasm_bindgen", "async ", "Instant::now", "SystemTime", "getrandom", "rand::"];

/// A part of the tree, and the crate's own modules it may not name.
const RULES: &[(&str, &[&str])] = &[
    ("s3", &["engine", "browser", "options", "uploader", "components", "server", "app"]),
    ("engine", &["browser", "options", "uploader", "components", "server", "app"]),
    ("browser", &["options", "uploader", "components", "server", "app"]),
    ("options.rs", &["uploader", "components", "server", "app"]),
    ("uploader.rs", &["components", "server", "app"]),
    ("components", &["browser", "server", "app"]),
    ("server", &["engine", "browser", "options", "uploader", "components", "app"]),
];

const MAX_LINES: usize = 400;

#[test]
fn no_module_names_one_above_it() {
    let broken = RULES.iter().flat_map(|(part, above)| {
        let named = files(part).into_iter().flat_map(|file| {
            let modules = crate_modules(&read(&file));
            modules.into_iter().map(move |module| (file.display().to_string(), module))
        });
        named.filter(|(_, module)| above.contains(&module.as_str()))
    });
    assert_eq!(broken.collect::<Vec<_>>(), Vec::new());
}

#[test]
fn the_pure_modules_stay_pure() {
    assert_eq!([mentions("s3", IMPURE), mentions("engine", IMPURE)].concat(), Vec::<String>::new());
}

#[test]
fn cfg_stays_at_the_borders() {
    let inner = ["s3", "engine", "browser", "components", "options.rs", "uploader.rs"];
    let lines = inner.iter().flat_map(|part| mentions(part, &["cfg(", "cfg_attr("]));
    let lines: Vec<_> = lines.filter(|line| !line.ends_with("#[cfg(test)]")).collect();
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn files_stay_short() {
    let long = files("").into_iter().filter(|file| read(file).lines().count() > MAX_LINES);
    assert_eq!(long.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// The crate's own modules that a file names, in paths such as `crate::s3::Key` and `crate::{s3::Key, server::Config}`.
fn crate_modules(text: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = Vec::new();
    for path in text.split("crate::").skip(1) {
        let Some(group) = path.strip_prefix('{') else {
            modules.push(word(path));
            continue;
        };
        let mut depth = 0;
        let mut at_start = true;
        for (index, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                c if at_start && !c.is_whitespace() => {
                    modules.push(word(&group[index..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    modules
}

#[test]
fn grouped_imports_are_seen_too() {
    let modules = crate_modules(
        "use crate::{\n    s3::{Key, Object},\n    server::Config,\n};\nfn f(_: crate::engine::Engine) {}",
    );
    assert_eq!(modules, ["s3", "server", "engine"]);
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
