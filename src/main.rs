//! The server's command.

use std::{io, process::ExitCode};

use leptos::config::{LeptosOptions, get_configuration};
use leptos_aws_s3::{
    app::{App, shell},
    server::{Config, Server, router::router},
};

/// The environment has to be put right; other failures are 1.
const EXIT_CONFIG: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        return fail(&format!(".env can't be read: {error}"), EXIT_CONFIG);
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string(), EXIT_CONFIG),
    };
    let options = match leptos_options() {
        Ok(options) => options,
        Err(error) => return fail(&error, EXIT_CONFIG),
    };
    match serve(config, options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

async fn serve(config: Config, options: LeptosOptions) -> Result<(), String> {
    let server = Server::bind(config, options.site_addr).await.map_err(|error| error.to_string())?;
    let router = router(server.service().clone(), options, App, shell);
    eprintln!("Serving http://{}", server.addr());
    server.run(router, stop_signal()).await.map_err(|error| error.to_string())
}

/// cargo-leptos sets these variables; a server that runs without it has the same defaults.
fn leptos_options() -> Result<LeptosOptions, String> {
    let mut options = get_configuration(None).map_err(|error| error.to_string())?.leptos_options;
    options.output_name = env!("CARGO_PKG_NAME").into();
    Ok(options)
}

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
