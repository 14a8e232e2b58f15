//! A store that keeps what it is given, and misbehaves in one way at a time as real ones do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos_aws_s3::{
    s3::{CreatedUpload, Refusal, SignRequest, UploadToken},
    server::{
        Config, UploadService, Visitor,
        presign::{Bucket, Endpoint},
        provider::{Addressing, Provider},
        service::Store,
    },
};
use tokio::{net::TcpListener, sync::Notify};

use crate::support::{file, in_parts};

/// All files are this large, and their multipart uploads have one part.
pub(crate) const SIZE: usize = 3;

const PART_SIZE: u64 = 5 << 20;

/// How long a long `CompleteMultipartUpload` takes; the server waits for 10 minutes.
pub(crate) const MINUTES: Duration = Duration::from_mins(9);

/// How a store misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// Not at all.
    Ordinary,
    /// It has this code for an upload that is gone; an empty one is a 404 without a body.
    Gone(&'static str),
    /// While it completes an upload for minutes, it knows neither the upload nor the object.
    CompletesForMinutes,
    /// It says status 200 at once, and whether it is an error after minutes.
    CompletesInSilence,
    /// It completes the upload, and an internal error is what the server hears of that.
    CompletesWithAnError,
    /// The same, in a response with status 200.
    CompletesWithAnErrorIn200,
    /// It lists parts when it has been asked twice.
    ListsPartsLate,
    /// It shows an object when it has been asked for it twice.
    ShowsObjectsLate,
    /// Its first responses redirect, to a URL with two question marks.
    Redirects,
    /// Its first responses are errors with status 200.
    ErrorIn200,
    /// Its first responses are 503 with a date in `Retry-After`.
    RetryAfterDate,
    /// It has not implemented `If-None-Match`.
    NoConditions,
    /// It says 403 of an object that is not there.
    HidesAbsence,
    /// A part in flight arrives after the first abort.
    PartOutlivesAbort,
    /// It does not say when an object was made.
    NoDates,
}

pub(crate) const QUIRKS: &[Quirk] = &[
    Quirk::Ordinary,
    Quirk::Gone("NoSuchUpload"),
    Quirk::Gone("NoSuchKey"),
    Quirk::Gone("SomethingElse"),
    Quirk::Gone(""),
    Quirk::CompletesForMinutes,
    Quirk::CompletesInSilence,
    Quirk::CompletesWithAnError,
    Quirk::CompletesWithAnErrorIn200,
    Quirk::ListsPartsLate,
    Quirk::ShowsObjectsLate,
    Quirk::Redirects,
    Quirk::ErrorIn200,
    Quirk::RetryAfterDate,
    Quirk::NoConditions,
    Quirk::HidesAbsence,
    Quirk::PartOutlivesAbort,
    Quirk::NoDates,
];

/// Rows of the table of providers: one whose store honours `If-None-Match: *`, and one of which nobody knows.
pub(crate) const PROVIDERS: [&str; 2] = ["minio", "custom"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) size: usize,
    /// The upload that it came of.
    pub(crate) origin: String,
    modified: SystemTime,
}

#[derive(Clone, Debug)]
struct Upload {
    key: String,
    has_part: bool,
    aborts: usize,
}

#[derive(Debug)]
struct State {
    quirk: Quirk,
    /// The store's own clock.
    now: SystemTime,
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    begun: usize,
    /// Requests since the quirk began, by what they ask for.
    asked: BTreeMap<&'static str, usize>,
    lines: Vec<String>,
    /// Objects that were deleted or replaced.
    destroyed: Vec<String>,
}

/// A store, and a service that signs for it.
pub(crate) struct QuirkyStore {
    pub(crate) service: UploadService,
    pub(crate) visitor: Visitor,
    provider: String,
    endpoint: Endpoint,
    state: Arc<Mutex<State>>,
    completing: Arc<Completing>,
}

/// A `CompleteMultipartUpload` that takes long.
#[derive(Debug, Default)]
struct Completing {
    has_come: Notify,
    may_end: Notify,
}

impl Completing {
    /// Minutes, or until it may end.
    async fn last(&self) {
        let minutes = tokio::time::sleep(MINUTES);
        self.has_come.notify_one();
        tokio::select! {
            () = minutes => {}
            () = self.may_end.notified() => {}
        }
    }
}

/// Time that passes only by [`StoppedClock::advance`]: tokio's paused clock runs ahead wherever a socket is waited for, unless a
/// blocking task is under way.
pub(crate) struct StoppedClock {
    _blocking: std::sync::mpsc::Sender<()>,
}

impl StoppedClock {
    pub(crate) fn stop() -> Self {
        tokio::time::pause();
        let (blocking, end) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || end.recv());
        Self { _blocking: blocking }
    }

    /// Timers have whole milliseconds.
    pub(crate) async fn advance(&self, time: Duration) {
        tokio::time::advance(time + Duration::from_millis(1)).await;
    }
}

/// A multipart upload that has all its parts.
pub(crate) struct Completable {
    pub(crate) reservation: UploadToken,
    pub(crate) token: UploadToken,
    pub(crate) key: String,
    pub(crate) upload_id: String,
}

impl QuirkyStore {
    /// Well-behaved at first.
    pub(crate) async fn start(provider: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint: Endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(Mutex::new(State {
            quirk: Quirk::Ordinary,
            now: SystemTime::now(),
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            begun: 0,
            asked: BTreeMap::new(),
            lines: Vec::new(),
            destroyed: Vec::new(),
        }));
        let completing = Arc::<Completing>::default();
        let (shared, told) = (Arc::clone(&state), Arc::clone(&completing));
        let router = Router::new().fallback(move |request| answer(Arc::clone(&shared), Arc::clone(&told), request));
        tokio::spawn(axum::serve(listener, router).into_future());
        let provider = provider.to_owned();
        let service = service(&provider, &endpoint);
        Self { service, visitor: Visitor::new(), provider, endpoint, state, completing }
    }

    /// Misbehaves from now on.
    pub(crate) fn misbehave(&self, quirk: Quirk) {
        let mut state = self.state();
        (state.quirk, state.asked) = (quirk, BTreeMap::new());
    }

    pub(crate) async fn completable(&self) -> Completable {
        let request = in_parts(PART_SIZE, file("a", "", SIZE));
        let reserved = self.service.sign(&self.visitor, vec![request.clone()]).await.remove(0).unwrap();
        let reservation = reserved.token.unwrap();
        let request = SignRequest { renew: Some(reservation.clone()), ..request };
        let created = self.service.create_multipart_upload(&self.visitor, &request, false).await.unwrap();
        let key = reserved.parameters.fields["key"].to_owned();
        let upload_id = self.unfinished(&key).remove(0);
        self.put_part(&upload_id);
        Completable { reservation, token: created.token, key, upload_id }
    }

    /// Begins the upload of a reservation once more.
    pub(crate) async fn begin_again(&self, upload: &Completable) -> Result<CreatedUpload, Refusal> {
        let request = in_parts(PART_SIZE, file("a", "", SIZE));
        let request = SignRequest { renew: Some(upload.reservation.clone()), ..request };
        self.service.create_multipart_upload(&self.visitor, &request, false).await
    }

    /// Another server of the same store.
    pub(crate) fn replica(&self) -> UploadService {
        service(&self.provider, &self.endpoint)
    }

    pub(crate) fn put_part(&self, upload_id: &str) {
        self.state().uploads.get_mut(upload_id).unwrap().has_part = true;
    }

    /// As a request that a browser sent.
    pub(crate) fn put_object(&self, key: &str, size: usize) {
        let mut state = self.state();
        let object = Object { size, origin: "PUT".to_owned(), modified: state.now };
        state.objects.insert(key.to_owned(), object);
    }

    pub(crate) fn object(&self, key: &str) -> Option<Object> {
        self.state().objects.get(key).cloned()
    }

    pub(crate) fn unfinished(&self, key: &str) -> Vec<String> {
        let state = self.state();
        let of_key = state.uploads.iter().filter(|(_, upload)| upload.key == key);
        of_key.map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn destroyed(&self) -> Vec<String> {
        self.state().destroyed.clone()
    }

    pub(crate) fn calls(&self, start: &str) -> usize {
        self.state().lines.iter().filter(|line| line.starts_with(start)).count()
    }

    /// Lets time pass by the store's clock.
    pub(crate) fn let_pass(&self, time: Duration) {
        self.state().now += time;
    }

    /// Waits until a `CompleteMultipartUpload` that takes long has come to the store.
    pub(crate) async fn is_completing(&self) {
        self.completing.has_come.notified().await;
    }

    /// Ends it.
    pub(crate) fn end_completion(&self) {
        self.completing.may_end.notify_one();
    }

    /// Ends whatever `CompleteMultipartUpload` takes long, some turns of the scheduler after it has come.
    pub(crate) fn complete_by_itself(&self) {
        let completing = Arc::clone(&self.completing);
        tokio::spawn(async move {
            loop {
                completing.has_come.notified().await;
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                completing.may_end.notify_one();
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn service(provider: &str, endpoint: &Endpoint) -> UploadService {
    let env = [
        ("S3_PROVIDER", provider),
        ("S3_BUCKET", "photos"),
        ("S3_ENDPOINT", "http://unused"),
        ("S3_CHECKSUM", "none"),
        ("COMPANION_ORIGINS", "https://my-app.com"),
    ];
    let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let bucket = Bucket::new(endpoint, Addressing::Path, "photos".to_owned(), "us-east-1".to_owned());
    let credentials = SharedCredentialsProvider::new(Credentials::new("AK", "secret", None, None, "test"));
    let store = Store::new(Provider::named(provider).unwrap(), bucket, endpoint, Addressing::Path, credentials);
    UploadService::new(Config::from_lookup(lookup).unwrap(), store, b"0123456789abcdef0123456789abcdef")
}

async fn answer(state: Arc<Mutex<State>>, completing: Arc<Completing>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let is_conditional = request.headers().contains_key(header::IF_NONE_MATCH);
    let key = path.trim_start_matches("/photos").trim_start_matches('/').to_owned();
    let upload_id = query.split('&').find_map(|pair| pair.strip_prefix("uploadId=")).unwrap_or_default().to_owned();
    let quirk = {
        let mut state = state.lock().unwrap();
        state.lines.push(format!("{method} {path}?{query}"));
        state.quirk
    };
    if let Some(first) = first_answer(&state, quirk, &method) {
        return first;
    }
    let is_completion = method == Method::POST && !upload_id.is_empty();
    if is_completion && quirk == Quirk::NoConditions && is_conditional {
        return error(501, "NotImplemented");
    }
    if !is_completion {
        let response = state.lock().unwrap().answer(&method, &key, &upload_id, &query);
        return dated(&state, response);
    }
    match quirk {
        Quirk::CompletesForMinutes => {
            let upload = state.lock().unwrap().uploads.remove(&upload_id);
            let Some(upload) = upload else { return state.lock().unwrap().gone() };
            completing.last().await;
            let mut state = state.lock().unwrap();
            state.uploads.insert(upload_id.clone(), upload);
            state.complete(&key, &upload_id, is_conditional)
        }
        Quirk::CompletesInSilence => {
            let response = state.lock().unwrap().complete(&key, &upload_id, is_conditional);
            if response.status() != StatusCode::OK {
                return response;
            }
            let body = futures::stream::once(async move {
                completing.last().await;
                Ok::<_, std::convert::Infallible>(Bytes::from(COMPLETED))
            });
            Body::from_stream(body).into_response()
        }
        _ => state.lock().unwrap().complete(&key, &upload_id, is_conditional),
    }
}

const COMPLETED: &str = "<CompleteMultipartUploadResult><ETag>\"x-1\"</ETag></CompleteMultipartUploadResult>";

/// What a quirk has for the first requests, of whatever kind.
fn first_answer(state: &Mutex<State>, quirk: Quirk, method: &Method) -> Option<Response> {
    // The SDK itself asks three times where it hears 503.
    let times = if quirk == Quirk::RetryAfterDate { 3 } else { 2 };
    let is_first = || state.lock().unwrap().ask("anything") <= times;
    match quirk {
        Quirk::Redirects if is_first() => {
            let location = (header::LOCATION, "http://127.0.0.1:9/elsewhere?uploaded=x?bucket=photos");
            Some((StatusCode::TEMPORARY_REDIRECT, [location]).into_response())
        }
        Quirk::ErrorIn200 if method != Method::HEAD && is_first() => Some(error(200, "InternalError")),
        Quirk::RetryAfterDate if is_first() => {
            let date = (header::RETRY_AFTER, "Fri, 31 Dec 2027 23:59:59 GMT");
            Some((StatusCode::SERVICE_UNAVAILABLE, [date]).into_response())
        }
        _ => None,
    }
}

/// By the store's own clock.
fn dated(state: &Mutex<State>, mut response: Response) -> Response {
    let now = http_date(state.lock().unwrap().now);
    response.headers_mut().insert(header::DATE, now.parse().unwrap());
    response
}

fn http_date(time: SystemTime) -> String {
    DateTime::from(time).fmt(DateTimeFormat::HttpDate).unwrap()
}

fn error(status: u16, code: &str) -> Response {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

impl State {
    fn ask(&mut self, what: &'static str) -> usize {
        let asked = self.asked.entry(what).or_default();
        *asked += 1;
        *asked
    }

    fn answer(&mut self, method: &Method, key: &str, upload_id: &str, query: &str) -> Response {
        match *method {
            Method::POST => self.create(key),
            Method::GET if upload_id.is_empty() => self.list_uploads(query),
            Method::GET => self.list_parts(upload_id),
            Method::DELETE if upload_id.is_empty() => {
                self.destroyed.extend(self.objects.remove(key).map(|_| key.to_owned()));
                StatusCode::NO_CONTENT.into_response()
            }
            Method::DELETE => self.abort(upload_id),
            _ => self.head(key),
        }
    }

    fn gone(&self) -> Response {
        match self.quirk {
            Quirk::Gone("") => StatusCode::NOT_FOUND.into_response(),
            Quirk::Gone(code) => error(404, code),
            _ => error(404, "NoSuchUpload"),
        }
    }

    fn create(&mut self, key: &str) -> Response {
        self.begun += 1;
        let id = format!("U{}", self.begun);
        self.uploads.insert(id.clone(), Upload { key: key.to_owned(), has_part: false, aborts: 0 });
        format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>")
            .into_response()
    }

    fn list_uploads(&self, query: &str) -> Response {
        assert!(query.contains("prefix="), "{query}");
        let upload = |(id, upload): (&String, &Upload)| {
            format!("<Upload><Key>{}</Key><UploadId>{id}</UploadId></Upload>", upload.key)
        };
        let uploads: Vec<_> = self.uploads.iter().map(upload).collect();
        format!("<ListMultipartUploadsResult>{}</ListMultipartUploadsResult>", uploads.concat()).into_response()
    }

    fn list_parts(&mut self, upload_id: &str) -> Response {
        let Some(upload) = self.uploads.get(upload_id) else { return self.gone() };
        let has_part = upload.has_part;
        let is_late = self.quirk == Quirk::ListsPartsLate && self.ask("parts") <= 2;
        let part = format!("<Part><PartNumber>1</PartNumber><Size>{SIZE}</Size><ETag>\"x\"</ETag></Part>");
        let parts = if has_part && !is_late { part } else { String::new() };
        format!("<ListPartsResult><IsTruncated>false</IsTruncated>{parts}</ListPartsResult>").into_response()
    }

    fn complete(&mut self, key: &str, upload_id: &str, is_conditional: bool) -> Response {
        if is_conditional && self.objects.contains_key(key) {
            return error(412, "PreconditionFailed");
        }
        if self.uploads.remove(upload_id).is_none() {
            return self.gone();
        }
        let object = Object { size: SIZE, origin: upload_id.to_owned(), modified: self.now };
        self.destroyed.extend(self.objects.insert(key.to_owned(), object).map(|_| key.to_owned()));
        self.asked.clear();
        match self.quirk {
            Quirk::CompletesWithAnError => error(500, "InternalError"),
            Quirk::CompletesWithAnErrorIn200 => error(200, "InternalError"),
            _ => COMPLETED.into_response(),
        }
    }

    fn abort(&mut self, upload_id: &str) -> Response {
        let late = self.quirk == Quirk::PartOutlivesAbort;
        let Some(upload) = self.uploads.get_mut(upload_id) else { return self.gone() };
        upload.aborts += 1;
        if late && upload.has_part && upload.aborts == 1 {
            return StatusCode::NO_CONTENT.into_response();
        }
        self.uploads.remove(upload_id);
        StatusCode::NO_CONTENT.into_response()
    }

    fn head(&mut self, key: &str) -> Response {
        let absent = if self.quirk == Quirk::HidesAbsence { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
        let Some(object) = self.objects.get(key).cloned() else { return absent.into_response() };
        if self.quirk == Quirk::ShowsObjectsLate && self.ask("head") <= 2 {
            return absent.into_response();
        }
        let mut response = StatusCode::OK.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, object.size.into());
        headers.insert(header::ETAG, "\"x-1\"".parse().unwrap());
        if self.quirk != Quirk::NoDates {
            headers.insert(header::LAST_MODIFIED, http_date(object.modified).parse().unwrap());
        }
        response
    }
}
