//! The engine alone, with a driver that answers at once: what one file, or one part, costs besides its transfer.

use std::{collections::VecDeque, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use leptos_aws_s3::{
    engine::{Engine, Input, Instant, Options, Output, Response, Status},
    s3::{CreatedUpload, FileInfo, Object, PartPlan, SignedUpload, UploadParameters, UploadToken},
};

const PART_SIZE: u64 = 5 << 20;

/// Twice the files must take twice the time: a scan of all files for each event would take four times.
fn files(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine, files");
    for files in [1_000, 10_000] {
        group.throughput(Throughput::Elements(files));
        group.bench_with_input(BenchmarkId::from_parameter(files), &files, |bencher, files| {
            bencher.iter(|| complete_all(*files, 1));
        });
    }
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine, parts of one file");
    for parts in [1_000, 10_000] {
        group.throughput(Throughput::Elements(parts));
        group.bench_with_input(BenchmarkId::from_parameter(parts), &parts, |bencher, parts| {
            bencher.iter(|| complete_all(1, *parts));
        });
    }
    group.finish();
}

/// Uploads so many files of so many parts, six requests at a time.
fn complete_all(files: u64, parts: u64) {
    let mut engine = Engine::new(Options { limit: 6, ..Options::default() });
    let size = parts * PART_SIZE;
    let plan = (parts > 1).then(|| PartPlan::new(size, PART_SIZE).expect("parts of the smallest size"));
    for _ in 0..files {
        engine.add_file(FileInfo { size, ..FileInfo::default() }, plan);
    }
    let mut now = Instant::from_millis(1);
    engine.upload(now);
    let mut inputs = VecDeque::new();
    loop {
        while let Some(output) = engine.poll_output() {
            inputs.extend(answer(&output, size));
        }
        let Some(input) = inputs.pop_front() else { break };
        now = Instant::from_millis(now.as_millis() + 1);
        engine.handle_input(input, now);
    }
    assert!(black_box(&engine).files().all(|file| file.status() == Status::Complete), "every file completes");
}

/// What a server and a store in good health answer.
fn answer(output: &Output, size: u64) -> Option<Input> {
    Some(match output {
        Output::Sign { call, files } => {
            Input::Signed { call: *call, results: files.iter().map(|_| Ok(signed())).collect() }
        }
        Output::SignParts { call, parts, .. } => {
            Input::Signed { call: *call, results: parts.iter().map(|_| Ok(signed())).collect() }
        }
        Output::Create { call, .. } => {
            let created = CreatedUpload { token: UploadToken::new("created".into()), expires_in_ms: None };
            Input::Created { call: *call, result: Ok(created) }
        }
        Output::Send { request, .. } => {
            Input::Response { request: *request, response: Response { status: 200, ..Response::default() } }
        }
        Output::Confirm { call, .. } | Output::Complete { call, .. } => {
            let key = "uploads/key".parse().expect("a key");
            let object = Object { key, size, etag: None, verified: None, location: None };
            Input::Confirmed { call: *call, result: Ok(object) }
        }
        _ => return None,
    })
}

fn signed() -> SignedUpload {
    let parameters = UploadParameters { url: "https://b.example/key?X-Amz-Signature=1".into(), ..Default::default() };
    SignedUpload { parameters, token: Some(UploadToken::new("signed".into())), expires_in_ms: None }
}

criterion_group!(benches, files, parts);
criterion_main!(benches);
