use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation};
use axum::Router;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use leptos::config::LeptosOptions;
use leptos_aws_s3::{
    app::{App, shell},
    s3::{
        Checksum, ChecksumAlgorithm, CreatedUpload, FileInfo, Method, PartNumber, Refusal, SignRequest, SignedPart,
        SignedUpload, UploadParameters, UploadToken,
    },
    server::{Config, Server, UploadService, config::StoreConfig, router::router, service::Store},
};
use reqwest::{
    Body, Client, RequestBuilder, Response,
    header::{CONTENT_LENGTH, COOKIE, HOST, SET_COOKIE},
    multipart::{Form, Part},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) type Signed = Vec<Result<SignedUpload, Refusal>>;

/// A server with an embedded store in a directory of its own, on ports of its own.
pub(crate) struct TestServer {
    pub(crate) addr: SocketAddr,
    pub(crate) service: UploadService,
    pub(crate) http: Client,
    dir: Option<TempDir>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), variables).await
    }

    pub(crate) async fn start_in(dir: TempDir, variables: &[(&str, &str)]) -> Self {
        let path = dir.path().to_str().unwrap().to_owned();
        let mut env: BTreeMap<&str, &str> = variables.iter().copied().collect();
        env.insert("EMBEDDED_S3_DIR", &path);
        env.insert("EMBEDDED_S3_ADDR", "127.0.0.1:0");
        env.entry("EMBEDDED_S3_FSYNC").or_insert("false");
        let config = Config::from_lookup(|name| env.get(name).map(|value| (*value).to_owned())).unwrap();
        let server = Server::bind(config, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let (addr, service) = (server.addr(), server.service().clone());
        let options = LeptosOptions::builder().output_name("leptos-aws-s3").site_root(format!("{path}/site")).build();
        let router = router(service.clone(), options, App, shell);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(router, async move {
            let _ = stopped.await;
        }));
        let http = Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0).build().unwrap();
        Self { addr, service, http, dir: Some(dir), stop, task }
    }

    /// Stops as SIGTERM does; what is in the directory stays.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        self.dir.take().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn store_url(&self, path: &str) -> String {
        format!("{}{path}", self.service.bucket().origin())
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// The names of all files below the directory but the keys.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut open = vec![self.dir().to_owned()];
        let mut names = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if !path.ends_with(".keys.json") {
                names.push(path.strip_prefix(self.dir()).unwrap().display().to_string());
            }
        }
        names.sort();
        names
    }

    pub(crate) fn credentials(&self) -> Credentials {
        let keys = std::fs::read(self.dir().join(".keys.json")).unwrap();
        let keys: Value = serde_json::from_slice(&keys).unwrap();
        let key = |name: &str| keys[name].as_str().unwrap().to_owned();
        Credentials::new(key("access_key"), key("secret_key"), None, None, "test")
    }

    /// The store's own API, past the server.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(self.credentials())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.store_url(""))
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The ids of the store's unfinished uploads.
    pub(crate) async fn unfinished(&self) -> Vec<String> {
        let listed = self.s3().list_multipart_uploads().bucket("uploads").send().await.unwrap();
        listed.uploads().iter().map(|upload| upload.upload_id().unwrap().to_owned()).collect()
    }

    /// A visitor, as whom to call.
    pub(crate) async fn visit(&self) -> Visit<'_> {
        let page = self.http.get(self.url("/")).send().await.unwrap();
        let cookie = page.headers()[SET_COOKIE].to_str().unwrap();
        Visit { server: self, cookie: cookie.split(';').next().unwrap().to_owned() }
    }
}

/// One browser's calls.
pub(crate) struct Visit<'a> {
    pub(crate) server: &'a TestServer,
    pub(crate) cookie: String,
}

impl Visit<'_> {
    pub(crate) fn request(&self, function: &str) -> RequestBuilder {
        let request = self.server.http.post(self.server.url(&format!("/api/{function}")));
        request.header(COOKIE, &self.cookie).header(HOST, self.server.addr.to_string())
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, function: &str, arguments: Value) -> T {
        let response = self.request(function).json(&arguments).send().await.unwrap();
        let status = response.status();
        assert!(status.is_success(), "{function}: {status}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// The status and the error of a call that is refused.
    pub(crate) async fn refused(&self, function: &str, arguments: Value) -> (u16, Value) {
        let response = self.request(function).json(&arguments).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn sign(&self, files: &[SignRequest]) -> Signed {
        self.call("sign_uploads", json!({ "files": files })).await
    }

    /// The reservation of an upload in parts, and the token of the upload once it has begun.
    pub(crate) async fn begin(&self, file: SignRequest) -> (SignRequest, UploadToken) {
        let reserved = self.sign_one(file.clone()).await.unwrap();
        let request = SignRequest { renew: reserved.token, ..file };
        let created: CreatedUpload =
            self.call("create_multipart_upload", json!({ "request": request, "again": false })).await;
        (request, created.token)
    }

    pub(crate) async fn sign_parts(
        &self,
        token: &UploadToken,
        parts: &[(u16, Option<Checksum>)],
    ) -> Vec<Result<SignedPart, Refusal>> {
        let parts: Vec<_> =
            parts.iter().map(|(part, checksum)| json!({ "part": part, "checksum": checksum })).collect();
        self.call("sign_parts", json!({ "token": token, "parts": parts })).await
    }

    /// Sends a part as the browser does.
    pub(crate) async fn send_part(
        &self,
        token: &UploadToken,
        part: u16,
        bytes: &[u8],
        checksum: Option<Checksum>,
    ) -> Response {
        let signed = self.sign_parts(token, &[(part, checksum)]).await.remove(0).unwrap();
        send(&self.server.http, &signed.parameters, bytes).await
    }

    pub(crate) async fn sign_one(&self, file: SignRequest) -> Result<SignedUpload, Refusal> {
        self.sign(&[file]).await.remove(0)
    }
}

/// Everything the server answers where its store is elsewhere.
pub(crate) fn router_for(env: &[(&str, &str)]) -> Router {
    router(service_for(env), LeptosOptions::builder().output_name("leptos-aws-s3").build(), App, shell)
}

/// A service whose store is elsewhere.
pub(crate) fn service_for(env: &[(&str, &str)]) -> UploadService {
    let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let config = Config::from_lookup(lookup).unwrap();
    let StoreConfig::S3(s3) = &config.store else { panic!("the embedded store was chosen") };
    let credentials = Credentials::new("AK", "secret", None, None, "test");
    let store = Store::configured(s3, SharedCredentialsProvider::new(credentials));
    UploadService::new(config, store, b"secret")
}

/// Where the router answers.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{addr}")
}

pub(crate) fn file(name: &str, content_type: &str, size: usize) -> SignRequest {
    let (name, content_type) = (name.to_owned(), content_type.to_owned());
    let file = FileInfo { name, content_type, size: size as u64, ..FileInfo::default() };
    SignRequest { file, ..SignRequest::default() }
}

pub(crate) fn by(method: Method, file: SignRequest) -> SignRequest {
    SignRequest { method: Some(method), ..file }
}

pub(crate) fn in_parts(part_size: u64, file: SignRequest) -> SignRequest {
    SignRequest { part_size: Some(part_size), algorithm: Some(ChecksumAlgorithm::Sha256), ..file }
}

pub(crate) fn with_checksum(checksum: Checksum, file: SignRequest) -> SignRequest {
    SignRequest { checksum: Some(checksum), ..file }
}

pub(crate) fn sha256(bytes: &[u8]) -> Checksum {
    Checksum { algorithm: ChecksumAlgorithm::Sha256, value: BASE64.encode(Sha256::digest(bytes)) }
}

pub(crate) fn md5(bytes: &[u8]) -> Checksum {
    Checksum { algorithm: ChecksumAlgorithm::Md5, value: BASE64.encode(md5::Md5::digest(bytes)) }
}

pub(crate) fn number(part: u16) -> PartNumber {
    part.try_into().unwrap()
}

/// Sends a file as the browser does.
pub(crate) async fn send(http: &Client, parameters: &UploadParameters, bytes: impl Into<Vec<u8>>) -> Response {
    let bytes = bytes.into();
    let request = match parameters.method {
        Method::Put => {
            // As browsers do also for an empty file.
            let request = http.put(&parameters.url).header(CONTENT_LENGTH, bytes.len()).body(bytes);
            parameters.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
        }
        Method::Post => http.post(&parameters.url).multipart(form(parameters, "blob", bytes)),
    };
    request.send().await.unwrap()
}

/// The fields, then the file; names stand there as they are, as browsers write them.
pub(crate) fn form(parameters: &UploadParameters, file_name: &str, bytes: impl Into<Body>) -> Form {
    let fields = parameters.fields.iter();
    let form = fields
        .fold(Form::new().percent_encode_noop(), |form, (name, value)| form.text(name.to_owned(), value.to_owned()));
    form.part("file", Part::stream(bytes).file_name(file_name.to_owned()))
}
