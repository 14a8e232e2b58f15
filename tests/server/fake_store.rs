use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{
    Router,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use leptos_aws_s3::{
    s3::{ChecksumAlgorithm, UploadToken},
    server::{
        Config, UploadService, Visitor,
        presign::{Bucket, Endpoint},
        provider::{Addressing, CUSTOM},
        service::Store,
        token::{MultipartUpload, Sealer, Upload},
    },
};
use tokio::net::TcpListener;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// What a store answers.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> Answer {
    Answer { status, headers: Vec::new(), body: body.into() }
}

pub(crate) fn error(status: u16, code: &str) -> Answer {
    answer(status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>"))
}

/// The same answers, but that there is no object before `CompleteMultipartUpload` has come.
pub(crate) fn completing(
    respond: impl Fn(&str) -> Answer + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Answer + Clone + Send + Sync + 'static {
    let has_come = Arc::new(AtomicBool::new(false));
    move |call| {
        if call.starts_with("POST ") && call.contains("uploadId=") {
            has_come.store(true, Ordering::Relaxed);
        }
        let is_absent = call.starts_with("HEAD ") && !has_come.load(Ordering::Relaxed);
        if is_absent { answer(404, "") } else { respond(call) }
    }
}

/// A server that speaks HTTP and says what it is told to, for what no well-behaved store says.
pub(crate) struct FakeStore {
    pub(crate) service: UploadService,
    pub(crate) visitor: Visitor,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// What the store heard.
struct Call {
    line: String,
    session_token: Option<String>,
}

impl FakeStore {
    /// `respond` is given `POST key?query`.
    pub(crate) async fn start(respond: impl Fn(&str) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let credentials = Credentials::new("AK", "secret", None, None, "test");
        Self::start_below("", SharedCredentialsProvider::new(credentials), respond).await
    }

    /// A store whose API lives below a path, and with whose credentials the server signs.
    pub(crate) async fn start_below(
        path: &str,
        credentials: SharedCredentialsProvider,
        respond: impl Fn(&str) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint: Endpoint = format!("http://{}{path}", listener.local_addr().unwrap()).parse().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&calls);
        let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap| {
            let line = format!("{method} {uri}");
            let session_token = headers.get("x-amz-security-token").map(|token| token.to_str().unwrap().to_owned());
            let Answer { status, headers, body } = respond(&line);
            heard.lock().unwrap().push(Call { line, session_token });
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            async move { response }
        });
        tokio::spawn(axum::serve(listener, router).into_future());
        let env = [("S3_BUCKET", "photos"), ("S3_ENDPOINT", "http://unused"), ("S3_CHECKSUM", "sha256")];
        let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let bucket = Bucket::new(&endpoint, Addressing::Path, "photos".to_owned(), "us-east-1".to_owned());
        let store = Store::new(&CUSTOM, bucket, &endpoint, Addressing::Path, credentials);
        let service = UploadService::new(Config::from_lookup(lookup).unwrap(), store, SECRET);
        Self { service, visitor: Visitor::new(), calls }
    }

    /// The token of an upload of 3 bytes in one part.
    pub(crate) fn token(&self) -> UploadToken {
        let upload = MultipartUpload {
            key: "k".parse().unwrap(),
            upload_id: "U".to_owned(),
            size: 3,
            part_size: 5 << 20,
            algorithm: Some(ChecksumAlgorithm::Sha256),
        };
        let sealer = Sealer::new(SECRET, Duration::from_hours(24)).bound_to("custom http://unused photos".to_owned());
        sealer.seal(&self.visitor, Upload::Multipart(upload), SystemTime::now())
    }

    pub(crate) fn calls(&self, start: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| call.line.starts_with(start)).count()
    }

    /// What was asked for, in order: method, path and query.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|call| call.line.clone()).collect()
    }

    /// The session token of each call's header, in order.
    pub(crate) fn session_tokens(&self) -> Vec<Option<String>> {
        self.calls.lock().unwrap().iter().map(|call| call.session_token.clone()).collect()
    }
}
