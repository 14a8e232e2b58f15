use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use leptos::config::LeptosOptions;
use leptos_aws_s3::{
    app::{App, shell},
    s3::{FileInfo, Method, Refusal, SignRequest, SignedUpload, UploadParameters},
    server::{Config, Server, UploadService, router::router},
};
use reqwest::{
    Body, Client, RequestBuilder, Response,
    header::{CONTENT_LENGTH, COOKIE, HOST, SET_COOKIE},
    multipart::{Form, Part},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

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

    pub(crate) async fn sign_one(&self, file: SignRequest) -> Result<SignedUpload, Refusal> {
        self.sign(&[file]).await.remove(0)
    }
}

pub(crate) fn file(name: &str, content_type: &str, size: usize) -> SignRequest {
    let (name, content_type) = (name.to_owned(), content_type.to_owned());
    let file = FileInfo { name, content_type, size: size as u64, ..FileInfo::default() };
    SignRequest { file, ..SignRequest::default() }
}

pub(crate) fn by(method: Method, file: SignRequest) -> SignRequest {
    SignRequest { method: Some(method), ..file }
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

/// The fields, then the file.
pub(crate) fn form(parameters: &UploadParameters, file_name: &str, bytes: impl Into<Body>) -> Form {
    let fields = parameters.fields.iter();
    let form = fields.fold(Form::new(), |form, (name, value)| form.text(name.to_owned(), value.to_owned()));
    form.part("file", Part::stream(bytes).file_name(file_name.to_owned()))
}
