//! What a binding takes to write a page of 20 hits, to read one or a large answer, and to carry bytes as base64.
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
/// Hits in a large answer.
const MANY_HITS: u64 = 2_000;
/// Bytes carried as base64.
const DATA: [usize; 2] = [1 << 20, 32 << 20];

fn page(hits: u64) -> SearchResult {
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
        hits: (0..hits).map(|i| Arc::new(hit(i))).collect(),
        complete: true,
        elapsed_ms: 12,
        outcomes: vec![],
    }
}

fn xmlrpc_answer(output: &impl Serialize) -> Vec<u8> {
    xmlrpc::encode::response(output, Dialect::default()).unwrap().into_bytes()
}

fn soap_answer(output: &impl Serialize) -> String {
    soap::encode_response(Version::V11, "SearchFind", output).unwrap()
}

fn encode(criterion: &mut Criterion) {
    let page = page(HITS);
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
    for hits in [HITS, MANY_HITS] {
        decode_hits(criterion, hits);
    }
}

fn decode_hits(criterion: &mut Criterion, hits: u64) {
    let (page, limits) = (page(hits), Limits::default());
    let mut group = criterion.benchmark_group(format!("decode {hits} hits"));
    let document = xmlrpc_answer(&page);
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("xmlrpc", |bench| {
        bench.iter(|| xmlrpc::decode_response::<SearchResult>(black_box(&document), &limits).unwrap());
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
    for bytes in DATA {
        base64_of(criterion, bytes);
    }
}

fn base64_of(criterion: &mut Criterion, bytes: usize) {
    let data = Data(vec![7; bytes].into());
    let mut group = criterion.benchmark_group(format!("{} MiB of bytes", bytes >> 20));
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("xmlrpc encode", |bench| bench.iter(|| xmlrpc_answer(black_box(&data))));
    group.bench_function("soap encode", |bench| bench.iter(|| soap_answer(black_box(&data))));
    let document = xmlrpc_answer(&data);
    let limits = Limits::default();
    group.bench_function("xmlrpc decode", |bench| {
        bench.iter(|| xmlrpc::decode_response::<Data>(black_box(&document), &limits).unwrap());
    });
    group.finish();
}

criterion_group!(benches, encode, decode, base64);
criterion_main!(benches);
