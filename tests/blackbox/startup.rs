//! A large library: hashed once, then there at once after every start. The benches measure the times; the bounds here
//! only catch a start that hashes everything again.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Library, NodeConfig};

/// Files of the library.
const FILES: u64 = 10_000;
/// From the start of the process to the whole library listed, in a debug build on a busy machine.
const RESTART_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn ten_thousand_files_are_there_at_once_after_a_restart() {
    let library = Library::empty();
    for index in 0..FILES {
        let folder = library.path().join(format!("shelf {:03}", index / 100));
        fs::create_dir_all(&folder).expect("create a folder");
        fs::write(folder.join(format!("volume{index:05}.txt")), format!("the text of volume {index}\n"))
            .expect("write a file");
    }
    let mut node = NodeConfig::new().share(library.path()).start().await;
    node.has_contents(FILES).await;

    assert!(node.terminate().await.success());
    let start = Instant::now();
    node.restart().await;
    node.has_contents(FILES).await;
    assert!(start.elapsed() < RESTART_LIMIT, "the restart took {:?}", start.elapsed());

    let found = node.api.ok("search.find", json!({ "query": "volume04711" })).await;
    assert_eq!(found["hits"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["hits"][0]["name"], "volume04711.txt");
    let page = node.api.ok("content.list", json!({ "limit": 500 })).await;
    assert_eq!(page["contents"].as_array().map(Vec::len), Some(500));
    assert!(page["next"].is_string(), "there are more");
}
