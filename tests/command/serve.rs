use std::{process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use crate::support::{Variables, provider, run, run_in};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_leptos-aws-s3");

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The command as a server, where it serves, and what it said before.
pub(crate) struct Served {
    server: Child,
    _dir: TempDir,
    pub(crate) host: String,
    said: Vec<String>,
}

impl Served {
    pub(crate) async fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), program, arguments).await
    }

    pub(crate) async fn start_in(dir: TempDir, program: &str, arguments: &[&str]) -> Self {
        let embedded = [("EMBEDDED_S3_ADDR", "127.0.0.1:0".to_owned())];
        Self::start_with(dir, program, arguments, &embedded.into()).await
    }

    async fn start_with(dir: TempDir, program: &str, arguments: &[&str], variables: &Variables) -> Self {
        let addresses = [("LEPTOS_SITE_ADDR", "127.0.0.1:0")];
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(addresses).envs(variables).current_dir(dir.path()).kill_on_drop(true);
        let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        loop {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("it says where it serves");
            let line = line.unwrap().unwrap_or_else(|| panic!("it ended: {said:?}"));
            if let Some(host) = line.strip_prefix("Serving http://") {
                return Self { server, _dir: dir, host: host.to_owned(), said };
            }
            said.push(line);
        }
    }

    pub(crate) async fn status(&self) -> u16 {
        let answer = timeout(PATIENCE, reqwest::get(format!("http://{}", self.host))).await.expect("an answer");
        answer.unwrap().status().as_u16()
    }

    /// Host and port of the embedded store.
    pub(crate) fn store(&self) -> &str {
        let line = self.said.iter().find_map(|line| line.strip_prefix("Uploads go to the embedded store at http://"));
        line.and_then(|line| line.split(',').next()).unwrap()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.server.id().unwrap()
    }

    fn said(&self, text: &str) -> bool {
        self.said.iter().any(|line| line.contains(text))
    }
}

#[tokio::test]
async fn it_serves_with_the_word_and_without() {
    for arguments in [&[][..], &["serve"]] {
        assert_eq!(Served::start(BINARY, arguments).await.status().await, 200, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_script_that_is_not_there_is_missed() {
    let missing = "There is no target/site/pkg/leptos-aws-s3.js";
    assert!(Served::start(BINARY, &[]).await.said(missing));
    let dir = tempfile::tempdir().unwrap();
    let pkg = dir.path().join("target/site/pkg");
    std::fs::create_dir_all(&pkg).unwrap();
    std::fs::write(pkg.join("leptos-aws-s3.js"), "").unwrap();
    assert!(!Served::start_in(dir, BINARY, &[]).await.said("There is no"));
}

#[tokio::test]
async fn a_site_that_holds_the_servers_own_files_is_refused() {
    for root in [".", "/", "public"] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("public")).unwrap();
        let variables = [("LEPTOS_SITE_ROOT", root.to_owned()), ("EMBEDDED_S3_DIR", "public/data".to_owned())];
        let refused = run_in(dir.path(), &[], &variables.into()).await;
        assert!(refused.err.contains(&format!("LEPTOS_SITE_ROOT={root}, and ")), "{}", refused.err);
        assert_eq!(refused.code, 2);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_site_root_that_is_empty_counts_as_unset() {
    let served = Served::start("/usr/bin/env", &["LEPTOS_SITE_ROOT=", BINARY]).await;
    assert!(served.said("There is no target/site/pkg/leptos-aws-s3.js"), "{:?}", served.said);
}

#[cfg(unix)]
#[tokio::test]
async fn more_connections_are_taken_than_the_system_gives_unasked() {
    let served = Served::start("/bin/sh", &["-c", "ulimit -Sn 64; exec \"$0\"", BINARY]).await;
    let mut connections = Vec::new();
    for _ in 0..100 {
        connections.push(TcpStream::connect(&served.host).await.unwrap());
    }
    assert_eq!(served.status().await, 200);
}

#[tokio::test]
async fn a_server_that_others_reach_does_not_start_without_a_secret_for_its_tokens() {
    for address in ["192.0.2.1:80", "0.0.0.0:0", "[::]:0"] {
        let variables = provider("minio", &[("S3_ENDPOINT", "http://127.0.0.1:9"), ("LEPTOS_SITE_ADDR", address)]);
        let refused = timeout(PATIENCE, run(&[], &variables)).await.expect("it ends");
        let said = format!("UPLOAD_SECRET is not set, and {address} is not for this machine alone.");
        assert!(refused.err.contains(&said), "{}", refused.err);
        assert_eq!(refused.code, 1);
    }
}

#[tokio::test]
async fn on_a_loopback_address_a_server_without_a_secret_says_what_that_means() {
    let variables = provider("minio", &[("S3_ENDPOINT", "http://127.0.0.1:9")]);
    let served = Served::start_with(tempfile::tempdir().unwrap(), BINARY, &[], &variables).await;
    assert!(served.said("UPLOAD_SECRET is not set: running uploads end with a restart"), "{:?}", served.said);
}

#[tokio::test]
async fn variables_come_from_the_folder_where_it_starts_and_from_none_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(dir.path().join(".env"), "S3_PROVIDER=nobody\n").unwrap();
    assert_eq!(run_in(&below, &["cors", "print"], &Variables::new()).await.code, 0);
    let here = run_in(dir.path(), &["cors", "print"], &Variables::new()).await;
    assert!(here.err.contains("S3_PROVIDER: `nobody`"), "{}", here.err);
    std::fs::write(dir.path().join(".env"), "this is no line of a .env\n").unwrap();
    let unreadable = run_in(dir.path(), &["cors", "print"], &Variables::new()).await;
    assert!(unreadable.err.contains(".env can't be read: "), "{}", unreadable.err);
    assert_eq!(unreadable.code, 2);
}

#[tokio::test]
async fn a_word_that_is_no_command_is_refused_and_nothing_is_served() {
    let refused = run(&["server"], &Variables::new()).await;
    assert!(refused.err.contains("unrecognized subcommand 'server'"), "{}", refused.err);
    assert_eq!(refused.code, 2);
}
