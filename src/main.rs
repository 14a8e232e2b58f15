//! The server's command: it serves, or does what an operator asks of the bucket.

mod arguments;

use std::{
    error::Error,
    fs, io,
    path::{self, Path},
    process::ExitCode,
    time::SystemTime,
};

use arguments::{Age, Arguments, Command, Cors, Lifecycle};
use clap::Parser;
use leptos::config::{LeptosOptions, get_configuration};
use leptos_aws_s3::{
    app::{App, shell},
    server::{
        Config, Server,
        command::{
            Connection,
            cors::{self, CorsRules},
            doctor,
            lifecycle::{self, LifecycleOptions},
            reap::{self, ReapOptions},
        },
        config::StoreConfig,
        router::router,
    },
};

/// The arguments or the environment have to be put right; other failures are 1.
const EXIT_CONFIG: u8 = 2;

/// An empty variable counts as unset.
const DEFAULT_SITE_ROOT: &str = "target/site";

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    // Of this folder only: in one above it somebody else may write.
    if let Err(error) = dotenvy::from_path(".env")
        && !error.not_found()
    {
        return fail(&format!(".env can't be read: {error}"), EXIT_CONFIG);
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string(), EXIT_CONFIG),
    };
    match run(command, config).await {
        Ok(exit) => exit,
        Err(error) => fail(&error.to_string(), 1),
    }
}

async fn run(command: Command, config: Config) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Serve => serve(config).await,
        Command::Cors(Cors::Print { rules, json, .. }) => {
            let rules = CorsRules::new(&config, &rules.into());
            print!("{}", if json { rules.to_json() } else { rules.to_xml() });
            Ok(ExitCode::SUCCESS)
        }
        Command::Cors(Cors::Apply(rules)) => {
            let applied = cors::apply(&Connection::open(config).await?, &rules.into()).await?;
            print!("{applied}");
            Ok(exit(applied.is_done()))
        }
        Command::Cors(Cors::Check { rules, json }) => {
            let report = cors::check(&Connection::open(config).await?, &rules.into()).await?;
            print!("{}", if json { report.to_json() } else { report.to_string() });
            Ok(exit(report.uploads_work()))
        }
        Command::Doctor { rules, json } => {
            let report = doctor(config, &rules.into(), SystemTime::now()).await;
            print!("{}", if json { report.to_json() } else { report.to_string() });
            Ok(exit(report.uploads_work()))
        }
        Command::Reap { older_than, any_key, yes, whole_bucket, json } => {
            let older_than = older_than.map(|Age(age)| age);
            let options = ReapOptions { older_than, any_key, abort: yes, whole_bucket };
            let reaped = reap::reap(&Connection::open(config).await?, options, SystemTime::now()).await?;
            print!("{}", if json { reaped.to_json() } else { reaped.to_string() });
            Ok(exit(reaped.is_good()))
        }
        Command::Lifecycle(Lifecycle::Apply { days, whole_bucket }) => {
            let options = LifecycleOptions { days, whole_bucket };
            let applied = lifecycle::apply(&Connection::open(config).await?, options).await?;
            print!("{applied}");
            Ok(exit(applied.is_done()))
        }
    }
}

fn exit(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn serve(config: Config) -> Result<ExitCode, Box<dyn Error>> {
    let options = match leptos_options() {
        Ok(options) => options,
        Err(error) => return Ok(fail(&error, EXIT_CONFIG)),
    };
    if let Err(error) = check_site_root(&options, &config) {
        return Ok(fail(&error, EXIT_CONFIG));
    }
    warn_of_missing_files(&options);
    raise_descriptor_limit();
    let server = Server::bind(config, options.site_addr).await?;
    let router = router(server.service().clone(), options, App, shell);
    eprintln!("Serving http://{}", server.addr());
    server.run(router, stop_signal()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Everybody may read what lies in the site's folder: nothing of the server's own may.
fn check_site_root(options: &LeptosOptions, config: &Config) -> Result<(), String> {
    let Ok(site) = fs::canonicalize(&*options.site_root) else { return Ok(()) };
    let store = match &config.store {
        StoreConfig::Embedded(embedded) => Some(embedded.dir.as_path()),
        StoreConfig::S3(_) => None,
    };
    let is_public = |dir: &&Path| {
        // The store's may not be there yet.
        let dir = fs::canonicalize(dir).or_else(|_| path::absolute(dir));
        dir.is_ok_and(|dir| dir.starts_with(&site))
    };
    let mut own = [Some(Path::new(".")), store].into_iter().flatten();
    own.find(is_public).map_or(Ok(()), |dir| {
        let dir = path::absolute(dir).unwrap_or_default();
        Err(format!(
            "Everybody may read LEPTOS_SITE_ROOT={}, and {} lies in it. Set it to the folder `site` that `cargo leptos \
             build` made.",
            options.site_root,
            dir.display()
        ))
    })
}

fn warn_of_missing_files(options: &LeptosOptions) {
    let script =
        Path::new(&*options.site_root).join(&*options.site_pkg_dir).join(format!("{}.js", options.output_name));
    // With a hash in its name it is somewhere else.
    if !options.hash_files && !script.exists() {
        eprintln!(
            "There is no {}: the page has no style, and works as without JavaScript. Run `cargo leptos build`, or set \
             LEPTOS_SITE_ROOT to the folder `site` that it made.",
            script.display()
        );
    }
}

/// cargo-leptos sets these variables; a server that runs without it has the same defaults.
fn leptos_options() -> Result<LeptosOptions, String> {
    let mut options = get_configuration(None).map_err(|error| error.to_string())?.leptos_options;
    if options.site_root.is_empty() {
        options.site_root = DEFAULT_SITE_ROOT.into();
    }
    options.output_name = env!("CARGO_PKG_NAME").into();
    Ok(options)
}

/// Every connection takes a file descriptor, and a part on its way into the embedded store another. Many systems give a
/// program 1,024 unless it asks for what it may have.
#[cfg(unix)]
fn raise_descriptor_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("The limit on open files stays as it is: {error}");
    }
}

#[cfg(not(unix))]
fn raise_descriptor_limit() {}

/// Resolves at Ctrl-C, and where a supervisor asks politely.
async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        result = terminate() => if result.is_err() { std::future::pending::<()>().await },
    }
    eprintln!("Stopping");
}

#[cfg(unix)]
async fn terminate() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminate() -> io::Result<()> {
    std::future::pending().await
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(code)
}
