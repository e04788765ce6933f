//! One node as a process of its own, from its start to its end, `kill -9` and restart included.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::LazyLock,
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Api, NodeConfig, eventually, within};

/// From the start of the process until every listener is up.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How much of a failed node's log is shown.
const LOG_SHOWN: u64 = 16 * 1024;

/// What the ready file holds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    http_address: String,
    peer_id: String,
    overlays: std::collections::BTreeMap<String, Vec<String>>,
}

/// A running node. Its folder and its process end with the value; when the test fails, its log is shown.
pub struct Node {
    config: NodeConfig,
    folder: TempDir,
    process: Child,
    ready: Ready,
    /// A caller of this node; replaced at a restart, since the port changes.
    pub api: Api,
}

impl Node {
    /// The program under test.
    pub fn program() -> &'static str {
        env!("CARGO_BIN_EXE_peergate")
    }

    pub(super) async fn start(config: NodeConfig) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let data_dir = folder.path().join("data");
        fs::create_dir(&data_dir).expect("create the data folder");
        fs::write(folder.path().join("peergate.toml"), config.render(&data_dir)).expect("write the configuration");
        config.write_tokens(folder.path());
        let mut process = spawn(&config, folder.path());
        let ready = wait_until_ready(&mut process, folder.path()).await;
        let api = Api::new(&ready.http_address);
        Self { config, folder, process, ready, api }
    }

    /// The node's own folder: configuration, ready file, log and, below it, the data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("peergate.toml")
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub fn peer_id(&self) -> &str {
        &self.ready.peer_id
    }

    /// Where its native overlay can be dialled, with `/p2p/`.
    pub fn addresses(&self) -> &[String] {
        self.addresses_in(&self.config.native)
    }

    /// Where an overlay of it can be dialled, with `/p2p/`.
    pub fn addresses_in(&self, overlay: &str) -> &[String] {
        &self.ready.overlays[overlay]
    }

    /// Ends the process at once, as a power cut does.
    pub fn kill(&mut self) {
        self.process.kill().expect("kill the node");
        self.process.wait().expect("reap the node");
    }

    /// Asks the process to end and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        // The standard library sends no signal but KILL; the shell's own `kill` is there everywhere.
        let kill = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.process.id())).status();
        assert!(kill.expect("run sh").success());
        let process = &mut self.process;
        eventually("the node ends after SIGTERM", async || process.try_wait().expect("wait for the node")).await
    }

    /// Starts the node again on its own data folder, after [`Node::kill`] or [`Node::terminate`].
    pub async fn restart(&mut self) {
        self.process = spawn(&self.config, self.folder.path());
        self.ready = wait_until_ready(&mut self.process, self.folder.path()).await;
        self.api = Api::new(&self.ready.http_address);
    }

    /// Waits until the node lists so many contents of its own.
    pub async fn has_contents(&self, count: u64) {
        within(Duration::from_secs(180), &format!("node.stats counts {count} contents"), async || {
            let stats = self.api.ok("node.stats", json!({})).await;
            (stats["contents"].as_u64() >= Some(count)).then_some(())
        })
        .await;
    }

    /// The counters of the overlay `home`.
    pub async fn overlay(&self) -> Value {
        self.api.ok("overlay.list", json!({})).await["overlays"][0].clone()
    }

    /// What the node wrote to its standard error so far, at most the last few kilobytes.
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("---- log of node {}\n{}", self.ready.peer_id, self.log());
        }
    }
}

fn spawn(config: &NodeConfig, folder: &Path) -> Child {
    let ready_file = folder.join("ready.json");
    let _ = fs::remove_file(&ready_file);
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("open the log");
    let mut command = match config.disk_mib {
        Some(size) => small_disk(size, &folder.join("data")).expect("ask small_disk_works first"),
        None => Command::new(Node::program()),
    };
    command.arg("serve").arg("--config").arg(folder.join("peergate.toml")).arg("--ready-file").arg(ready_file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().expect("start the node")
}

async fn wait_until_ready(process: &mut Child, folder: &Path) -> Ready {
    let file = folder.join("ready.json");
    within(START_LIMIT, "the ready file is written", async || {
        if let Some(status) = process.try_wait().expect("wait for the node") {
            panic!("the node ended with {status} before it was ready:\n{}", read_log(folder));
        }
        // A file that is there but not whole yet is looked at again.
        serde_json::from_slice(&fs::read(&file).ok()?).ok()
    })
    .await
}

fn read_log(folder: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(folder.join("log")) {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let _ = file.seek(SeekFrom::Start(size.saturating_sub(LOG_SHOWN)));
        let _ = file.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The way to a mount namespace of one's own, where this machine and user have one.
static NAMESPACE: LazyLock<Option<&[&str]>> = LazyLock::new(|| {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    ways.into_iter().find(|way| {
        let folder = TempDir::new().expect("temporary folder");
        let trial =
            Command::new("unshare").args(*way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(folder.path()).output();
        trial.is_ok_and(|output| output.status.success())
    })
});

/// The program on a small disk: a tmpfs at `mount_point` that only the process sees and that ends with it, so nothing
/// is left to unmount. `exec` keeps the process id the one that was started. None where mounting is not permitted.
fn small_disk(mib: u32, mount_point: &Path) -> Option<Command> {
    let way = (*NAMESPACE)?;
    let script = r#"mount -t tmpfs -o size="$1"m tmpfs "$2" && shift 2 && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(way).args(["--propagation", "private", "sh", "-c", script, "small-disk"]);
    command.arg(mib.to_string()).arg(mount_point).arg(Node::program());
    Some(command)
}

/// Whether [`NodeConfig::disk_mib`] works on this machine.
pub fn small_disk_works() -> bool {
    NAMESPACE.is_some()
}
