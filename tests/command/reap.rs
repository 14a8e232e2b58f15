use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region},
};
use serde_json::json;

use crate::support::{Scripted, Store, error, provider, run};

const PART: &[u8] = &[7; 3000];

fn client(store: &Store) -> Client {
    let variables = store.variables();
    let (key, secret) = (&variables["AWS_ACCESS_KEY_ID"], &variables["AWS_SECRET_ACCESS_KEY"]);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(key, secret, None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(&store.endpoint)
        .force_path_style(true);
    Client::from_conf(config.build())
}

async fn begin(client: &Client, key: &str, parts: i32) {
    let begun = client.create_multipart_upload().bucket("uploads").key(key).send().await.unwrap();
    let id = begun.upload_id().unwrap();
    for part in 1..=parts {
        let request = client.upload_part().bucket("uploads").key(key).upload_id(id).part_number(part);
        request.body(PART.to_vec().into()).send().await.unwrap();
    }
}

async fn unfinished(client: &Client) -> Vec<String> {
    let listed = client.list_multipart_uploads().bucket("uploads").send().await.unwrap();
    listed.uploads().iter().map(|upload| upload.key().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn unfinished_uploads_are_listed_with_their_sizes_and_aborted_only_when_asked() {
    let store = Store::start().await;
    let client = client(&store);
    begin(&client, "uploads/a/film.mp4", 2).await;
    begin(&client, "uploads/b/photo.jpg", 0).await;
    begin(&client, "elsewhere/c", 1).await;

    for variables in [store.variables(), store.embedded_variables()] {
        let listed = run(&["reap", "--older-than", "0s", "--json"], &variables).await.json();
        let uploads = listed["uploads"].as_array().unwrap();
        let mut seen: Vec<_> = uploads
            .iter()
            .map(|upload| json!([upload["key"], upload["size"]["parts"], upload["size"]["bytes"]]))
            .collect();
        seen.sort_by_key(ToString::to_string);
        assert_eq!(seen, [json!(["uploads/a/film.mp4", 2, 6000]), json!(["uploads/b/photo.jpg", 0, 0])]);
    }
    assert_eq!(unfinished(&client).await.len(), 3, "looking takes nothing away");

    let aborted = run(&["reap", "--older-than", "0s", "--yes"], &store.embedded_variables()).await;
    assert_eq!(aborted.out.matches("  aborted\n").count(), 2, "{}{}", aborted.out, aborted.err);
    assert_eq!(aborted.code, 0);
    assert_eq!(unfinished(&client).await, ["elsewhere/c"], "what is not under the prefix is not ours");
}

#[tokio::test]
async fn an_upload_that_may_still_go_on_is_left_alone() {
    let store = Store::start().await;
    let client = client(&store);
    begin(&client, "uploads/a/film.mp4", 1).await;
    let kept = run(&["reap", "--yes"], &store.variables()).await;
    let line = "Unfinished uploads under uploads/ that began 7 days ago or before: 0, with 0 bytes. Younger ones: 1.\n";
    assert_eq!((kept.out.as_str(), kept.code), (line, 0), "{}", kept.err);
    assert_eq!(unfinished(&client).await.len(), 1);

    let warned = run(&["reap", "--older-than", "0s"], &store.variables()).await;
    assert!(warned.out.contains("Some may still go on: UPLOAD_TOKEN_EXPIRES gives them 7 days."), "{}", warned.out);
    assert!(warned.out.contains("--yes"), "{}", warned.out);
}

#[tokio::test]
async fn a_store_that_neither_lists_parts_nor_aborts_is_quoted() {
    let listed = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>uploads/a</Key>\
        <UploadId>U</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>";
    let store = Scripted::start(move |line| match line {
        _ if line.starts_with("GET /photos/?uploads") => (200, listed.to_owned()),
        _ => (403, error("AccessDenied")),
    })
    .await;
    let variables = provider("custom", &[("S3_ENDPOINT", &store.endpoint())]);
    let failed = run(&["reap", "--yes"], &variables).await;
    let said = "AbortMultipartUpload was answered with 403 AccessDenied: said so.";
    assert!(failed.out.contains("of unknown size  uploads/a"), "{}", failed.out);
    assert!(failed.out.contains(said), "{}{}", failed.out, failed.err);
    assert_eq!(failed.code, 1);
}

#[tokio::test]
async fn what_a_store_lists_besides_what_was_asked_for_is_left_alone_also_if_it_never_ends() {
    let upload = |key: &str| {
        format!(
            "<Upload><Key>{key}</Key><UploadId>U</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>"
        )
    };
    let uploads = upload("other/b") + &upload("uploads/a&#10;&#x9b;2J");
    let listed = format!(
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>x</NextKeyMarker>\
         <NextUploadIdMarker>y</NextUploadIdMarker>{uploads}</ListMultipartUploadsResult>"
    );
    let store = Scripted::start(move |line| match line {
        _ if line.starts_with("GET /photos/?uploads") => (200, listed.clone()),
        _ => (204, String::new()),
    })
    .await;
    let variables = provider("custom", &[("S3_ENDPOINT", &store.endpoint())]);
    let reaped = run(&["reap", "--yes"], &variables).await;
    assert!(reaped.out.contains("ago or before: 1,"), "{}{}", reaped.out, reaped.err);
    assert!(reaped.out.contains("uploads/a \u{fffd}2J  aborted"), "{}{}", reaped.out, reaped.err);
    assert_eq!(store.heard("GET /photos/?uploads").len(), 2);
    assert!(store.heard("DELETE").iter().all(|heard| heard.line.contains("/uploads/a")), "{:?}", store.heard("DELETE"));
}

#[tokio::test]
async fn a_time_has_a_unit() {
    let refused = run(&["reap", "--older-than", "7"], &provider("custom", &[])).await;
    assert!(refused.err.contains("`7` is not a time like 7d, 12h, 30m or 90s"), "{}", refused.err);
}
