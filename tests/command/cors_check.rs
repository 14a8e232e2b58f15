use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
};
use serde_json::Value;
use tower_http::cors::CorsLayer;

use crate::support::{PAGE, Run, Store, Variables, error, run, serve};

fn finding<'a>(json: &'a Value, check: &str) -> &'a Value {
    let findings = json["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check} is not in {json:#}"))
}

async fn check(variables: &Variables) -> Run {
    run(&["cors", "check", "--json"], variables).await
}

#[tokio::test]
async fn the_page_may_upload_to_the_embedded_store_of_a_server_that_runs() {
    let store = Store::start().await;
    let run = check(&store.embedded_variables()).await;
    let json = run.json();
    for what in ["preflight PUT", "preflight part", "preflight POST"] {
        for origin in ["http://localhost:3000", "http://127.0.0.1:3000"] {
            assert_eq!(finding(&json, &format!("{what} {origin}"))["outcome"], "pass", "{json:#}");
        }
    }
    assert_eq!(finding(&json, "ETag exposed")["outcome"], "pass");
    assert_eq!((run.code, &json["uploads_work"]), (0, &true.into()));
    assert_eq!(store.files(), Vec::<String>::new(), "nothing stays");
}

#[tokio::test]
async fn an_embedded_store_that_no_server_runs_is_opened_for_the_while() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    let run = check(&[("EMBEDDED_S3_DIR", path), ("EMBEDDED_S3_ADDR", "127.0.0.1:0".to_owned())].into()).await;
    assert_eq!(run.json()["uploads_work"], true, "{}", run.err);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_all_that_is_named() {
    let store = Store::start().await;
    let mut variables = store.variables();
    // Nothing listens there.
    variables.insert("S3_ENDPOINT", "http://127.0.0.1:1".to_owned());
    let run = check(&variables).await;
    let findings = run.json()["findings"].as_array().unwrap().clone();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((&findings[0]["check"], &findings[0]["outcome"]), (&"store".into(), &"fail".into()));
    assert!(findings[0]["remedy"].as_str().unwrap().contains("S3_ENDPOINT"));
    assert_eq!(run.code, 1);
}

#[tokio::test]
async fn a_page_that_no_rule_names_is_told_so() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.insert("UPLOAD_ORIGINS", "https://elsewhere.example".to_owned());
    let run = check(&variables).await;
    let json = run.json();
    let put = finding(&json, "preflight PUT https://elsewhere.example");
    let detail = put["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("No rule of the bucket has AllowedOrigin https://elsewhere.example for PUT."),
        "{detail}"
    );
    assert!(put["remedy"].as_str().unwrap().contains("leptos-aws-s3 cors apply"));
    assert_eq!(finding(&json, "ETag exposed")["outcome"], "fail");
    assert_eq!((run.code, &json["uploads_work"]), (1, &false.into()));
}

/// A bucket with rules, though without anything in it.
async fn with_rules(rules: CorsLayer) -> Variables {
    let router = Router::new().fallback(|| async { (axum::http::StatusCode::NOT_FOUND, error("NoSuchBucket")) });
    let endpoint = format!("http://{}", serve(router.layer(rules)).await);
    let variables = [
        ("S3_BUCKET", "uploads"),
        ("S3_ENDPOINT", &endpoint),
        ("AWS_ACCESS_KEY_ID", "AK"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("UPLOAD_ORIGINS", PAGE),
    ];
    variables.map(|(name, value)| (name, value.to_owned())).into()
}

fn rules() -> CorsLayer {
    CorsLayer::new().allow_origin(HeaderValue::from_static(PAGE))
}

async fn detail(rules: CorsLayer, what: &str) -> String {
    let json = check(&with_rules(rules).await).await.json();
    finding(&json, &format!("preflight {what} {PAGE}"))["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rule_that_lets_only_read_needs_the_method() {
    let detail = detail(rules().allow_methods([Method::GET]), "PUT").await;
    assert!(
        detail.starts_with("http://localhost:3000 may read, but not PUT: its rule needs AllowedMethod PUT."),
        "{detail}"
    );
}

#[tokio::test]
async fn headers_that_are_not_allowed_are_named_and_no_others() {
    let allowed = [header::CONTENT_TYPE, HeaderName::from_static("x-amz-checksum-sha256")];
    let rules = rules().allow_methods([Method::PUT]).allow_headers(allowed);
    let detail = detail(rules, "PUT").await;
    assert!(detail.contains("its rule needs AllowedHeader content-disposition, content-md5."), "{detail}");
}
