//! The modules of the crate and of its folders stand in reading order: each uses only those above it.

use std::path::Path;

/// The modules declared in a file, in order.
fn modules(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let name = |line: &str| line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned);
    text.lines().filter_map(name).filter(|name| name != "tests").collect()
}

/// Fails where a source file mentions a module of `order` that stands below it.
fn check_order(path: &Path, own: usize, order: &[String], prefix: &str) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            check_order(&entry.unwrap().path(), own, order, prefix);
        }
        return;
    }
    let text = std::fs::read_to_string(path).unwrap();
    for below in order.iter().skip(own + 1) {
        let used = format!("{prefix}{below}::");
        assert!(!text.contains(&used), "{} uses {used} which stands below it", path.display());
    }
}

#[test]
fn modules_use_only_those_above_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (folder, list, prefix) in [
        ("", "lib.rs", "crate::"),
        ("decode", "mod.rs", "super::"),
        ("csv", "mod.rs", "super::"),
        ("json", "mod.rs", "super::"),
        ("excel", "mod.rs", "super::"),
        ("parquet", "mod.rs", "super::"),
        ("pdf", "mod.rs", "super::"),
    ] {
        let folder = source.join(folder);
        let order = modules(&folder.join(list));
        assert!(order.len() > 3);
        for (own, name) in order.iter().enumerate() {
            let file = folder.join(format!("{name}.rs"));
            check_order(if file.exists() { file } else { folder.join(name) }.as_path(), own, &order, prefix);
        }
    }
}
