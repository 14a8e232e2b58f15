use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
};
use leptos_aws_s3::server::{config::EmbeddedConfig, embedded::EmbeddedStore};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command, sync::oneshot};

/// What an operator sets.
pub(crate) type Variables = BTreeMap<&'static str, String>;

pub(crate) const PAGE: &str = "http://localhost:3000";

/// What a run of the command left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// Runs the command with these variables and no others, far from any `.env`.
pub(crate) async fn run(arguments: &[&str], variables: &Variables) -> Run {
    let dir = tempfile::tempdir().unwrap();
    run_in(dir.path(), arguments, variables).await
}

pub(crate) async fn run_in(dir: &Path, arguments: &[&str], variables: &Variables) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leptos-aws-s3"));
    command.args(arguments).env_clear().envs(variables).current_dir(dir).kill_on_drop(true);
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

/// A provider's variables.
pub(crate) fn provider(name: &str, others: &[(&'static str, &str)]) -> Variables {
    let base = [("S3_PROVIDER", name), ("S3_BUCKET", "photos"), ("AWS_ACCESS_KEY_ID", "AK")];
    let base = base.iter().chain(&[("AWS_SECRET_ACCESS_KEY", "secret"), ("UPLOAD_ORIGINS", "https://my-app.com")]);
    base.chain(others).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// An embedded store that runs without a server, for pages at [`PAGE`].
pub(crate) struct Store {
    pub(crate) dir: TempDir,
    pub(crate) endpoint: String,
    _stop: oneshot::Sender<()>,
}

impl Store {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let addr = ([127, 0, 0, 1], 0).into();
        let config = EmbeddedConfig {
            addr,
            dir: dir.path().to_owned(),
            public_endpoint: None,
            syncs: false,
            max_size: 1 << 30,
            form_life: std::time::Duration::from_mins(15),
            upload_life: std::time::Duration::from_hours(24),
        };
        let store = EmbeddedStore::open(&config, ([127, 0, 0, 1], 3000).into(), Vec::new()).await.unwrap();
        let endpoint = store.endpoint().to_string();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(store.serve(async move {
            let _ = stopped.await;
        }));
        Self { dir, endpoint, _stop: stop }
    }

    /// As for a store elsewhere of which nothing is known.
    pub(crate) fn variables(&self) -> Variables {
        let keys: Value = serde_json::from_slice(&std::fs::read(self.dir.path().join(".keys.json")).unwrap()).unwrap();
        let key = |name: &str| keys[name].as_str().unwrap().to_owned();
        [
            ("S3_BUCKET", "uploads".to_owned()),
            ("S3_ENDPOINT", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", key("access_key")),
            ("AWS_SECRET_ACCESS_KEY", key("secret_key")),
            ("UPLOAD_ORIGINS", PAGE.to_owned()),
        ]
        .into()
    }

    /// As for the embedded store of a server that runs.
    pub(crate) fn embedded_variables(&self) -> Variables {
        let addr = self.endpoint.trim_start_matches("http://").to_owned();
        let dir = self.dir.path().to_str().unwrap().to_owned();
        [("EMBEDDED_S3_ADDR", addr), ("EMBEDDED_S3_DIR", dir)].into()
    }

    /// The files of objects and unfinished uploads.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut open = vec![self.dir.path().to_owned()];
        let mut names = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else if !path.ends_with(".keys.json") {
                names.push(path.display().to_string());
            }
        }
        names
    }
}

/// What a store heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A store that answers what it is told to, for what the embedded one can't say.
pub(crate) struct Scripted {
    pub(crate) addr: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Scripted {
    /// `respond` is given `GET /photos/?cors`.
    pub(crate) async fn start(respond: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let router = Router::new().fallback(move |request: Request| {
            let (ears, respond) = (Arc::clone(&ears), respond.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                let line = format!("{} {}", parts.method, parts.uri);
                let (status, answer) = respond(&line);
                ears.lock().unwrap().push(Heard { line, headers: parts.headers, body });
                (StatusCode::from_u16(status).unwrap(), answer)
            }
        });
        Self { addr: serve(router).await, heard }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it heard that begins so.
    pub(crate) fn heard(&self, start: &str) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().filter(|heard| heard.line.starts_with(start)).cloned().collect()
    }
}

/// A bucket's configuration as a store keeps it, with one header of it, and who else sets it.
#[derive(Clone, Default)]
pub(crate) struct Configuration(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    xml: String,
    header: Option<HeaderValue>,
    /// Is there from the next PUT on.
    theirs: Option<String>,
    is_late: bool,
}

impl Configuration {
    /// A store with this configuration, which keeps what is put and the header.
    pub(crate) async fn serve(xml: &str, header: Option<(&'static str, &'static str)>) -> (Self, String) {
        let kept = Kept {
            xml: xml.to_owned(),
            header: header.map(|(_, value)| HeaderValue::from_static(value)),
            ..Kept::default()
        };
        let kept = Self(Arc::new(Mutex::new(kept)));
        let (configuration, name) = (kept.clone(), HeaderName::from_static(header.map_or("x-none", |(name, _)| name)));
        let router = Router::new().fallback(move |request: Request| {
            let (kept, name) = (kept.clone(), name.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
                let mut kept = kept.0.lock().unwrap();
                if parts.method == Method::PUT {
                    let put = kept.theirs.take().unwrap_or(body);
                    if !kept.is_late {
                        kept.xml = put;
                    }
                    kept.header = parts.headers.get(&name).cloned();
                    return (HeaderMap::new(), String::new());
                }
                (kept.header.iter().map(|value| (name.clone(), value.clone())).collect(), kept.xml.clone())
            }
        });
        (configuration, format!("http://{}", serve(router).await))
    }

    /// What is there.
    pub(crate) fn xml(&self) -> String {
        self.0.lock().unwrap().xml.clone()
    }

    /// The header of the last PUT.
    pub(crate) fn header(&self) -> Option<String> {
        self.0.lock().unwrap().header.as_ref().map(|value| value.to_str().unwrap().to_owned())
    }

    /// Something else sets this right after the next PUT.
    pub(crate) fn is_overwritten_with(&self, xml: &str) {
        self.0.lock().unwrap().theirs = Some(xml.to_owned());
    }

    /// What is put does not show yet.
    pub(crate) fn is_late(&self) {
        self.0.lock().unwrap().is_late = true;
    }
}

pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    addr
}

pub(crate) fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said so.</Message></Error>")
}
