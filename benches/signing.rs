//! Signatures in process: what one core does in a second.

use std::{hint::black_box, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use leptos_aws_s3::{
    s3::{FileInfo, Key, Method, SignRequest, content_disposition},
    server::{
        Config, UploadService, Visitor,
        presign::{Bucket, PostPolicy, PostTarget, PutObject},
        provider::{AWS, Addressing},
        service::Store,
    },
};
use tokio::runtime::Runtime;

const BATCH: usize = 100;

fn credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "bench")
}

fn bucket() -> Bucket {
    let endpoint = "https://s3.eu-central-1.amazonaws.com".parse().expect("an endpoint");
    Bucket::new(&endpoint, Addressing::VirtualHosted, "photos".into(), "eu-central-1".into())
}

fn key() -> Key {
    Key::for_upload("uploads/", "abcdefghijklmnopqrstuvwxyz", "IMG 2024-05-01 (1).jpeg", 1024)
}

fn signatures(criterion: &mut Criterion) {
    let (bucket, credentials, key) = (bucket(), credentials(), key());
    let disposition = content_disposition(key.file_name());
    let expires_in = Duration::from_mins(15);
    let mut group = criterion.benchmark_group("signature");
    group.throughput(Throughput::Elements(1));
    let headers = [("content-type", "image/jpeg"), ("content-disposition", &disposition), ("if-none-match", "*")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    group.bench_function("PUT", |bencher| {
        let put = PutObject { bucket: &bucket, key: &key, content_length: 4_000_000, headers: &headers };
        bencher.iter(|| black_box(&put).sign(&credentials, expires_in));
    });
    group.bench_function("POST policy", |bencher| {
        let policy = PostPolicy {
            bucket: &bucket,
            key: &key,
            content_length_range: 4_000_000..=4_000_000,
            fields: &headers[..2],
            target: PostTarget::Created,
        };
        bencher.iter(|| black_box(&policy).sign(&credentials, expires_in));
    });
    group.finish();
}

/// What a call of the page costs: limits, key, token and signature of each file.
fn batches(criterion: &mut Criterion) {
    let variables = [("S3_BUCKET", "photos"), ("S3_REGION", "eu-central-1")];
    let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    let config = Config::from_lookup(lookup).expect("a configuration");
    let endpoint = "https://s3.eu-central-1.amazonaws.com".parse().expect("an endpoint");
    let provider = SharedCredentialsProvider::new(credentials());
    let store = Store::new(&AWS, bucket(), &endpoint, Addressing::VirtualHosted, provider);
    let service = UploadService::new(config, store, b"a secret of at least 32 characters");
    let runtime = Runtime::new().expect("a runtime");
    let visitor = Visitor::new();
    let mut group = criterion.benchmark_group("batch of 100");
    group.throughput(Throughput::Elements(BATCH as u64));
    for method in [Method::Put, Method::Post] {
        let file = FileInfo {
            name: "IMG 2024-05-01 (1).jpeg".into(),
            size: 4_000_000,
            content_type: "image/jpeg".into(),
            ..FileInfo::default()
        };
        let requests = vec![SignRequest { file, method: Some(method), ..SignRequest::default() }; BATCH];
        group.bench_function(method.as_str(), |bencher| {
            bencher.iter(|| runtime.block_on(service.sign(&visitor, requests.clone())));
        });
    }
    group.finish();
}

criterion_group!(benches, signatures, batches);
criterion_main!(benches);
