use leptos_aws_s3::server::{
    Config, UploadService, Visitor,
    command::cors::{CorsOptions, CorsRules},
};
use leptos_aws_s3::{
    s3::{Checksum, ChecksumAlgorithm, FileInfo, Method, SignRequest},
    server::{config::StoreConfig, embedded::EmbeddedStore},
};
use serde_json::json;

use crate::support::{Variables, provider, run};

const ORIGIN: [&str; 2] = ["--origin", "https://my-app.com"];

#[tokio::test]
async fn the_readme_shows_the_rules_that_are_printed() {
    let variables = provider("aws", &[("S3_REGION", "eu-central-1")]);
    let printed = run(&["cors", "print", "--origin", "https://my-app.com"], &variables).await;
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(&format!("```xml\n{}```", printed.out)), "{}{}", printed.out, printed.err);
    assert_eq!(printed.code, 0);
}

#[tokio::test]
async fn consoles_get_json() {
    let variables = provider("r2", &[("S3_ACCOUNT", "acme")]);
    let printed = run(&["cors", "print", "--json"], &variables).await;
    let rule = json!({
        "AllowedOrigins": ["https://my-app.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["content-type", "content-disposition", "if-none-match", "x-amz-checksum-sha256"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3000,
    });
    assert_eq!(printed.json(), json!([rule]));
}

#[tokio::test]
async fn the_argument_comes_before_the_variable_and_the_variable_before_this_machine() {
    let origins = async |arguments: &[&str], variables: &Variables| {
        let printed = run(&[&["cors", "print", "--json"], arguments].concat(), variables).await;
        printed.json()[0]["AllowedOrigins"].clone()
    };
    let mut variables: Variables = [("UPLOAD_ORIGINS", "https://a.example, https://b.example/".to_owned())].into();
    assert_eq!(origins(&ORIGIN, &variables).await, json!(["https://my-app.com"]));
    assert_eq!(origins(&[], &variables).await, json!(["https://a.example", "https://b.example"]));
    variables.clear();
    assert_eq!(origins(&[], &variables).await, json!(["http://localhost:3000", "http://127.0.0.1:3000"]));
}

#[tokio::test]
async fn what_is_no_origin_is_refused_in_words() {
    let refused = run(&["cors", "print", "--origin", "my-app.com"], &Variables::new()).await;
    assert!(refused.err.contains("`my-app.com` is not an origin like https://my-app.com"), "{}", refused.err);
    let refused = run(&["cors", "print"], &[("UPLOAD_ORIGINS", "*".to_owned())].into()).await;
    assert!(refused.err.contains("UPLOAD_ORIGINS: `*` is not an origin"), "{}", refused.err);
    assert_eq!(refused.code, 2);
}

/// The headers that browsers will have to send are those of what the server signs.
#[tokio::test]
async fn every_header_that_the_server_signs_is_allowed() {
    for algorithm in [ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Md5] {
        let dir = tempfile::tempdir().unwrap();
        let lookup = |name: &str| match name {
            "EMBEDDED_S3_DIR" => Some(dir.path().to_str().unwrap().to_owned()),
            "EMBEDDED_S3_ADDR" => Some("127.0.0.1:0".to_owned()),
            "S3_CHECKSUM" => Some(algorithm.name().to_owned()),
            "UPLOAD_META" => Some("note".to_owned()),
            "UPLOAD_CACHE_CONTROL" => Some("private".to_owned()),
            _ => None,
        };
        let config = Config::from_lookup(lookup).unwrap();
        let StoreConfig::Embedded(embedded) = &config.store else { unreachable!("no other is set") };
        let store = EmbeddedStore::open(embedded, config.site_addr(), Vec::new()).await.unwrap().store();
        let rules = CorsRules::new(&config, &CorsOptions { meta: true, ..CorsOptions::default() });
        let service = UploadService::new(config, store, &[7; 32]);
        let file = FileInfo { name: "a.txt".into(), size: 1, meta: [("note", "x")].into(), ..FileInfo::default() };
        let value = match algorithm {
            ChecksumAlgorithm::Sha256 => "A".repeat(43) + "=",
            ChecksumAlgorithm::Md5 => "A".repeat(22) + "==",
        };
        let checksum = Some(Checksum { algorithm, value });
        let request = SignRequest { file, method: Some(Method::Put), checksum, ..SignRequest::default() };
        let signed = service.sign(&Visitor::new(), vec![request]).await.remove(0).unwrap();
        let names: Vec<_> = signed.parameters.headers.iter().map(|(name, _)| name).collect();
        assert!(
            names.contains(&algorithm.header())
                && names.contains(&"x-amz-meta-note")
                && names.contains(&"cache-control"),
            "{names:?}"
        );
        for name in names {
            let allowed = &rules.0[0].allowed_headers;
            let is_allowed = allowed.iter().any(|allowed| match allowed.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == allowed,
            });
            assert!(is_allowed, "{name} is not in {allowed:?}");
        }
    }
}
