//! The shape of the house, held by a test: who may use whom, what stands above what, and that every
//! file says what it is.

use std::path::{Path, PathBuf};

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    let mut files = Vec::new();
    rust_files(&crates(), &mut files);
    assert!(files.len() > 40, "the files are found");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it can be read");
        assert!(text.starts_with("//!"), "{} does not begin with //!", file.display());
    }
}

/// Shapes of one name would silently stand for each other in the API's document.
#[test]
fn shapes_of_the_api_have_names_of_their_own() {
    let mut files = Vec::new();
    rust_files(&crates().join("dray").join("src"), &mut files);
    let mut known = std::collections::BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it can be read");
        for part in text.split("utoipa::ToSchema").skip(1) {
            let head = part.split('{').next().unwrap_or_default();
            let name = match head.split_once("schema(as = ") {
                Some((_, rest)) => rest.split(')').next(),
                None => head.split_whitespace().last(),
            };
            let name = name.unwrap_or_default().to_owned();
            if let Some(other) = known.insert(name.clone(), file.clone()) {
                panic!("{name} stands in {} and in {}", other.display(), file.display());
            }
        }
    }
    assert!(known.len() > 10, "{known:?}");
}

#[test]
fn crates_use_only_those_above_them() {
    let allowed = [
        ("dray-model", &[][..]),
        ("dray-formats", &["dray-model"]),
        ("dray-engine", &["dray-model"]),
        ("dray-functions", &["dray-model", "dray-engine"]),
        ("dray-stores", &["dray-model"]),
        ("dray-browser", &[]),
        ("dray", &["dray-model", "dray-formats", "dray-engine", "dray-functions", "dray-stores"]),
    ];
    for (name, may_use) in allowed {
        let manifest =
            std::fs::read_to_string(crates().join(name).join("Cargo.toml")).expect("the manifest is there");
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| line.starts_with("dray-")) {
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(may_use.contains(&used), "{name} may not use {used}");
        }
    }
}

/// Within a crate, a module imports only modules that stand above it in `lib.rs`.
#[test]
fn modules_look_only_upwards() {
    for name in
        ["dray-model", "dray-formats", "dray-engine", "dray-functions", "dray-stores", "dray-browser", "dray"]
    {
        let source = crates().join(name).join("src");
        let lib = std::fs::read_to_string(source.join("lib.rs")).expect("lib.rs is there");
        let order: Vec<&str> = lib
            .lines()
            .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
            .filter(|module| *module != "tests")
            .collect();
        for (place, module) in order.iter().enumerate() {
            let mut files = vec![source.join(format!("{module}.rs"))];
            if source.join(module).is_dir() {
                rust_files(&source.join(module), &mut files);
            }
            for file in files.iter().filter(|file| file.exists() && !file.ends_with("tests.rs")) {
                let text = std::fs::read_to_string(file).expect("it can be read");
                let code: Vec<&str> =
                    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                let text = code.join("\n");
                for below in order.iter().skip(place + 1) {
                    let uses = [
                        format!("crate::{below}::"),
                        format!("crate::{below};"),
                        format!("crate::{{{below}"),
                    ];
                    assert!(
                        !uses.iter().any(|used| text.contains(used)),
                        "{} uses {below}, which stands below {module}",
                        file.display()
                    );
                }
            }
        }
    }
}
