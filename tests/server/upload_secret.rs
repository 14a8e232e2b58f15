use leptos_aws_s3::s3::UploadToken;
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
