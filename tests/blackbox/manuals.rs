//! What the manuals show is there, and was drawn from what lies beside it.

use std::{fs, path::Path};

use sha2::{Digest, Sha256};

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_picture_was_drawn_from_its_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    let entries = fs::read_dir(&folder).expect("the pictures").map(|entry| entry.expect("an entry").path());
    let texts: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    assert!(texts.len() >= 5, "{texts:?}");
    for text in texts {
        let hash: String = Sha256::digest(read(&text)).iter().map(|byte| format!("{byte:02x}")).collect();
        let picture = read(text.with_extension("svg"));
        assert!(picture.contains(&hash), "{}: run python3 docs/pictures/draw.py", text.display());
        assert!(picture.contains("prefers-color-scheme:dark") && picture.contains("<title>"));
    }
}

#[test]
fn what_the_manual_of_bridges_points_to_is_there() {
    for (manual, folder) in [("docs/bridging.md", "docs"), ("README.md", "")] {
        let text = read(manual);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let pictures = text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for target in links.chain(pictures).filter(|target| !target.starts_with("http")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file);
            assert!(file.is_empty() || path.exists(), "{manual} points to {target}");
            assert!(!file.is_empty() || headings(&text).contains(&anchor.to_owned()), "{manual} has no {target}");
        }
    }
}

/// The headings as GitHub's anchors name them.
fn headings(text: &str) -> Vec<String> {
    let titles = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| (c.is_alphanumeric() || c == ' ' || c == '-').then_some(if c == ' ' { '-' } else { c });
    titles.map(|title| title.to_lowercase().chars().filter_map(kept).collect()).collect()
}
