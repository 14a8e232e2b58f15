//! Whatever a page sends: the server answers in words, and signs nothing that its limits forbid.

use std::sync::OnceLock;

use leptos_aws_s3::s3::{Checksum, ChecksumAlgorithm, FileInfo, Meta, Method, SignRequest, SignedUpload, UploadToken};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::TestServer;

const MAX_SIZE: u64 = 1000;
const FUNCTIONS: [&str; 8] = [
    "sign_uploads",
    "create_multipart_upload",
    "sign_parts",
    "list_parts",
    "complete_upload",
    "confirm_upload",
    "object_url",
    "discard_upload",
];

const NAMES: [&str; 10] =
    ["files", "file", "request", "token", "parts", "part", "checksums", "checksum", "name", "size"];

/// One server for all cases: each only asks.
fn shared() -> &'static (Runtime, TestServer) {
    static SHARED: OnceLock<(Runtime, TestServer)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let limits = [
            ("UPLOAD_MAX_SIZE", "1kB"),
            ("UPLOAD_ALLOWED_TYPES", "image/*,.csv"),
            ("UPLOAD_META", "*"),
            ("UPLOAD_KEY_NAME", "true"),
        ];
        let server = runtime.block_on(TestServer::start_with(&limits));
        (runtime, server)
    })
}

/// Text in which what matters to paths, headers and forms is likelier than in any.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,4}",
        prop::sample::select(
            &[
                "../",
                "/",
                "\\",
                "\0",
                "\r\n",
                "\"",
                ";",
                "%2e",
                ".csv",
                "image/png",
                "${filename}",
                "\u{202e}",
                "é",
                "x-amz-"
            ][..]
        )
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn any_checksum() -> impl Strategy<Value = Checksum> {
    let algorithm = prop_oneof![Just(ChecksumAlgorithm::Sha256), Just(ChecksumAlgorithm::Md5)];
    (algorithm, awkward()).prop_map(|(algorithm, value)| Checksum { algorithm, value })
}

fn any_request() -> impl Strategy<Value = SignRequest> {
    let content_type = prop_oneof![Just("image/png".to_owned()), Just("text/csv".to_owned()), awkward()];
    let meta = prop::collection::btree_map(awkward(), awkward(), 0..3);
    let meta = meta.prop_map(|meta| meta.into_iter().collect::<Vec<_>>());
    let size = prop_oneof![0..2 * MAX_SIZE, any::<u64>()];
    let file = (awkward(), content_type, size, meta);
    let method = prop_oneof![Just(Method::Put), Just(Method::Post)];
    let part_size = prop::option::of(prop_oneof![Just(5 << 20), any::<u64>()]);
    (file, prop::option::of(method), part_size, prop::option::of(any_checksum())).prop_map(
        |((name, content_type, size, meta), method, part_size, checksum)| {
            let meta = meta.iter().fold(Meta::default(), |mut all, (name, value)| {
                all.insert(name, value);
                all
            });
            let file = FileInfo { name, size, content_type, meta };
            SignRequest { file, method, part_size, checksum, ..SignRequest::default() }
        },
    )
}

/// A file that every limit allows, under any name and with any metadata that S3 takes.
fn allowed_request() -> impl Strategy<Value = SignRequest> {
    let checksum = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=";
    let checksum =
        prop::option::of(checksum.prop_map(|value| Checksum { algorithm: ChecksumAlgorithm::Sha256, value }));
    let method = prop::option::of(prop_oneof![Just(Method::Put), Just(Method::Post)]);
    (awkward(), 0..=MAX_SIZE, "[a-z]{1,8}", awkward(), method, checksum).prop_map(
        |(name, size, field, value, method, checksum)| {
            let meta = Meta::from([(field.as_str(), value)]);
            let file = FileInfo { name, size, content_type: "image/png".into(), meta };
            SignRequest { file, method, checksum, ..SignRequest::default() }
        },
    )
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        awkward().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(&NAMES[..]), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    })
}

fn assert_within_limits(request: &SignRequest, signed: &SignedUpload) {
    let SignRequest { file, .. } = request;
    assert!(file.size <= MAX_SIZE, "{request:?}");
    let parameters = &signed.parameters;
    let stored = parameters.headers.get("content-type").or_else(|| parameters.fields.get("Content-Type"));
    let is_image = stored.unwrap_or(&file.content_type).starts_with("image/");
    assert!(is_image || file.name.to_lowercase().ends_with(".csv"), "{request:?}");
    let key = &parameters.fields["key"];
    assert!(key.starts_with("uploads/") && key.split('/').count() == 3, "{key:?}");
    assert!(key.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{key:?}");
    for (name, value) in parameters.headers.iter() {
        assert!(
            !name.is_empty() && name.bytes().chain(value.bytes()).all(|byte| (b' '..=b'~').contains(&byte)),
            "{name}: {value:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_signed_is_within_the_limits(requests in prop::collection::vec(any_request(), 1..5)) {
        let (runtime, server) = shared();
        runtime.block_on(async {
            let signed = server.visit().await.sign(&requests).await;
            assert_eq!(signed.len(), requests.len());
            for (request, signed) in requests.iter().zip(&signed) {
                if let Ok(signed) = signed {
                    assert_within_limits(request, signed);
                }
            }
        });
    }

    #[test]
    fn what_every_limit_allows_is_signed_whatever_its_name(requests in prop::collection::vec(allowed_request(), 1..5)) {
        let (runtime, server) = shared();
        runtime.block_on(async {
            let signed = server.visit().await.sign(&requests).await;
            assert_eq!(signed.len(), requests.len());
            for (request, signed) in requests.iter().zip(signed) {
                assert_within_limits(request, &signed.unwrap_or_else(|refusal| panic!("{refusal:?}: {request:?}")));
            }
        });
    }

    #[test]
    fn no_arguments_make_a_function_fail_or_sign(
        function in prop::sample::select(&FUNCTIONS[..]),
        body in prop_oneof![any_json().prop_map(|json| json.to_string()), any::<String>()],
        token in awkward().prop_map(UploadToken::new),
        arguments in any_json(),
    ) {
        let (runtime, server) = shared();
        runtime.block_on(async {
            let visit = server.visit().await;
            let named = json!({
                "token": token, "parts": arguments, "checksums": arguments, "files": arguments, "request": arguments, "again": false,
            });
            for body in [body, named.to_string()] {
                let response = visit.request(function).body(body.clone()).send().await.unwrap();
                let (status, text) = (response.status(), response.text().await.unwrap());
                assert!(status.is_client_error() || text == "[]", "{function} {body}: {status} {text}");
                assert!(!text.to_lowercase().contains("x-amz-signature"), "{text}");
            }
        });
    }
}
