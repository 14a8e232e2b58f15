//! Temporary credentials for clients of Companion's protocol: what STS is asked for, and what becomes of its answer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::StatusCode};
use futures::future::join_all;
use reqwest::header::{CACHE_CONTROL, ORIGIN};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time};

use crate::{
    companion::ORIGINS,
    support::{router_for, serve},
};

const ROLE: &str = "arn:aws:iam::123456789012:role/uploads";

const ANSWER: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
    <Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey><SessionToken>t/+=</SessionToken>
    <Expiration>2027-01-15T08:15:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"#;

const DENIED: &str = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
    <Code>AccessDenied</Code><Message>m</Message></Error></ErrorResponse>"#;

/// A server, and what its STS was asked for.
struct Lender {
    url: String,
    /// As forms.
    asked: Arc<Mutex<Vec<String>>>,
    /// STS answers a call for each.
    answers: Arc<Semaphore>,
}

impl Lender {
    async fn start(status: StatusCode, answer: &'static str, variables: &[(&str, &str)]) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let (heard, may_answer) = (Arc::clone(&asked), Arc::clone(&answers));
        let sts = Router::new().fallback(move |form: String| {
            heard.lock().unwrap().push(form);
            let may_answer = Arc::clone(&may_answer);
            async move {
                may_answer.acquire().await.unwrap().forget();
                (status, answer)
            }
        });
        let sts = serve(sts).await;
        let bucket = [("S3_BUCKET", "photos"), ("S3_REGION", "eu-central-1")];
        let role = [("COMPANION_STS_ROLE_ARN", ROLE), ("AWS_ENDPOINT_URL_STS", &sts), ORIGINS];
        Self { url: serve(router_for(&[&bucket[..], variables, &role].concat())).await, asked, answers }
    }

    fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    async fn lend(&self) -> (u16, Value) {
        let answer = reqwest::get(format!("{}/s3/sts", self.url)).await.unwrap();
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// What the nth call to STS had there.
    fn asked(&self, nth: usize, name: &str) -> String {
        let form = self.asked.lock().unwrap()[nth].clone();
        let url = reqwest::Url::parse(&format!("http://h/?{form}")).unwrap();
        url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
    }

    /// Of the policy that the nth call asked for.
    fn statements(&self, nth: usize) -> Vec<Value> {
        let mut policy: Value = serde_json::from_str(&self.asked(nth, "Policy")).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        serde_json::from_value(policy["Statement"].take()).unwrap()
    }
}

#[tokio::test]
async fn credentials_are_for_uploads_below_the_prefix_whoever_asks_and_end_as_soon_as_they_can() {
    let lender = Lender::start(StatusCode::OK, ANSWER, &[("UPLOAD_EXPIRES", "60"), ("UPLOAD_PREFIX", "in/")]).await;
    let expected = json!({
        "credentials": {
            "AccessKeyId": "ASIA",
            "SecretAccessKey": "s/+=",
            "SessionToken": "t/+=",
            "Expiration": "2027-01-15T08:15:00Z",
        },
        "bucket": "photos",
        "region": "eu-central-1",
    });
    assert_eq!(lender.lend().await, (200, expected));
    let asked = ["Action", "RoleArn", "RoleSessionName", "DurationSeconds"].map(|name| lender.asked(0, name));
    assert_eq!(asked, ["AssumeRole", ROLE, "companion", "900"]);
    let uploads = json!({
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        "Resource": "arn:aws:s3:::photos/in/*",
    });
    assert_eq!(lender.statements(0)[0], uploads);
}

#[tokio::test]
async fn all_who_ask_have_one_answer_of_sts_for_the_first_half_of_its_life() {
    let lender = Lender::start(StatusCode::OK, ANSWER, &[("UPLOAD_EXPIRES", "3600")]).await;
    let answers = join_all((0..50).map(|_| lender.lend())).await;
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
    assert_eq!(lender.calls(), 1);
    for (minutes, calls) in [(29, 1), (2, 2), (28, 2), (3, 3)] {
        pass(Duration::from_mins(minutes)).await;
        assert_eq!((lender.lend().await.0, lender.calls()), (200, calls), "after {minutes} minutes more");
    }
}

#[tokio::test]
async fn a_refusal_of_sts_holds_for_ten_seconds() {
    let lender = Lender::start(StatusCode::FORBIDDEN, DENIED, &[]).await;
    for (seconds, calls) in [(0, 1), (9, 1), (2, 2)] {
        pass(Duration::from_secs(seconds)).await;
        let answers = join_all((0..20).map(|_| lender.lend())).await;
        assert!(answers.iter().all(|answer| answer.0 == 502), "{answers:?}");
        assert_eq!(lender.calls(), calls, "after {seconds} seconds more");
    }
}

#[tokio::test]
async fn callers_that_do_not_wait_for_the_answer_have_sts_asked_once_all_together() {
    let lender = Lender::start(StatusCode::OK, ANSWER, &[]).await;
    lender.answers.forget_permits(usize::MAX);
    for _ in 0..20 {
        let is_asked = async {
            while lender.calls() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = lender.lend() => panic!("STS has not answered, but {answer:?}"),
            () = is_asked => {}
        }
    }
    lender.answers.add_permits(9);
    assert_eq!((lender.lend().await.0, lender.calls()), (200, 1));
}

#[tokio::test]
async fn with_aws_the_policy_allows_s3_to_use_keys_of_kms_and_with_other_stores_it_names_none() {
    let encryption = json!({
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
        "Condition": { "StringLike": { "kms:ViaService": "s3.eu-central-1.amazonaws.com*" } },
    });
    let other = [("S3_PROVIDER", "custom"), ("S3_ENDPOINT", "http://127.0.0.1:1")];
    for (store, expected) in [(&[][..], &[encryption][..]), (&other[..], &[])] {
        let lender = Lender::start(StatusCode::OK, ANSWER, store).await;
        assert_eq!((lender.lend().await.0, &lender.statements(0)[1..]), (200, expected));
    }
}

#[tokio::test]
async fn they_last_as_long_as_signatures_do_and_no_longer_than_sts_lets_those_of_every_role() {
    for (configured, asked) in [("1800", "1800"), ("604800", "3600")] {
        let lender = Lender::start(StatusCode::OK, ANSWER, &[("UPLOAD_EXPIRES", configured)]).await;
        assert_eq!((lender.lend().await.0, lender.asked(0, "DurationSeconds").as_str()), (200, asked));
    }
}

#[tokio::test]
async fn where_sts_refuses_the_client_hears_that_it_is_the_operators_to_put_right() {
    let lender = Lender::start(StatusCode::FORBIDDEN, DENIED, &[]).await;
    let (status, answer) = lender.lend().await;
    let text = "s3: The store refused the server: AssumeRole was answered with 403 AccessDenied. This is for the site's \
        operator to put right.";
    assert_eq!((status, &answer["error"]), (502, &json!(text)));
}

#[tokio::test]
async fn pages_of_other_origins_get_none_and_sts_is_not_asked() {
    let lender = Lender::start(StatusCode::OK, ANSWER, &[]).await;
    let client = reqwest::Client::new();
    for (origin, status) in [("https://evil.example", 403), ("https://my-app.com", 200)] {
        let answer = client.get(format!("{}/s3/sts", lender.url)).header(ORIGIN, origin).send().await.unwrap();
        assert_eq!(answer.status(), status, "{origin}");
    }
    assert_eq!(lender.asked.lock().unwrap().len(), 1);
}

/// For every clock but the system's.
async fn pass(time: Duration) {
    time::pause();
    time::advance(time).await;
    time::resume();
}
