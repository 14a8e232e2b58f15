//! What the embedded store keeps of strangers and of what went wrong: in bytes, names and permissions.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use leptos_aws_s3::{
    s3::{Key, Method},
    server::{
        Visitor,
        presign::{PostPolicy, PostTarget},
    },
};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, RANGE, X_CONTENT_TYPE_OPTIONS};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    embedded_multipart::{PART, begin, put},
    embedded_slots::{SlowPart, bytes, until_there},
    support::{TestServer, by, file, send},
};

/// Bytes below the server's folder that the disk really has.
#[cfg(unix)]
fn disk_usage(server: &TestServer) -> u64 {
    use std::os::unix::fs::MetadataExt;

    server.files().iter().map(|name| server.dir().join(name).metadata().map_or(0, |file| file.blocks() * 512)).sum()
}

#[cfg(unix)]
#[tokio::test]
async fn parts_that_break_off_leave_nothing_on_the_disk() {
    let server = TestServer::start().await;
    let id = begin(&server.s3(), "a").await;
    let before = disk_usage(&server);
    for size in (0..5).map(|more| PART + more) {
        let part = SlowPart::begin(&server, "a", &id, 1, &bytes(1, size)).await;
        until_there(&server, &format!("slots.{size}")).await;
        part.break_off().await;
    }
    // Nobody is answered, and so nothing says when all is removed.
    let removed = async {
        while disk_usage(&server) > before {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), removed).await.unwrap_or_else(|_| panic!("{:?}", server.files()));
}

#[tokio::test]
async fn an_upload_has_slots_for_two_sizes_of_parts_at_the_most() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    for (number, more) in (1..).zip([0, 1, 2, 3]) {
        put(&s3, "a", &id, number, &bytes(1, PART + more)).await.unwrap();
    }
    assert_eq!(server.files().iter().filter(|name| name.contains("/slots.")).count(), 2);
}

#[tokio::test]
async fn no_slot_lies_beyond_the_largest_object() {
    let server = TestServer::start_with(&[("UPLOAD_MAX_SIZE", "12MiB")]).await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    put(&s3, "a", &id, 2, &bytes(1, PART)).await.unwrap();
    put(&s3, "a", &id, 3, &bytes(1, PART)).await.unwrap();
    let slots = server.dir().join(format!(".multipart/{id}/slots.{PART}"));
    assert_eq!(slots.metadata().unwrap().len(), 2 * PART as u64);
}

#[tokio::test]
async fn whatever_is_stored_is_served_as_a_download_that_runs_nothing() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(by(Method::Put, file("a.html", "text/html", 3))).await.unwrap();
    send(&server.http, &signed.parameters, "abc").await;
    // As one of a store of before, which was killed before it wrote attributes.
    for name in server.files().iter().filter(|name| name.ends_with(".metadata.json")) {
        std::fs::remove_file(server.dir().join(name)).unwrap();
    }
    let url: String = visit.call("object_url", json!({ "token": signed.token })).await;
    let bare = url.replace("response-content-disposition", "x");
    let response = server.http.get(&url).send().await.unwrap();
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff", "{bare}");
    assert!(response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert!(response.headers()[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
}

#[tokio::test]
async fn the_last_bytes_of_a_short_object_are_all_of_it() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    let signed = visit.sign_one(file("a.txt", "text/plain", 3)).await.unwrap();
    send(&server.http, &signed.parameters, "abc").await;
    let url: String = visit.call("object_url", json!({ "token": signed.token })).await;
    let response = server.http.get(&url).header(RANGE, "bytes=-10").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()[CONTENT_RANGE].to_str().unwrap()), (206, "bytes 0-2/3"));
    assert_eq!(response.text().await.unwrap(), "abc");
}

#[tokio::test]
async fn no_object_is_overwritten_by_a_form_either() {
    let server = TestServer::start().await;
    let form = server.service.form(&Visitor::new(), &server.url("/")).await.unwrap();
    assert_eq!(send(&server.http, &form, "abc").await.status(), 303);
    assert_eq!(send(&server.http, &form, "xyz").await.status(), 412);
    let object = server.s3().get_object().bucket("uploads").key(&form.fields["key"]).send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().to_vec(), b"abc");
}

#[cfg(unix)]
#[tokio::test]
async fn other_users_of_the_machine_read_no_uploads() {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let addr = ("EMBEDDED_S3_ADDR", "127.0.0.1:0");
    let variables = [("EMBEDDED_S3_DIR", data.to_str().unwrap()), addr];
    let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let config = leptos_aws_s3::server::Config::from_lookup(lookup).unwrap();
    let _server = leptos_aws_s3::server::Server::bind(config, ([127, 0, 0, 1], 0).into()).await.unwrap();
    assert_eq!(mode(&data), 0o700);

    // As one that somebody else has made.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let server = TestServer::start_in(dir, &[]).await;
    let s3 = server.s3();
    s3.put_object().bucket("uploads").key("folder/a").body(vec![1].into()).send().await.unwrap();
    let id = begin(&s3, "b").await;
    for seed in 0..2 {
        put(&s3, "b", &id, 1, &bytes(seed, PART)).await.unwrap();
    }
    let paths: Vec<_> = server.files().iter().map(|name| server.dir().join(name)).collect();
    assert_eq!(
        paths.len(),
        7,
        "an object and its attributes; an upload with a part, its slot and its own file: {paths:?}"
    );
    for path in paths {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for folder in ["uploads", "uploads/folder", ".multipart"] {
        assert_eq!(mode(&server.dir().join(folder)), 0o700, "{folder}");
    }
}

#[tokio::test]
async fn uploads_that_no_token_leads_to_any_more_are_ended_at_the_next_start() {
    let server = TestServer::start().await;
    let (old, new) = (begin(&server.s3(), "old").await, begin(&server.s3(), "new").await);
    let record = server.dir().join(format!(".multipart/{old}/upload.json"));
    let mut upload: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    let initiated = upload["initiated_ms"].as_u64().unwrap();
    upload["initiated_ms"] = (initiated - 8 * 24 * 3_600_000).into();
    std::fs::write(&record, upload.to_string()).unwrap();
    let server = TestServer::start_in(server.stop().await, &[]).await;
    // The first look comes with the first moment of serving.
    while server.unfinished().await.len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.unfinished().await, [new]);
}

#[tokio::test]
async fn a_part_whose_record_is_empty_can_be_sent_again() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    put(&s3, "a", &id, 1, &bytes(1, PART)).await.unwrap();
    std::fs::write(server.dir().join(format!(".multipart/{id}/00001.json")), "").unwrap();
    let listed = s3.list_parts().bucket("uploads").key("a").upload_id(&id).send().await.unwrap();
    assert_eq!(listed.parts().len(), 0);
    let part = put(&s3, "a", &id, 1, &bytes(2, PART)).await.unwrap();
    assert_eq!(crate::embedded_multipart::complete(&s3, "a", &id, &[&part]).await, None);
}

#[tokio::test]
async fn a_form_is_taken_for_as_long_as_upload_expires_says() {
    let signed_ago = async |server: &TestServer, minutes: u64| {
        let key = Key::try_from(format!("uploads/{minutes}")).unwrap();
        let policy = PostPolicy {
            bucket: server.service.bucket(),
            key: &key,
            content_length_range: 0..=10,
            fields: &[],
            target: PostTarget::Created,
        };
        let signed = SystemTime::now() - Duration::from_mins(minutes);
        let form = policy.sign_at(&server.credentials(), Duration::from_mins(60), signed);
        send(&server.http, &form, "abc").await.status().as_u16()
    };
    let server = TestServer::start_with(&[("UPLOAD_EXPIRES", "3600")]).await;
    assert_eq!(signed_ago(&server, 58).await, 201);
    assert_eq!(signed_ago(&server, 61).await, 403);
}

#[tokio::test]
async fn the_largest_object_is_smaller_than_the_call_that_completes_it() {
    let server = TestServer::start_with(&[("UPLOAD_MAX_SIZE", "100")]).await;
    let s3 = server.s3();
    let id = begin(&s3, "a").await;
    let part = put(&s3, "a", &id, 1, &bytes(1, 100)).await.unwrap();
    assert_eq!(crate::embedded_multipart::complete(&s3, "a", &id, &[&part]).await, None);
    let too_large = s3.put_object().bucket("uploads").key("b").body(vec![1; 101].into()).send().await.unwrap_err();
    assert_eq!(too_large.raw_response().unwrap().status().as_u16(), 413);
}
