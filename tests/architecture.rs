//! The shape of the code: which module may use which, which library stays in which folder, and what every file looks
//! like. Reads the sources as text; knows nothing of the program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail at once")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules from top to bottom; those of one row never use each other.
const ROWS: [&[&str]; 6] = [
    &["cli"],
    &["app"],
    &["web"],
    &["auth", "assistant", "editorial", "review"],
    &["chart", "retrieval", "engine", "store"],
    &["domain", "config"],
];
/// Stands beside the rows: may use what `app` may, and `app`; only `cli` may use it.
const EVAL: &str = "eval";
/// The only folders in which a library may be named.
const LIBRARIES: [(&str, &[&str]); 9] = [
    ("actix_web", &["web", "app"]),
    ("tracing_actix_web", &["web"]),
    ("utoipa_actix_web", &["web"]),
    ("utoipa_swagger_ui", &["web"]),
    ("sqlx", &["store"]),
    ("tantivy", &["retrieval"]),
    ("llama_cpp_2", &["engine"]),
    ("jsonwebtoken", &["auth"]),
    ("clap", &["cli", "main.rs"]),
];
const MOST_LINES: usize = 720;

struct Source {
    /// From `src/`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The top-level module, `lib.rs` or `main.rs`.
    fn module(&self) -> &str {
        self.path.components().next().unwrap().as_os_str().to_str().unwrap()
    }

    /// The lines of code, without comments and doc comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().zip(1..).map(|(line, number)| (number, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push(Source {
                    path: path.strip_prefix(root).unwrap().to_owned(),
                    text,
                });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn name_at_start(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or("")
}

/// The top-level modules that a text names after `crate::`, also in `use crate::{a, b::c};` over several lines.
fn named_modules(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => found.extend([name_at_start(after).to_owned()]),
            Some(group) => {
                let mut depth = 0usize;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.extend([name_at_start(std::mem::take(&mut item).trim()).to_owned()]),
                        _ => item.push(c),
                    }
                }
                found.extend([name_at_start(item.trim()).to_owned()]);
            }
        }
    }
    // A group may end in a comma.
    found.remove("");
    found
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

fn may_use(user: &str, used: &str) -> bool {
    if user == used || matches!(user, "lib.rs" | "main.rs") {
        return true;
    }
    if used == EVAL {
        return user == "cli";
    }
    if user == EVAL {
        return used != "cli";
    }
    match (row(user), row(used)) {
        (Some(above), Some(below)) => above < below,
        _ => false,
    }
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_arrow_points_down() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code: Vec<&str> = source.code().map(|(_, line)| line).collect();
        for used in named_modules(&code.join("\n")) {
            let is_module = row(&used).is_some() || used == EVAL;
            if is_module && !may_use(source.module(), &used) {
                wrong.push(format!(
                    "{}: {} must not use {used}",
                    source.path.display(),
                    source.module()
                ));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_top_level_module_has_its_row() {
    let modules: BTreeSet<String> = sources().iter().map(|source| source.module().to_owned()).collect();
    let strays = modules
        .iter()
        .filter(|module| row(module).is_none() && *module != EVAL && !module.ends_with(".rs"));
    assert_none(
        &strays
            .map(|module| format!("{module} stands in no row of tests/architecture.rs"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn each_library_stays_in_its_folder() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (library, homes) in LIBRARIES {
            let path = format!("{library}::");
            for (number, line) in source.code() {
                let named = line.match_indices(&path).any(|(at, _)| {
                    let before = line.get(..at).unwrap_or("").chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                });
                if named && !homes.contains(&source.module()) {
                    wrong.push(format!(
                        "{}:{number}: {library} belongs to {homes:?}",
                        source.path.display()
                    ));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_file_says_what_it_is_for_and_is_short_enough_to_read() {
    let mut wrong = Vec::new();
    for source in sources() {
        let opening = source
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//!"))
            .unwrap_or("");
        if opening.trim().len() < 10 {
            wrong.push(format!(
                "{}: does not open with a //! line that says its role",
                source.path.display()
            ));
        }
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!(
                "{}: {lines} lines, at most {MOST_LINES}",
                source.path.display()
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_the_command_line_and_the_evaluations_print() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !matches!(source.module(), "cli" | "eval" | "main.rs"))
    {
        for (number, line) in source.code() {
            let prints = ["println!", "print!", "dbg!"].iter().any(|name| {
                let mut starts = line
                    .match_indices(name)
                    .map(|(at, _)| line.get(..at).unwrap_or("").chars().next_back());
                starts.any(|before| !before.is_some_and(|c| c.is_alphanumeric() || c == '_'))
            });
            if prints {
                wrong.push(format!("{}:{number}: {}", source.path.display(), line.trim()));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_scanner_finds_what_it_looks_for() {
    let text =
        "use crate::{\n    store::{Store, on},\n    web,\n};\nlet x = crate::engine::Engine;\nuse crate::domain::Fact;";
    let found: Vec<String> = named_modules(text).into_iter().collect();
    assert_eq!(found, ["domain", "engine", "store", "web"]);
    assert!(may_use("web", "domain") && may_use("eval", "app") && may_use("cli", "eval"));
    assert!(
        !may_use("store", "engine") && !may_use("domain", "web") && !may_use("app", "eval") && !may_use("eval", "cli")
    );
}
