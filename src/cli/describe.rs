//! `describe`: the generated files of the repository, printed, written, or compared with what is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;

use super::{failure::Failure, output, units};

const EXAMPLES: &str = "\
Examples:
  peergate describe                print everything
  peergate describe --write        write it into the repository around this folder
  peergate describe --check        exit with 1 and name the files that are stale";

/// Prints what is generated from the contract, or writes it into the repository.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Describe {
    /// Write the files into the repository
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Compare with the files in the repository
    #[arg(long)]
    check: bool,
}

impl Describe {
    /// Prints, writes or compares these files, whose paths are relative to the repository.
    pub fn run(&self, files: &[(PathBuf, String)]) -> anyhow::Result<()> {
        if !self.write && !self.check {
            for (path, content) in files {
                output::line(format!("==> {} <==\n{content}", path.display()))?;
            }
            return Ok(());
        }
        let repository = repository(&std::env::current_dir()?)?;
        let stale = stale(&repository, files);
        if self.check {
            return check(&stale, files.len());
        }
        for (path, content) in &stale {
            let file = repository.join(path);
            let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, content));
            written.with_context(|| format!("{} cannot be written", file.display()))?;
            output::line(format!("wrote {}", path.display()))?;
        }
        Ok(output::line(format!("{} up to date", units::count(files.len(), "file")))?)
    }
}

fn check(stale: &[&(PathBuf, String)], all: usize) -> anyhow::Result<()> {
    for (path, _) in stale {
        output::line(format!("stale: {}", path.display()))?;
    }
    if !stale.is_empty() {
        bail!("{} stale; write them with `peergate describe --write`", units::count(stale.len(), "file"));
    }
    Ok(output::line(format!("{} up to date", units::count(all, "file")))?)
}

/// The files that are not there or hold something else.
fn stale<'a>(repository: &Path, files: &'a [(PathBuf, String)]) -> Vec<&'a (PathBuf, String)> {
    let differs = |(path, content): &&(PathBuf, String)| {
        fs::read(repository.join(path)).ok().is_none_or(|there| there != content.as_bytes())
    };
    files.iter().filter(differs).collect()
}

/// The repository of Peergate that a folder lies in.
fn repository(folder: &Path) -> Result<PathBuf, Failure> {
    let manifest = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"peergate\""))
    };
    let found = folder.ancestors().find(manifest).map(Path::to_owned);
    found.ok_or_else(|| Failure::Usage(format!("{} is not within the repository of peergate", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_or_is_missing_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| (PathBuf::from(name), text.to_owned());
        fs::write(folder.path().join("same"), "1").unwrap();
        fs::write(folder.path().join("old"), "1").unwrap();
        let files = [file("same", "1"), file("old", "2"), file("wsdl/new", "3")];
        let stale: Vec<_> = stale(folder.path(), &files).into_iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(stale, [PathBuf::from("old"), PathBuf::from("wsdl/new")]);
    }

    #[test]
    fn the_repository_is_found_from_a_folder_within() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src/cli")).unwrap();
        assert!(repository(&folder.path().join("src/cli")).is_err());
        fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"peergate\"\n").unwrap();
        assert_eq!(repository(&folder.path().join("src/cli")).unwrap(), folder.path());
    }
}
