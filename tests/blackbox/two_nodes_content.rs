//! Content between two nodes: read by ranges, downloaded, streamed over `/content`, published, renamed and withdrawn.

use std::io::Write;

use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::{
    harness::{Api, Binding, Kind, Library, Pair, Reply, content_id, noise},
    two_nodes::finds,
};

fn bytes_of(answer: &Value) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(answer["data"].as_str().expect("data")).expect("data is base64")
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// Reads a content in steps of `step` bytes until `eof`.
async fn read_all(api: &Api, binding: Binding, id: &str, step: usize) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let input = json!({ "contentId": id, "offset": whole.len(), "length": step });
        let chunk = api.call(binding, "content.read", input).await.expect("content.read");
        assert_eq!(chunk["offset"], whole.len());
        whole.extend(bytes_of(&chunk));
        if chunk["eof"] == true {
            assert_eq!(chunk["size"], whole.len());
            return whole;
        }
        assert_eq!(whole.len() % step, 0, "only the last chunk is short");
    }
}

#[tokio::test]
async fn what_b_shares_is_read_and_downloaded_at_a_on_every_binding() {
    let pair = Pair::sharing(Library::real(8)).await;
    for (file, binding) in pair.library.files.iter().zip(Binding::ALL.into_iter().cycle()) {
        assert_eq!(read_all(&pair.a.api, binding, &file.id, 1000).await, file.bytes, "{binding:?} {}", file.name);
        let input = json!({ "contentId": file.id });
        let whole = pair.a.api.call(binding, "content.download", input).await.expect("content.download");
        assert_eq!(bytes_of(&whole), file.bytes, "{binding:?}");
        assert_eq!((&whole["name"], &whole["size"]), (&json!(file.name), &json!(file.bytes.len())), "{binding:?}");
        assert_eq!(whole["mediaType"], "text/plain", "{binding:?}");
    }
}

#[tokio::test]
async fn a_range_that_fits_no_chunk_border_is_fetched_alone() {
    let mut library = Library::empty();
    let file = library.add("big noise.bin", "noise", noise("range", 8 << 20));
    let (id, bytes) = (file.id.clone(), file.bytes.clone());
    let pair = Pair::sharing(library).await;
    for (binding, offset) in Binding::ALL.into_iter().zip([0_usize, 100_001, 4 << 20, (8 << 20) - 5]) {
        let input = json!({ "contentId": id, "offset": offset, "length": 70_000 });
        let chunk = pair.a.api.call(binding, "content.read", input).await.expect("content.read");
        let end = bytes.len().min(offset + 70_000);
        assert_eq!(bytes_of(&chunk), bytes[offset..end], "{binding:?}");
        assert_eq!((&chunk["size"], &chunk["eof"]), (&json!(bytes.len()), &json!(end == bytes.len())));
    }
    let fetched = pair.a.overlay().await["bytesIn"].as_u64().expect("bytesIn");
    assert!(fetched < 2 << 20, "four small ranges made the node fetch {fetched} bytes");
    let beyond = pair.a.api.call(Binding::Json, "content.read", json!({ "contentId": id, "offset": 9 << 20 })).await;
    match beyond {
        Ok(chunk) => assert_eq!((bytes_of(&chunk).len(), &chunk["eof"]), (0, &json!(true))),
        Err(fault) => _ = fault.assert_is(Kind::InvalidRequest).assert_names(&["offset"]),
    }
}

#[tokio::test]
async fn content_is_served_over_http_with_ranges_and_validators() {
    let mut library = Library::empty();
    let file = library.add("Crème \"brûlée\".bin", "creme", noise("http", 300_000));
    let (id, bytes) = (file.id.clone(), file.bytes.clone());
    let pair = Pair::sharing(library).await;
    let path = format!("/content/{id}");
    let get = async |headers: &[(&'static str, String)]| {
        let request = headers
            .iter()
            .fold(pair.a.api.request(Method::GET, &path), |request, (name, value)| request.header(*name, value));
        Reply::of(request).await
    };

    let head = Reply::of(pair.a.api.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "300000", 0));

    let middle = get(&[("range", "bytes=100001-100100".into())]).await;
    assert_eq!((middle.status, middle.header("content-range")), (206, "bytes 100001-100100/300000"));
    assert_eq!(middle.body, bytes[100_001..=100_100]);
    assert_eq!(get(&[("range", "bytes=299990-".into())]).await.body, bytes[299_990..]);
    let suffix = get(&[("range", "bytes=-10".into())]).await;
    assert_eq!((suffix.status, suffix.body.as_slice()), (206, &bytes[299_990..]));

    let beyond = get(&[("range", "bytes=300000-".into())]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */300000"));
    let several = get(&[("range", "bytes=0-9,20-29".into())]).await;
    match several.status {
        200 => assert_eq!(several.body, bytes),
        206 => assert_eq!(several.body, bytes[..10], "one range of several: the first"),
        other => panic!("several ranges answered {other}"),
    }
    assert_eq!(get(&[("range", "pages=1-2".into())]).await.status, 200, "an unknown unit is ignored");

    let whole = get(&[]).await;
    assert_eq!((whole.status, blake3::hash(&whole.body)), (200, blake3::hash(&bytes)));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let name = whole.header("content-disposition");
    assert!(name.contains("filename*=UTF-8''Cr%C3%A8me%20%22br%C3%BBl%C3%A9e%22.bin"), "{name}");

    let tag = whole.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    assert_eq!(head.header("etag"), tag);
    let same = get(&[("if-none-match", tag.clone())]).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(get(&[("if-none-match", "\"other\"".into())]).await.status, 200);
    let resumed = get(&[("if-range", tag), ("range", "bytes=0-0".into())]).await;
    assert_eq!((resumed.status, resumed.body.len()), (206, 1));
    let changed = get(&[("if-range", "\"other\"".into()), ("range", "bytes=0-0".into())]).await;
    assert_eq!((changed.status, changed.body.len()), (200, bytes.len()));
}

#[tokio::test]
async fn content_that_nobody_has_and_ids_that_are_none_are_problems() {
    let pair = Pair::empty().await;
    let nobody = content_id(blake3::hash(b"nobody"));
    for (id, status, kinds) in
        [(nobody.as_str(), [404, 503], ["NotFound", "Unavailable"]), ("nonsense", [400, 400], ["InvalidRequest"; 2])]
    {
        let reply = pair.a.api.get(&format!("/content/{id}")).await;
        assert!(status.contains(&reply.status), "{id}: {}", reply.status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert!(kinds.iter().any(|kind| reply.json()["kind"] == *kind), "{}", reply.text());
    }
}

#[tokio::test]
async fn what_is_published_at_a_is_found_at_b_on_every_binding() {
    let pair = Pair::empty().await;
    for (index, binding) in Binding::ALL.into_iter().enumerate() {
        let data = noise(&format!("publish {index}"), 3000);
        let input = json!({
            "name": format!("Grüße & <tags> 漢字 number{index}.txt"), "data": base64(&data), "mediaType": "text/x-note",
            "description": "a note", "tags": ["one", "two words"],
        });
        let content = pair.a.api.call(binding, "content.publish", input.clone()).await.expect("content.publish");
        assert_eq!(content["contentId"], content_id(blake3::hash(&data)), "{binding:?}");
        for field in ["name", "mediaType", "description", "tags"] {
            assert_eq!(content[field], input[field], "{binding:?} {field}");
        }
        assert_eq!((&content["size"], &content["local"]), (&json!(3000), &json!(true)), "{binding:?}");
        assert!(content["published"].as_str().is_some_and(|time| time.ends_with('Z')), "{content}");

        let hits = finds(&pair.b.api, &format!("grusse number{index}"), 1).await;
        assert_eq!((&hits[0]["contentId"], &hits[0]["tags"]), (&content["contentId"], &input["tags"]), "{binding:?}");
        let id = content["contentId"].as_str().expect("contentId");
        assert_eq!(read_all(&pair.b.api, binding, id, 1024).await, data, "{binding:?}");
    }
    let page = pair.a.api.ok("content.list", json!({ "query": "grusse", "limit": 3 })).await;
    assert_eq!(page["contents"].as_array().map(Vec::len), Some(3));
    let rest = pair.a.api.ok("content.list", json!({ "query": "grusse", "limit": 3, "after": page["next"] })).await;
    assert_eq!((rest["contents"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
}

#[tokio::test]
async fn empty_content_is_content_too() {
    let pair = Pair::empty().await;
    let content = pair.a.api.ok("content.publish", json!({ "name": "empty void.txt", "data": "" })).await;
    assert_eq!((&content["contentId"], &content["size"]), (&json!(content_id(blake3::hash(b""))), &json!(0)));
    finds(&pair.b.api, "void", 1).await;
    let id = content["contentId"].as_str().expect("contentId");
    for binding in Binding::ALL {
        assert!(read_all(&pair.b.api, binding, id, 1000).await.is_empty(), "{binding:?}");
    }
    let reply = pair.b.api.get(&format!("/content/{id}")).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
}

#[tokio::test]
async fn a_streamed_put_is_published_and_found() {
    const PARTS: usize = 40;
    let pair = Pair::empty().await;
    let part = noise("put", 512 * 1024);
    let hash = (0..PARTS).fold(blake3::Hasher::new(), |mut hasher, _| {
        hasher.write_all(&part).expect("hash");
        hasher
    });
    let parts = futures::stream::iter((0..PARTS).map(move |_| Ok::<_, std::io::Error>(part.clone())));
    let put =
        pair.a.api.request(Method::PUT, "/content?name=Stra%C3%9Fe%20streamed.bin").body(Body::wrap_stream(parts));
    let reply = Reply::of(put).await;
    assert!(matches!(reply.status, 200 | 201), "{}: {}", reply.status, reply.text());
    let content = reply.json();
    assert_eq!(content["contentId"], content_id(hash.finalize()));
    assert_eq!((&content["name"], &content["size"]), (&json!("Straße streamed.bin"), &json!(PARTS * 512 * 1024)));
    let hits = finds(&pair.b.api, "streamed", 1).await;
    let fetched = pair.b.api.get(&format!("/content/{}", hits[0]["contentId"].as_str().expect("contentId"))).await;
    assert_eq!(blake3::hash(&fetched.body), hash.finalize());
    assert_eq!(Reply::of(pair.a.api.request(Method::PUT, "/content").body("x")).await.status, 400, "name is required");
}

#[tokio::test]
async fn an_update_and_a_withdrawal_are_seen_by_the_other_node() {
    let pair = Pair::empty().await;
    for (index, binding) in Binding::ALL.into_iter().enumerate() {
        let call = async |operation: &str, input: Value| pair.b.api.call(binding, operation, input).await;
        let data = base64(&noise(&format!("update {index}"), 100));
        let content = pair.b.api.ok("content.publish", json!({ "name": format!("draft{index}"), "data": data })).await;
        let id = &content["contentId"];
        finds(&pair.a.api, &format!("draft{index}"), 1).await;

        let input = json!({ "contentId": id, "name": format!("final{index}"), "tags": ["signed"] });
        let updated = call("content.update", input).await.expect("content.update");
        assert_eq!((&updated["name"], &updated["tags"]), (&json!(format!("final{index}")), &json!(["signed"])));
        assert_eq!(
            call("content.describe", json!({ "contentId": id })).await.expect("describe")["name"],
            updated["name"]
        );
        finds(&pair.a.api, &format!("final{index} signed"), 1).await;
        finds(&pair.a.api, &format!("draft{index}"), 0).await;

        let done = call("content.unpublish", json!({ "contentId": id })).await.expect("content.unpublish");
        assert_eq!(done, json!({ "done": true }), "{binding:?}");
        finds(&pair.a.api, &format!("final{index}"), 0).await;
        let fault = call("content.describe", json!({ "contentId": id })).await.expect_err("it was withdrawn");
        fault.assert_is(Kind::NotFound);
    }
}

#[tokio::test]
async fn a_file_that_appears_in_a_shared_folder_is_found() {
    let mut pair = Pair::sharing(Library::real(2)).await;
    pair.library.add("arrived later.txt", "arrived", b"arrived later".to_vec());
    let hits = finds(&pair.a.api, "arrived", 1).await;
    assert_eq!(hits[0]["contentId"], content_id(blake3::hash(b"arrived later")));
}
