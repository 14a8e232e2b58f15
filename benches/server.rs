//! The signing server function over a loopback connection: requests a second on one core, how long
//! the slowest of a hundred take, and what it costs in memory.
//!
//! The server is a process of its own (this program, started again) with one worker thread; the calls
//! come from here, so on a machine with two cores or more neither takes the other's time.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use leptos::config::LeptosOptions;
use leptos_aws_s3::{
    app::{App, shell},
    s3::{FileInfo, SignRequest},
    server::{Config, Server, router::router},
};
use reqwest::{Client, header::SET_COOKIE};
use serde_json::json;
use tokio::runtime::Builder;

/// Files of a call, and calls.
const ROUNDS: [(usize, usize); 2] = [(1, 10_000), (100, 1_000)];

/// Browsers that call at the same time.
const CONNECTIONS: usize = 8;

/// Tells this program that it is the server.
const SERVE: &str = "BENCH_SERVE";

fn main() {
    if env::var_os(SERVE).is_some() {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime").block_on(serve());
    } else if env::args().any(|argument| argument == "--bench") {
        Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(measure());
    }
}

async fn serve() {
    let config = Config::from_env().expect("a configuration");
    let server = Server::bind(config, ([127, 0, 0, 1], 0).into()).await.expect("free ports");
    let options = LeptosOptions::builder().output_name("leptos-aws-s3").build();
    let router = router(server.service().clone(), options, App, shell);
    println!("http://{}", server.addr());
    server.run(router, std::future::pending()).await.expect("a server");
}

async fn measure() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = start(&dir.path().display().to_string());
    let url = address(&mut server);
    let client = Client::new();
    let page = client.get(&url).send().await.expect("the page");
    let cookie = page.headers()[SET_COOKIE].to_str().expect("a cookie");
    let caller = Caller { client, url: format!("{url}/api/sign_uploads"), cookie: cookie.to_owned() };
    let at_rest = resident_kib(&server);
    for (files, requests) in ROUNDS {
        caller.run(requests / 20, files).await;
        let cpu_before = cpu_time(&server);
        let started = Instant::now();
        let mut latencies = caller.run(requests, files).await;
        let (elapsed, cpu) = (started.elapsed(), cpu_time(&server).saturating_sub(cpu_before));
        latencies.sort();
        report(files, &latencies, elapsed, cpu);
    }
    println!("resident memory at rest       {:>9.1} MiB", mib(at_rest));
    println!("resident memory afterwards    {:>9.1} MiB", mib(resident_kib(&server)));
    server.kill().expect("the server runs");
    server.wait().expect("the server ends");
}

#[derive(Clone)]
struct Caller {
    client: Client,
    url: String,
    cookie: String,
}

impl Caller {
    /// How long each of `requests` calls for `files` files took.
    async fn run(&self, requests: usize, files: usize) -> Vec<Duration> {
        let tasks = (0..CONNECTIONS).map(|_| {
            let caller = self.clone();
            tokio::spawn(async move { caller.run_one_after_another(requests / CONNECTIONS, files).await })
        });
        let mut latencies = Vec::with_capacity(requests);
        for task in tasks.collect::<Vec<_>>() {
            latencies.extend(task.await.expect("no call fails"));
        }
        latencies
    }

    async fn run_one_after_another(&self, requests: usize, files: usize) -> Vec<Duration> {
        let file = FileInfo {
            name: "IMG 2024-05-01 (1).jpeg".into(),
            size: 4_000_000,
            content_type: "image/jpeg".into(),
            ..FileInfo::default()
        };
        let body = json!({ "files": vec![SignRequest { file, ..SignRequest::default() }; files] });
        let mut latencies = Vec::with_capacity(requests);
        for _ in 0..requests {
            let started = Instant::now();
            let call = self.client.post(&self.url).header("cookie", &self.cookie).json(&body);
            let answer = call.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            let signed = answer.bytes().await.expect("all of it");
            latencies.push(started.elapsed());
            assert!(signed.starts_with(br#"[{"Ok":"#), "refused");
        }
        latencies
    }
}

fn start(dir: &str) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .env(SERVE, "1")
        .env("EMBEDDED_S3_ADDR", "127.0.0.1:0")
        .env("EMBEDDED_S3_DIR", dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts")
}

fn address(server: &mut Child) -> String {
    let stdout = server.stdout.take().expect("a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("the server's address");
    line.trim().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(files: usize, latencies: &[Duration], elapsed: Duration, cpu: Duration) {
    let count = latencies.len();
    let percentile = |percent: usize| latencies[(count * percent / 100).min(count - 1)].as_secs_f64() * 1e3;
    println!("{count} calls for {files} file(s) over {CONNECTIONS} connections");
    println!("  requests a second           {:>9.0}", count as f64 / elapsed.as_secs_f64());
    println!("  requests a second of CPU    {:>9.0}", count as f64 / cpu.as_secs_f64());
    println!("  p50                         {:>9.2} ms", percentile(50));
    println!("  p99                         {:>9.2} ms", percentile(99));
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// 0 where there is no `/proc`.
fn resident_kib(server: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// User and system time so far, in Linux's ticks of 10 ms.
fn cpu_time(server: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = after_name.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
