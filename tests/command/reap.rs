use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region},
};
use leptos_aws_s3::server::{
    Config,
    command::{
        Connection,
        reap::{ReapOptions, reap},
    },
};
use serde_json::json;

use crate::support::{Scripted, Store, error, provider, run};

const PART: &[u8] = &[7; 3000];

/// Ids as the server makes them.
const A: &str = "abcdefghijklmnopqrstuvwxyz";

const B: &str = "234567abcdefghijklmnopqrst";

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
    let (film, photo) = (format!("uploads/{A}/film.mp4"), format!("uploads/{B}"));
    begin(&client, &film, 2).await;
    begin(&client, &photo, 0).await;
    begin(&client, "elsewhere/c", 1).await;

    for variables in [store.variables(), store.embedded_variables()] {
        let listed = run(&["reap", "--older-than", "0s", "--json"], &variables).await.json();
        let uploads = listed["uploads"].as_array().unwrap();
        let mut seen: Vec<_> = uploads
            .iter()
            .map(|upload| json!([upload["key"], upload["size"]["parts"], upload["size"]["bytes"]]))
            .collect();
        seen.sort_by_key(ToString::to_string);
        assert_eq!(seen, [json!([photo, 0, 0]), json!([film, 2, 6000])]);
    }
    assert_eq!(unfinished(&client).await.len(), 3, "looking takes nothing away");

    let aborted = run(&["reap", "--older-than", "0s", "--yes"], &store.embedded_variables()).await;
    assert_eq!(aborted.out.matches("  aborted\n").count(), 2, "{}{}", aborted.out, aborted.err);
    assert_eq!(aborted.code, 0);
    assert_eq!(unfinished(&client).await, ["elsewhere/c"], "what is not under the prefix is not ours");
}

#[tokio::test]
async fn uploads_of_other_applications_under_the_same_prefix_are_left_alone() {
    let store = Store::start().await;
    let client = client(&store);
    let theirs = ["uploads/backup.tar", "uploads/0e37df36-f698-11e6-8dd4-cb9ced3df976/a.txt"];
    for key in theirs.into_iter().chain([format!("uploads/{A}/film.mp4").as_str()]) {
        begin(&client, key, 1).await;
    }
    let reaped = run(&["reap", "--older-than", "0s", "--yes"], &store.variables()).await;
    assert_eq!(reaped.out.matches("  aborted\n").count(), 1, "{}{}", reaped.out, reaped.err);
    let left = "Left alone, since this server did not make their keys: 2.\n";
    assert!(reaped.out.contains(left), "{}", reaped.out);
    let mut unfinished_now = unfinished(&client).await;
    unfinished_now.sort_by_key(|key| theirs.iter().position(|theirs| theirs == key));
    assert_eq!(unfinished_now, theirs);

    let asked = run(&["reap", "--older-than", "0s", "--any-key", "--yes", "--json"], &store.variables()).await.json();
    assert_eq!((asked["uploads"].as_array().unwrap().len(), &asked["others"]), (2, &0.into()));
    assert_eq!(unfinished(&client).await, Vec::<String>::new());
}

#[tokio::test]
async fn where_the_prefix_is_empty_nothing_is_aborted_before_somebody_says_whole_bucket() {
    let store = Store::start().await;
    let client = client(&store);
    let own = format!("{A}/film.mp4");
    begin(&client, &own, 1).await;
    begin(&client, "theirs", 1).await;
    let mut variables = store.variables();
    variables.insert("UPLOAD_PREFIX", "/".to_owned());
    let listed = run(&["reap", "--older-than", "0s", "--json"], &variables).await.json();
    assert_eq!((&listed["uploads"][0]["key"], &listed["others"]), (&own.as_str().into(), &1.into()));

    for arguments in [&["reap", "--older-than", "0s", "--yes"][..], &["reap", "--any-key", "--yes"]] {
        let refused = run(arguments, &variables).await;
        assert!(refused.err.contains("Set UPLOAD_PREFIX, or say --whole-bucket."), "{}{}", refused.out, refused.err);
        assert_eq!((refused.code, unfinished(&client).await.len()), (1, 2));
    }
    let reaped = run(&["reap", "--older-than", "0s", "--yes", "--whole-bucket"], &variables).await;
    assert_eq!((reaped.code, unfinished(&client).await), (0, vec!["theirs".to_owned()]), "{}", reaped.out);
}

#[tokio::test]
async fn the_stores_clock_says_how_old_an_upload_is() {
    let store = Store::start().await;
    let client = client(&store);
    begin(&client, &format!("uploads/{A}/film.mp4"), 1).await;
    let variables = store.embedded_variables();
    let config = Config::from_lookup(|name| variables.get(name).cloned()).unwrap();
    let connection = Connection::open(config).await.unwrap();
    let options = ReapOptions { abort: true, ..ReapOptions::default() };
    let month_ahead = SystemTime::now() + Duration::from_hours(30 * 24);
    let reaped = reap(&connection, options, month_ahead).await.unwrap();
    assert_eq!((reaped.uploads.len(), reaped.younger), (0, 1), "{reaped}");
    assert_eq!(unfinished(&client).await.len(), 1);
}

#[tokio::test]
async fn an_upload_that_may_still_go_on_is_left_alone() {
    let store = Store::start().await;
    let client = client(&store);
    begin(&client, &format!("uploads/{A}/film.mp4"), 1).await;
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
    let listed = format!(
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>uploads/{A}/a</Key>\
         <UploadId>U</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>"
    );
    let store = Scripted::start(move |line| match line {
        _ if line.starts_with("GET /photos/?uploads") => (200, listed.clone()),
        _ => (403, error("AccessDenied")),
    })
    .await;
    let variables = provider("custom", &[("S3_ENDPOINT", &store.endpoint())]);
    let failed = run(&["reap", "--yes"], &variables).await;
    let said = "AbortMultipartUpload was answered with 403 AccessDenied: said so.";
    assert!(failed.out.contains(&format!("of unknown size  uploads/{A}/a")), "{}", failed.out);
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
    let uploads = upload(&format!("other/{B}")) + &upload(&format!("uploads/{A}/a&#10;&#x9b;2J"));
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
    assert!(reaped.out.contains(&format!("uploads/{A}/a \u{fffd}2J  aborted")), "{}{}", reaped.out, reaped.err);
    assert_eq!(store.heard("GET /photos/?uploads").len(), 2);
    assert!(
        store.heard("DELETE").iter().all(|heard| heard.line.contains(&format!("/uploads/{A}/a"))),
        "{:?}",
        store.heard("DELETE")
    );
}

#[tokio::test]
async fn a_time_has_a_unit() {
    let refused = run(&["reap", "--older-than", "7"], &provider("custom", &[])).await;
    assert!(refused.err.contains("`7` is not a time like 7d, 12h, 30m or 90s"), "{}", refused.err);
}
