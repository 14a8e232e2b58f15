use std::time::{Duration, SystemTime};

use leptos_aws_s3::{
    s3::{CreatedUpload, SignRequest, UploadToken},
    server::{
        Visitor,
        token::{Sealer, Upload},
    },
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{TestServer, Visit, file, in_parts};

const OLD: &str = "the secret of this month and long enough";

const NEW: &str = "the secret of next month and long enough";

/// Whether a server that starts with these variables lists the parts of the upload.
async fn knows(dir: TempDir, cookie: &str, token: &UploadToken, variables: &[(&str, &str)]) -> (bool, TempDir) {
    let server = TestServer::start_in(dir, variables).await;
    let visit = Visit { server: &server, cookie: cookie.to_owned() };
    let listed = visit.request("list_parts").json(&json!({ "token": token })).send().await.unwrap();
    let status = listed.status().as_u16();
    let text = listed.text().await.unwrap();
    assert!(status == 200 || (status == 403 && text.contains("TokenInvalid")), "{status}: {text}");
    (status == 200, server.stop().await)
}

#[tokio::test]
async fn an_upload_resumes_after_its_secret_was_changed_and_not_with_another_deployments_token() {
    let server = TestServer::start_with(&[("UPLOAD_SECRET", OLD)]).await;
    let visit = server.visit().await;
    let (_, token) = visit.begin(in_parts(5 << 20, file("film.mp4", "video/mp4", 6 << 20))).await;
    let cookie = visit.cookie.clone();
    let mut dir = server.stop().await;

    let both = format!("{NEW},{OLD}");
    let elsewhere = ("S3_PUBLIC_ENDPOINT", "https://staging.example.com");
    for (variables, expected) in [
        (vec![("UPLOAD_SECRET", OLD)], true),
        (vec![("UPLOAD_SECRET", both.as_str())], true),
        (vec![("UPLOAD_SECRET", NEW)], false),
        (vec![("UPLOAD_SECRET", OLD), elsewhere], false),
        (vec![("UPLOAD_SECRET", both.as_str()), elsewhere], false),
    ] {
        let (known, again) = knows(dir, &cookie, &token, &variables).await;
        assert_eq!(known, expected, "{variables:?}");
        dir = again;
    }
}

#[tokio::test]
async fn an_upload_that_is_taken_over_late_ends_with_its_reservation_and_a_new_one_a_week_from_now() {
    const DAY: Duration = Duration::from_hours(24);

    let server = TestServer::start_with(&[("UPLOAD_SECRET", OLD)]).await;
    let visit = server.visit().await;
    let visitor = Visitor::from_cookie(visit.cookie.split_once('=').unwrap().1).unwrap();
    let file = in_parts(5 << 20, file("film.mp4", "video/mp4", 6 << 20));
    let key = visit.sign_one(file.clone()).await.unwrap().parameters.fields["key"].parse().unwrap();
    // As six days ago.
    let sealer = Sealer::new(OLD.as_bytes(), 7 * DAY).bound_to("embedded http://127.0.0.1:0".to_owned());
    let upload = Upload::Reserved { key, size: 6 << 20, content_type: "video/mp4".to_owned(), part_size: 5 << 20 };
    let reserved = sealer.seal(&visitor, upload, SystemTime::now() - 6 * DAY);
    let create = async |again: bool| {
        let request = SignRequest { renew: Some(reserved.clone()), ..file.clone() };
        let created: CreatedUpload =
            visit.call("create_multipart_upload", json!({ "request": request, "again": again })).await;
        Duration::from_millis(created.expires_in_ms.unwrap())
    };
    assert_eq!(create(false).await, 7 * DAY);
    let taken_over = create(true).await;
    assert!(taken_over <= DAY && taken_over > DAY / 2, "{taken_over:?}");
}
