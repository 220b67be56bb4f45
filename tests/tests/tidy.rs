//! Rules of the house that a compiler does not know (see style in ARCHITECTURE.md): pure crates
//! stay pure, every file says what it is, no file grows past reading, and no path of a workplace
//! is left behind.

use std::path::{Path, PathBuf};
use std::process::Command;

const PURE: [&str; 4] = ["primitives", "consensus", "contracts", "genesis"];
const MEMBERS: [&str; 6] = ["primitives", "consensus", "contracts", "genesis", "node", "tests"];
/// Crates that do input and output.
const IMPURE: [&str; 9] = [
    "tokio",
    "libp2p",
    "sled",
    "lsm-tree",
    "axum",
    "ureq",
    "getrandom",
    "rand",
    "tracing-subscriber",
];
/// Words of a clock, randomness, a file, a socket, an environment, or an order that varies.
const FORBIDDEN: [&str; 10] = [
    "Instant::now",
    "SystemTime",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "HashMap",
    "HashSet",
    "thread_rng",
    "getrandom::",
];
/// Lines of a file without its tests. Above this it must be split.
const MAX_LINES: usize = 620;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn files(members: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    members.iter().for_each(|member| sources(&root().join(member).join("src"), &mut found));
    found.sort();
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The part of a file before its inline tests.
fn product(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn is_test_file(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    // The first part is the crate, and one of them is called tests.
    inside.components().skip(1).any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part.starts_with("test") || part.ends_with("_tests.rs") || part == "conformance.rs"
    })
}

#[test]
fn pure_crates_depend_on_nothing_impure() {
    for name in ["primitives", "contracts", "genesis"] {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "-p", &format!("hefu-{name}"), "-e", "normal"])
            .args(["--prefix", "none", "--format", "{p}"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8(tree.stdout).unwrap();
        let names = tree.lines().filter_map(|line| line.split_whitespace().next());
        for dependency in names {
            assert!(!IMPURE.contains(&dependency), "{name} depends on {dependency}");
        }
    }
    // The Tendermint core brings tokio's types with it, unused; our own manifest must not.
    let manifest = std::fs::read_to_string(root().join("consensus/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for name in IMPURE {
        assert!(!dependencies.contains(&format!("\n{name}")), "consensus depends on {name}");
    }
}

#[test]
fn pure_crates_touch_no_clock_randomness_file_or_unordered_map() {
    for (path, text) in files(&PURE).iter().filter(|(path, _)| !is_test_file(path)) {
        for (number, line) in product(text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in FORBIDDEN {
                let place = format!("{}:{}", path.display(), number + 1);
                assert!(!code.contains(word), "{place}: {word}");
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_can_be_read_at_once() {
    for (path, text) in files(&MEMBERS) {
        if !is_test_file(&path) {
            assert!(text.starts_with("//!"), "{} does not begin with its purpose", path.display());
            let lines = product(&text).lines().count();
            assert!(lines <= MAX_LINES, "{}: {lines} lines: split it", path.display());
        }
    }
}

#[test]
fn no_workplace_is_left_behind() {
    let listed = Command::new("git").arg("ls-files").current_dir(root()).output();
    let Ok(listed) = listed else {
        println!("skipped: git");
        return;
    };
    let own = format!("{}tests/tidy.rs", "tests/");
    for name in String::from_utf8(listed.stdout).unwrap().lines().filter(|name| *name != own) {
        let Ok(text) = std::fs::read_to_string(root().join(name)) else { continue };
        for word in ["/root/", "/work/", "index.crates"] {
            assert!(!text.contains(word), "{name} names {word}");
        }
    }
}

/// The codes between quotes after a name and its `= &[`.
fn listed(text: &str, name: &str) -> Vec<String> {
    let list = text.split_once(&format!("pub const {name}: &[&str] = &[")).unwrap().1;
    let list = list.split_once("];").unwrap().0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What of a file is test code, without its comments.
fn test_code(path: &Path, text: &str) -> String {
    let tests = if is_test_file(path) {
        text
    } else {
        text.split_once("\n#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests)
    };
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    tests.lines().map(code).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_code_of_the_program_is_named_by_a_test() {
    let text = std::fs::read_to_string(root().join("node/src/text/mod.rs")).unwrap();
    let codes = [listed(&text, "API_CODES"), listed(&text, "CLI_CODES")].concat();
    assert!(codes.len() > 60, "the lists are not read: {}", codes.len());
    let mut found = Vec::new();
    ["node/src", "node/tests"].iter().for_each(|part| sources(&root().join(part), &mut found));
    let tests: Vec<String> = found
        .iter()
        // The lists themselves are no test.
        .filter(|path| !path.ends_with("text/mod.rs"))
        .map(|path| test_code(path, &std::fs::read_to_string(path).unwrap()))
        .collect();
    let named = |code: &String| tests.iter().any(|text| text.contains(&format!("\"{code}\"")));
    let missing: Vec<&str> = codes.iter().filter(|code| !named(code)).map(String::as_str).collect();
    assert_eq!(missing, Vec::<&str>::new(), "named by no test");
}
