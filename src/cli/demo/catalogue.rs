//! The legacy system of the demo: the catalogue of the manual, in Python, a process of its own that is no peer.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// The whole of it, as `docs/bridging.md` shows it.
const PROGRAM: &str = include_str!("../../../docs/legacy_catalogue.py");
/// How long Python may take to start.
const PATIENCE: Duration = Duration::from_secs(15);
/// What it holds: records of a harbour office, by number.
const ENTRIES: [(&str, &str); 3] = [
    ("harbour chart 1987.txt", "sounding"),
    ("harbour log 1991.txt", "entry"),
    ("harbour tides 1994.txt", "high water"),
];
/// Lines of each, so that its bytes take several calls of none but the first group.
const LINES: usize = 2_000;

/// A running catalogue.
pub struct Catalogue {
    /// Where it answers.
    pub url: String,
    child: Child,
}

/// An entry that is looked for.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// The words that find it.
    pub words: &'static str,
    /// The hash of its file.
    pub hash: blake3::Hash,
}

impl Catalogue {
    /// Starts it on files of its own below `scratch`; none where there is no Python that can run it.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn start(scratch: &Path) -> anyhow::Result<Option<(Self, Entry)>> {
        let Some(python) = interpreter().await else { return Ok(None) };
        let folder = scratch.join("archive");
        fs::create_dir_all(&folder)?;
        for (name, what) in ENTRIES {
            let lines: Vec<_> =
                (1..=LINES).map(|line| format!("{line:04}  {what} no. {}\n", line * 7 % 1993)).collect();
            fs::write(folder.join(name), lines.concat())?;
        }
        let program = scratch.join("legacy_catalogue.py");
        fs::write(&program, PROGRAM)?;
        let mut command = Command::new(python);
        command.arg("-B").arg(&program).arg(&folder).arg("0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("Python cannot be started")?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            let read = timeout(PATIENCE, BufReader::new(output).read_line(&mut url)).await;
            read.context("Python does not start")??;
        }
        let url = url.trim().to_owned();
        let (name, words) = (ENTRIES[1].0, "harbour log");
        let hash = blake3::hash(&fs::read(folder.join(name))?);
        Ok((!url.is_empty()).then_some((Self { url, child }, Entry { name, words, hash })))
    }

    /// Entries that it holds.
    pub fn count() -> usize {
        ENTRIES.len()
    }

    /// Ends it and waits until it is gone.
    pub async fn end(&mut self) {
        // An error says that it is gone already.
        let _ = self.child.kill().await;
    }
}

/// The interpreter itself: what is on the path may be a script that starts it, and would leave it behind.
async fn interpreter() -> Option<String> {
    let mut command = Command::new("python3");
    command.args(["-c", "import sys, xmlrpc.server; print(sys.executable)"]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !path.is_empty()).then_some(path)
}
