//! `share`: publishes files, streamed to the node.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use futures::StreamExt;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use walkdir::WalkDir;

use super::{
    Remote,
    client::Client,
    failure::Failure,
    output, progress,
    table::{Align, Table},
    units,
};
use crate::model::Content;

const EXAMPLES: &str = "\
Examples:
  peergate share minutes.txt --tag minutes --tag 2026 --description 'What was decided'
  peergate share ./reports --json

The node keeps a copy of what is published this way. To share a folder in place, without a copy, run
`peergate serve --share FOLDER`. Within a folder hidden files and links are left out.";

/// Most files of one command; a larger library is better shared in place.
const MAX_FILES: usize = 100_000;
/// Bytes that are read from a file at a time.
const READ: usize = 256 << 10;

/// Publishes files, and the files within folders.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Share {
    /// The files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A word to find it by; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A sentence about it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Another name than the file's, for a single file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Share {
    /// Publishes one file after the other; those before one that fails stay published.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        let files = files(&self.paths)?;
        if self.name.is_some() && files.len() != 1 {
            return Err(Failure::Usage(format!("--name is for one file, and these are {}", files.len())).into());
        }
        if files.is_empty() {
            return Err(Failure::Nothing("there are no files in that folder".to_owned()).into());
        }
        let mut contents = Vec::new();
        for file in &files {
            match self.publish(&client, file).await {
                Ok(content) => contents.push(content),
                Err(error) => {
                    self.print(&contents)?;
                    return Err(error);
                }
            }
        }
        self.print(&contents)
    }

    async fn publish(&self, client: &Client, path: &Path) -> anyhow::Result<Content> {
        let file = tokio::fs::File::open(path).await.with_context(|| format!("{} cannot be read", path.display()))?;
        let length = file.metadata().await?.len();
        let own_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = self.name.as_deref().unwrap_or(&own_name);
        let bar = progress::bar(name, length);
        let counter = bar.clone();
        // What is appended while it is read would be beyond the announced length.
        let bytes = ReaderStream::with_capacity(file.take(length), READ)
            .inspect(move |part| counter.inc(part.as_ref().map_or(0, |part| part.len() as u64)));
        let tags = self.tags.iter().map(|tag| ("tags", tag.as_str()));
        let description = self.description.iter().map(|text| ("description", text.as_str()));
        let query: Vec<_> = [("name", name)].into_iter().chain(description).chain(tags).collect();
        let content = client.publish(&query, length, reqwest::Body::wrap_stream(bytes)).await?;
        bar.finish_and_clear();
        Ok(content)
    }

    fn print(&self, contents: &[Content]) -> anyhow::Result<()> {
        if self.remote.json {
            return output::json(&serde_json::json!({ "contents": contents }));
        }
        if !contents.is_empty() {
            table(contents).print()?;
        }
        Ok(())
    }
}

/// Contents as a table.
pub fn table<C: std::borrow::Borrow<Content>>(contents: impl IntoIterator<Item = C>) -> Table {
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("SIZE", Align::Right),
        ("TYPE", Align::Left),
        ("TAGS", Align::Left),
        ("CONTENT ID", Align::Left),
    ]);
    for content in contents {
        let content = content.borrow();
        table.row([
            content.name.clone(),
            units::size(content.size),
            content.media_type.clone(),
            content.tags.join(","),
            content.content_id.to_string(),
        ]);
    }
    table
}

/// The files that the paths name and hold.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let visible =
            |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
        for entry in WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
            let entry = entry.map_err(|error| Failure::Usage(error.to_string()))?;
            // A link that is named outright is meant; one that is met in a folder could lead anywhere.
            let is_file = if entry.depth() == 0 { path.is_file() } else { entry.file_type().is_file() };
            if is_file {
                files.push(entry.into_path());
            }
            if files.len() > MAX_FILES {
                let way = "share the folder in place with `peergate serve --share`";
                return Err(Failure::Usage(format!("more than {MAX_FILES} files; {way}")).into());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_shared_without_what_hides_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("sub/.git")).unwrap();
        for name in ["b", "sub/a", "sub/.git/config", ".hidden"] {
            std::fs::write(path(name), name).unwrap();
        }
        assert_eq!(files(&[folder.path().to_owned()]).unwrap(), [path("b"), path("sub/a")]);
        assert_eq!(files(&[path(".hidden")]).unwrap(), [path(".hidden")]);
        assert!(files(&[path("missing")]).is_err());
    }
}
