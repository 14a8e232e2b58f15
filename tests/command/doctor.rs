use std::time::{Duration, SystemTime};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName},
    response::{IntoResponse, Response},
};
use leptos_aws_s3::server::{
    Config,
    command::{Outcome, Report, cors::CorsOptions, doctor},
};

use crate::support::{PAGE, Run, Store, Variables, run, serve};

/// What the embedded store can show; and that it has no lifecycle rules.
const CHECKS: [(&str, Outcome); 21] = [
    ("store", Outcome::Pass),
    ("clock", Outcome::Pass),
    ("credentials", Outcome::Pass),
    ("region", Outcome::Pass),
    ("bucket", Outcome::Pass),
    ("preflight PUT http://localhost:3000", Outcome::Pass),
    ("preflight part http://localhost:3000", Outcome::Pass),
    ("preflight POST http://localhost:3000", Outcome::Pass),
    ("presigned PUT", Outcome::Pass),
    ("ETag exposed", Outcome::Pass),
    ("If-None-Match honoured", Outcome::Pass),
    ("wrong signature refused", Outcome::Pass),
    ("wrong length refused", Outcome::Pass),
    ("wrong type refused", Outcome::Pass),
    ("wrong checksum refused", Outcome::Pass),
    ("POST form", Outcome::Pass),
    ("oversized POST refused", Outcome::Pass),
    ("multipart create", Outcome::Pass),
    ("multipart part", Outcome::Pass),
    ("multipart complete", Outcome::Pass),
    ("multipart abort", Outcome::Pass),
];

fn read(variables: &Variables) -> Config {
    Config::from_lookup(|name| variables.get(name).cloned()).unwrap()
}

async fn doctor_json(variables: &Variables) -> (Run, serde_json::Value) {
    let run = run(&["doctor", "--json"], variables).await;
    let json = run.json();
    (run, json)
}

/// The one thing that keeps uploads from working, with what to do.
fn cause(json: &serde_json::Value) -> (String, String, String) {
    let findings = json["findings"].as_array().unwrap();
    let failed: Vec<_> = findings.iter().filter(|finding| finding["vital"] == true).collect();
    assert_eq!(failed.len(), 1, "{json:#}");
    let text = |name: &str| failed[0][name].as_str().unwrap().to_owned();
    (text("check"), text("detail"), text("remedy"))
}

#[tokio::test]
async fn the_embedded_store_passes_all_that_it_can_and_is_left_as_it_was() {
    let store = Store::start().await;
    let mut variables = store.embedded_variables();
    variables.insert("UPLOAD_ORIGINS", PAGE.to_owned());
    variables.insert("UPLOAD_ALLOWED_TYPES", "image/png".to_owned());
    let (run, json) = doctor_json(&variables).await;
    let findings = json["findings"].as_array().unwrap();
    let seen: Vec<_> =
        findings.iter().map(|finding| (finding["check"].as_str().unwrap(), &finding["outcome"])).collect();
    for (check, outcome) in CHECKS {
        let outcome = serde_json::to_value(outcome).unwrap();
        assert!(seen.contains(&(check, &outcome)), "{check}: {json:#}");
    }
    let others = ["lifecycle rule", "clean-up"];
    assert_eq!(seen.len(), CHECKS.len() + others.len(), "{json:#}");
    assert!(seen.contains(&("lifecycle rule", &"unknown".into())), "{json:#}");
    assert!(seen.contains(&("clean-up", &"pass".into())), "{json:#}");
    assert_eq!((run.code, &json["uploads_work"]), (0, &true.into()));
    assert_eq!(store.files(), Vec::<String>::new(), "nothing stays");
}

#[tokio::test]
async fn a_person_gets_a_table_with_the_remedy_below_each_failure() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.insert("UPLOAD_ORIGINS", "https://elsewhere.example".to_owned());
    let run = run(&["doctor"], &variables).await;
    assert!(run.out.contains("\npass     presigned PUT "), "{}", run.out);
    let preflight = run.out.split("\nFAIL     preflight PUT https://elsewhere.example ").nth(1).unwrap();
    let remedy = preflight.lines().nth(1).unwrap().trim();
    assert!(remedy.starts_with("-> Run `leptos-aws-s3 cors apply`"), "{}", run.out);
    assert_eq!(run.code, 1);
    assert_eq!(store.files(), Vec::<String>::new(), "nothing stays");
}

#[tokio::test]
async fn a_wrong_secret_is_named() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.insert("AWS_SECRET_ACCESS_KEY", "another".to_owned());
    let (run, json) = doctor_json(&variables).await;
    let (check, _, remedy) = cause(&json);
    assert_eq!(check, "credentials");
    assert_eq!(remedy, "AWS_SECRET_ACCESS_KEY is not the one that belongs to AWS_ACCESS_KEY_ID.");
    assert_eq!(run.code, 1);
}

#[tokio::test]
async fn a_key_that_the_store_does_not_know_is_named() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.insert("AWS_ACCESS_KEY_ID", "another".to_owned());
    let (check, _, remedy) = cause(&doctor_json(&variables).await.1);
    assert_eq!(check, "credentials");
    assert!(remedy.starts_with("The store does not know AWS_ACCESS_KEY_ID"), "{remedy}");
}

#[tokio::test]
async fn no_keys_at_all_are_named() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.retain(|name, _| !name.starts_with("AWS_"));
    variables.insert("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    let (check, _, remedy) = cause(&doctor_json(&variables).await.1);
    assert_eq!(check, "credentials");
    assert!(remedy.starts_with("Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{remedy}");
}

#[tokio::test]
async fn another_region_is_named_and_so_is_the_right_one() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.insert("S3_REGION", "eu-central-1".to_owned());
    let (check, detail, remedy) = cause(&doctor_json(&variables).await.1);
    assert_eq!(check, "region");
    assert!(detail.starts_with("The bucket is not in eu-central-1."), "{detail}");
    assert_eq!(remedy, "Set S3_REGION=us-east-1.");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let store = Store::start().await;
    let mut variables = store.variables();
    variables.insert("S3_BUCKET", "another".to_owned());
    let (check, detail, remedy) = cause(&doctor_json(&variables).await.1);
    assert_eq!(check, "bucket");
    assert!(detail.starts_with("There is no bucket another."), "{detail}");
    assert!(remedy.contains("S3_BUCKET"), "{remedy}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_named() {
    let store = Store::start().await;
    let mut variables = store.variables();
    // Nothing listens there.
    variables.insert("S3_ENDPOINT", "http://127.0.0.1:1".to_owned());
    let (check, detail, remedy) = cause(&doctor_json(&variables).await.1);
    assert_eq!(check, "store");
    assert!(detail.starts_with("127.0.0.1:1 gave no answer: "), "{detail}");
    assert!(remedy.contains("S3_ENDPOINT"), "{remedy}");
}

#[tokio::test]
async fn a_port_that_another_program_has_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    let addr = taken.local_addr().unwrap().to_string();
    let variables = [("EMBEDDED_S3_ADDR", addr), ("EMBEDDED_S3_DIR", path)].into();
    let (check, detail, _) = cause(&doctor_json(&variables).await.1);
    assert_eq!(check, "store");
    assert!(detail.contains("is taken by another program") && detail.contains("EMBEDDED_S3_ADDR"), "{detail}");
}

/// The report of a machine whose clock is off.
async fn at(store: &Store, now: SystemTime) -> Report {
    doctor(read(&store.embedded_variables()), &CorsOptions::default(), now).await
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_is_named_and_nothing_else() {
    let store = Store::start().await;
    // The store's header has whole seconds.
    let hour = Duration::from_hours(1) + Duration::from_secs(5);
    for (now, expected) in [
        (SystemTime::now() - hour, "This machine's clock is 1 hour behind the store's."),
        (SystemTime::now() + hour, "This machine's clock is 1 hour ahead of the store's."),
    ] {
        let report = at(&store, now).await;
        let vital: Vec<_> = report.findings.iter().filter(|finding| finding.vital).collect();
        assert_eq!(vital.len(), 1, "{report}");
        assert_eq!(vital[0].check, "clock");
        assert!(vital[0].detail.starts_with(expected), "{}", vital[0].detail);
        assert!(vital[0].remedy.as_ref().unwrap().contains("timedatectl set-ntp true"));
        assert!(!report.uploads_work());
    }
}

#[tokio::test]
async fn a_clock_that_is_five_minutes_off_keeps_nobody_from_uploading() {
    let store = Store::start().await;
    let report = at(&store, SystemTime::now() - Duration::from_mins(5)).await;
    assert_eq!(report.finding("clock").unwrap().outcome, Outcome::Fail, "{report}");
    assert_eq!(report.finding("presigned PUT").unwrap().outcome, Outcome::Pass, "{report}");
    assert!(report.uploads_work());
}

/// A store behind a proxy that takes these headers away, as a careless one does.
async fn behind_proxy(store: &Store, drops: &'static [&'static str]) -> Variables {
    let endpoint = store.endpoint.clone();
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let router =
        Router::new().fallback(move |request: Request| forward(http.clone(), endpoint.clone(), drops, request));
    let addr = serve(router).await;
    let mut variables = store.variables();
    variables.insert("S3_PUBLIC_ENDPOINT", format!("http://{addr}"));
    variables
}

async fn forward(
    http: reqwest::Client,
    endpoint: String,
    drops: &'static [&'static str],
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let url = format!("{endpoint}{}", parts.uri);
    let answer = http.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    remove(&mut headers, drops);
    (status, headers, answer.bytes().await.unwrap()).into_response()
}

fn remove(headers: &mut HeaderMap, names: &'static [&'static str]) {
    for name in names {
        headers.remove(HeaderName::from_static(name));
    }
}

/// The signatures name the proxy's host, and it passes the host on.
#[tokio::test]
async fn an_etag_that_pages_may_not_read_is_amiss_and_uploads_work() {
    let store = Store::start().await;
    let variables = behind_proxy(&store, &["access-control-expose-headers"]).await;
    let (run, json) = doctor_json(&variables).await;
    let findings = json["findings"].as_array().unwrap();
    let etag = findings.iter().find(|finding| finding["check"] == "ETag exposed").unwrap();
    assert_eq!(etag["outcome"], "fail", "{json:#}");
    assert!(etag["remedy"].as_str().unwrap().contains("ExposeHeader ETag"), "{etag}");
    assert_eq!((run.code, &json["uploads_work"]), (0, &true.into()), "{json:#}");
}

#[tokio::test]
async fn an_answer_to_a_form_without_a_readable_etag_is_named_where_uppy_may_wait_for_it() {
    const CHECK: &str = "ETag of a form exposed";

    let store = Store::start().await;
    let page = ("COMPANION_ORIGINS", PAGE.to_owned());
    let of_form = |json: &serde_json::Value| {
        let findings = json["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == CHECK).cloned()
    };
    let mut own = store.embedded_variables();
    own.extend([page.clone()]);
    assert_eq!(of_form(&doctor_json(&own).await.1).unwrap()["outcome"], "pass");

    for (dropped, seen) in [(&["etag"], "gets no ETag"), (&["access-control-expose-headers"], "may not read the ETag")]
    {
        let mut variables = behind_proxy(&store, dropped).await;
        variables.insert("S3_CHECKSUM", "sha256".to_owned());
        assert_eq!(of_form(&doctor_json(&variables).await.1), None, "this page does without");
        variables.extend([page.clone()]);
        let (run, json) = doctor_json(&variables).await;
        let finding = of_form(&json).unwrap();
        assert_eq!(finding["outcome"], "fail", "{json:#}");
        assert!(finding["detail"].as_str().unwrap().contains(seen), "{finding}");
        assert!(finding["remedy"].as_str().unwrap().contains("`shouldUseMultipart: true`"), "{finding}");
        assert_eq!((run.code, &json["uploads_work"]), (0, &true.into()), "{json:#}");
    }
    assert_eq!(store.files(), Vec::<String>::new(), "nothing stays");
}

#[tokio::test]
async fn no_cors_is_named_for_each_kind_of_request() {
    let store = Store::start().await;
    let variables = behind_proxy(&store, &["access-control-allow-origin"]).await;
    let (run, json) = doctor_json(&variables).await;
    let findings = json["findings"].as_array().unwrap();
    let vital: Vec<_> = findings.iter().filter(|finding| finding["vital"] == true).collect();
    let checks: Vec<_> = vital.iter().map(|finding| finding["check"].as_str().unwrap()).collect();
    assert_eq!(checks, ["preflight PUT http://localhost:3000", "preflight part http://localhost:3000"]);
    assert!(vital[0]["detail"].as_str().unwrap().contains("no Access-Control-Allow-Origin"), "{json:#}");
    assert_eq!(run.code, 1);
}
