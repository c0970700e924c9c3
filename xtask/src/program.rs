//! The program that chores measure or show: where it is made, and where its sources are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the program; returns where it is.
pub(crate) fn build(options: &[&str]) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let target = std::path::absolute(&target).map_err(|why| format!("{}: {why}", target.display()))?;
    let built = Command::new(cargo)
        .args(["build", "--package", "dray", "--target-dir"])
        .arg(&target)
        .args(options)
        .current_dir(root())
        .status()
        .map_err(|why| format!("cargo cannot be started: {why}"))?;
    if !built.success() {
        return Err("dray could not be built".to_owned());
    }
    let profile = if options.contains(&"--release") { "release" } else { "debug" };
    Ok(target.join(profile).join("dray"))
}
