//! What a binding takes to write a page of 20 hits, to read one, and to carry bytes as base64.
//!
//! Throughput counts the bytes of the document. The encoders are measured through the same public functions that the
//! bindings use, with the record that searches answer most.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use peergate::{
    binding::{
        json,
        soap::{self, Version},
        xmlrpc::{self, Dialect},
    },
    model::{ContentId, Data, Hit, Limits, Time},
    operation::search::SearchResult,
};
use serde::Serialize;

/// Hits in a page.
const HITS: u64 = 20;
/// Bytes carried as base64.
const DATA: usize = 1 << 20;

fn page() -> SearchResult {
    let hit = |i: u64| Hit {
        content_id: ContentId::native([i as u8; 32]),
        name: format!("debian-12.{i}.0-amd64-netinst.iso"),
        size: 659_554_304 * (i + 1),
        media_type: "application/x-iso9660-image".into(),
        description: Some("The network installation image of Debian for 64-bit PCs".into()),
        tags: vec!["debian".into(), "linux".into()],
        modified: Some(Time::from_millis(1_795_330_195_120)),
        overlay: "home".into(),
        providers: 3,
        score: 12.75 / (i + 1) as f64,
        via: Vec::new(),
    };
    SearchResult {
        hits: (0..HITS).map(|i| Arc::new(hit(i))).collect(),
        complete: true,
        elapsed_ms: 12,
        outcomes: vec![],
    }
}

fn xmlrpc_answer(output: &impl Serialize) -> String {
    xmlrpc::encode::response(output, Dialect::default()).unwrap()
}

fn soap_answer(output: &impl Serialize) -> String {
    soap::encode_response(Version::V11, "SearchFind", output).unwrap()
}

fn encode(criterion: &mut Criterion) {
    let page = page();
    let mut group = criterion.benchmark_group("encode 20 hits");
    group.throughput(Throughput::Bytes(xmlrpc_answer(&page).len() as u64));
    group.bench_function("xmlrpc", |bench| bench.iter(|| xmlrpc_answer(black_box(&page))));
    group.throughput(Throughput::Bytes(soap_answer(&page).len() as u64));
    group.bench_function("soap", |bench| bench.iter(|| soap_answer(black_box(&page))));
    group.throughput(Throughput::Bytes(json::encode(&page).unwrap().len() as u64));
    group.bench_function("json", |bench| bench.iter(|| json::encode(black_box(&page)).unwrap()));
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let (page, limits) = (page(), Limits::default());
    let mut group = criterion.benchmark_group("decode 20 hits");
    let document = xmlrpc_answer(&page);
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("xmlrpc", |bench| {
        bench.iter(|| xmlrpc::decode_response::<SearchResult>(black_box(document.as_bytes()), &limits).unwrap());
    });
    let document = soap_answer(&page);
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("soap", |bench| {
        bench.iter(|| soap::decode_response::<SearchResult>(black_box(document.as_bytes()), &limits).unwrap());
    });
    let document = json::encode(&page).unwrap();
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("json", |bench| {
        bench.iter(|| serde_json::from_slice::<SearchResult>(black_box(&document)).unwrap());
    });
    group.finish();
}

fn base64(criterion: &mut Criterion) {
    let data = Data(vec![7; DATA].into());
    let mut group = criterion.benchmark_group("1 MiB of bytes");
    group.throughput(Throughput::Bytes(DATA as u64));
    group.bench_function("xmlrpc encode", |bench| bench.iter(|| xmlrpc_answer(black_box(&data))));
    group.bench_function("soap encode", |bench| bench.iter(|| soap_answer(black_box(&data))));
    let document = xmlrpc_answer(&data);
    let limits = Limits::default();
    group.bench_function("xmlrpc decode", |bench| {
        bench.iter(|| xmlrpc::decode_response::<Data>(black_box(document.as_bytes()), &limits).unwrap());
    });
    group.finish();
}

criterion_group!(benches, encode, decode, base64);
criterion_main!(benches);
