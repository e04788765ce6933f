//! The command line from outside: what it prints for scripts, what it writes, and how it ends.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::{
    harness::{Library, Node, NodeConfig, Pair, noise},
    two_nodes::finds,
};

/// How long a verb may take, the demo included.
const VERB_LIMIT: Duration = Duration::from_secs(60);

/// Exit codes as `peergate --help` lists them.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NO_NODE: i32 = 3;
const NOTHING: i32 = 4;

/// Runs the program to its end in `folder`, with the verbs directed at `url`.
async fn peergate_at<S: AsRef<OsStr>>(url: &str, folder: &Path, arguments: &[S]) -> Output {
    let mut command = Command::new(Node::program());
    command.args(arguments).env("PEERGATE_URL", url).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let ended = timeout(VERB_LIMIT, command.output()).await;
    ended.expect("the verb does not end").expect("run the program")
}

async fn peergate<S: AsRef<OsStr>>(node: &Node, folder: &Path, arguments: &[S]) -> Output {
    peergate_at(&node.api.url("/xmlrpc"), folder, arguments).await
}

/// Asserts the exit code; shows what was printed when it differs.
#[track_caller]
fn assert_code(output: &Output, code: i32) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(code), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

#[track_caller]
fn printed_json(output: &Output) -> Value {
    assert_code(output, 0);
    serde_json::from_slice(&output.stdout).expect("standard output is one JSON document")
}

#[tokio::test]
async fn what_is_shared_at_b_is_searched_and_got_at_a() {
    let pair = Pair::sharing(Library::real(5)).await;
    let folder = TempDir::new().expect("temporary folder");
    let file = &pair.library.files[3];
    finds(&pair.a.api, &file.word, 1).await;
    let found = printed_json(&peergate(&pair.a, folder.path(), &["search", &file.word, "--json"]).await);
    assert_eq!(found["hits"][0]["contentId"], file.id, "{found}");

    let target = folder.path().join("got.txt");
    assert_code(&peergate(&pair.a, folder.path(), &["get", &file.id, "-o", "got.txt"]).await, 0);
    assert_eq!(fs::read(&target).expect("get wrote the file"), file.bytes);
    let again = peergate(&pair.a, folder.path(), &["get", &file.id, "-o", "got.txt"]).await;
    assert_code(&again, USAGE);
    let piped = peergate(&pair.a, folder.path(), &["get", &file.word, "-o", "-"]).await;
    assert_code(&piped, 0);
    assert_eq!(piped.stdout, file.bytes, "standard output holds the content and nothing else");
}

#[tokio::test]
async fn a_name_that_would_leave_the_folder_is_made_safe() {
    let node = NodeConfig::new().start().await;
    let outer = TempDir::new().expect("temporary folder");
    let folder = outer.path().join("inner");
    fs::create_dir(&folder).expect("create a folder");
    let input = serde_json::json!({ "name": "../escaped hostile.txt", "data": "AAEC" });
    let content = node.api.ok("content.publish", input).await;
    let id = content["contentId"].as_str().expect("contentId");
    assert_code(&peergate(&node, &folder, &["get", id]).await, 0);
    let entries = |folder: &Path| fs::read_dir(folder).expect("list the folder").count();
    assert_eq!((entries(&folder), entries(outer.path())), (1, 1));
}

#[tokio::test]
async fn every_verb_prints_json_for_scripts() {
    let pair = Pair::sharing(Library::real(2)).await;
    let folder = TempDir::new().expect("temporary folder");
    let note = folder.path().join("shared by hand.bin");
    fs::write(&note, noise("by hand", 200_000)).expect("write a file");
    let note = note.to_str().expect("the path is text");
    assert_code(&peergate(&pair.a, folder.path(), &["share", note]).await, 0);
    finds(&pair.b.api, "shared hand", 1).await;

    let list = printed_json(&peergate(&pair.a, folder.path(), &["list", "--json"]).await);
    assert!(list.to_string().contains("shared by hand.bin"), "{list}");
    let peers = printed_json(&peergate(&pair.a, folder.path(), &["peers", "--json"]).await);
    assert!(peers.to_string().contains(pair.b.peer_id()), "{peers}");
    printed_json(&peergate(&pair.a, folder.path(), &["transfers", "--json"]).await);
    let info = printed_json(&peergate(&pair.a, folder.path(), &["call", "node.info"]).await);
    assert_eq!(info["peerId"], pair.a.peer_id());
    let found = printed_json(&peergate(&pair.a, folder.path(), &["call", "search.find", "--query", "paper*"]).await);
    assert_eq!(found["hits"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn exit_codes_tell_the_outcomes_apart() {
    let node = NodeConfig::new().start().await;
    let folder = TempDir::new().expect("temporary folder");
    let run = async |arguments: &[&str]| peergate(&node, folder.path(), arguments).await;
    assert_code(&run(&["--help"]).await, 0);
    assert_code(&run(&["--version"]).await, 0);
    assert_code(&run(&["frobnicate"]).await, USAGE);
    assert_code(&run(&["search"]).await, USAGE);
    assert_code(&run(&["search", "x", "--frobnicate"]).await, USAGE);
    assert_code(&run(&["call", "search.find", "--frobnicate", "x"]).await, USAGE);
    assert_code(&run(&["call", "search.find", "--query", "x", "--limit", "201"]).await, USAGE);
    assert_code(&run(&["call", "search.find", "--query=-x"]).await, FAILED);
    assert_code(&run(&["call", "transfer.status", "--transferId", "nothing"]).await, NOTHING);
    let nobody = peergate_at("http://127.0.0.1:1/xmlrpc", folder.path(), &["list"]).await;
    assert_code(&nobody, NO_NODE);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("127.0.0.1:1"));
}

#[tokio::test]
async fn a_configuration_key_that_is_unknown_is_refused_by_name() {
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("peergate.toml");
    let overlay = "[[overlay]]\nname = \"home\"\nkind = \"native\"\n";
    let cases = [
        ("data_dri = \"x\"\n".to_owned(), "data_dri"),
        ("[http]\nlissten = \"127.0.0.1:0\"\n".to_owned(), "lissten"),
        ("[limits]\nxml_deph = 3\n".to_owned(), "xml_deph"),
        (format!("{overlay}bootstrp = []\n"), "bootstrp"),
        ("[http]\nlisten = \"nowhere\"\n".to_owned(), "listen"),
        (overlay.replace("native", "telepathy"), "telepathy"),
        ("this is no toml".to_owned(), "peergate.toml"),
    ];
    for (text, named) in cases {
        fs::write(&file, &text).expect("write the configuration");
        let data_dir = folder.path().join("data");
        let arguments = [
            OsStr::new("serve"),
            OsStr::new("--config"),
            file.as_os_str(),
            OsStr::new("--data-dir"),
            data_dir.as_os_str(),
        ];
        let output = peergate_at("", folder.path(), &arguments).await;
        assert_ne!(output.status.code(), Some(0), "{text}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(named), "{text} is refused without naming {named}: {message}");
    }
}

#[tokio::test]
async fn the_environment_overrides_the_file_and_flags_override_both() {
    let folder = TempDir::new().expect("temporary folder");
    let output = timeout(VERB_LIMIT, async {
        let mut command = Command::new(Node::program());
        command.args(["serve", "--data-dir"]).arg(folder.path().join("data")).args(["--http", "nowhere:at:all"]);
        command.env("PEERGATE__HTTP__LISTEN", "127.0.0.1:0").stdin(Stdio::null()).kill_on_drop(true);
        command.output().await.expect("run the program")
    });
    let output = output.await.expect("a flag that cannot be is refused at once, so it was the flag that counted");
    assert_ne!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere:at:all"));
}

/// Runs the demo on a library, with an environment of its own, and answers what it said; nothing of it is left.
async fn demo(changed: &[(&str, &OsStr)]) -> String {
    let library = Library::real(12);
    let scratch = TempDir::new().expect("temporary folder");
    let mut command = Command::new(Node::program());
    command.arg("demo").arg("--share").arg(library.path()).env("TMPDIR", scratch.path());
    command.envs(changed.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(VERB_LIMIT, command.output()).await.expect("the demo ends").expect("run the program");
    assert_code(&output, 0);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(fs::read_dir(scratch.path()).expect("list the folder").count(), 0, "it leaves files behind");
    let ports = text.split("http://127.0.0.1:").skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let ports: std::collections::BTreeSet<u16> = ports.filter_map(|port| port?.parse().ok()).collect();
    assert!(ports.len() >= 5, "five nodes at least: {ports:?}");
    for port in ports {
        let open = std::net::TcpStream::connect(("127.0.0.1", port));
        assert!(open.is_err(), "something still listens on {port}");
    }
    text
}

#[tokio::test]
async fn the_demo_gets_what_lies_beyond_a_bridge_and_leaves_nothing_behind() {
    let text = demo(&[]).await;
    for word in ["curl", "/xmlrpc", "/soap", "Python", "PHP", "via", "tag:internal", "✓ red-1 does not", "✓ all equal"]
    {
        assert!(text.contains(word), "the demo never says {word}:\n{text}");
    }
}

#[tokio::test]
async fn the_demo_leaves_the_catalogue_out_where_there_is_no_python() {
    let text = demo(&[("PATH", OsStr::new("/nonexistent"))]).await;
    for word in ["no python3 here", "✓ all equal", "✓ red-1 does not"] {
        assert!(text.contains(word), "the demo never says {word}:\n{text}");
    }
}
