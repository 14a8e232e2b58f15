//! Whether uploads will work, tried one thing at a time; each finding says what to do.

mod gate;
mod multipart;
mod uploads;

use std::time::SystemTime;

use super::{Connection, Finding, Report, cors, cors::CorsOptions, http::Http, lifecycle, trial::Trial};
use crate::server::{Config, StartError};

/// Tries everything that the page and the server do, on files of a few bytes under the prefix, and deletes them again.
/// `now` is this machine's time.
pub async fn doctor(config: Config, options: &CorsOptions, now: SystemTime) -> Report {
    let mut report = Report::default();
    let connection = match Connection::open(config).await {
        Ok(connection) => connection,
        Err(error) => {
            report.findings.push(not_open(&error));
            return report;
        }
    };
    match Http::new() {
        Ok(http) => examine(&connection, &http, options, now, &mut report).await,
        Err(reason) => report.findings.push(Finding::fail("store", reason, "Run this again then.")),
    }
    report
}

fn not_open(error: &StartError) -> Finding {
    match error {
        StartError::NoCredentials(looked) => Finding::fail(
            "credentials",
            format!("There are none. They were looked for here: {looked}"),
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run this where AWS's tools find credentials.",
        ),
        error => Finding::fail("store", error.to_string(), "Put that right, and run this again."),
    }
}

async fn examine(connection: &Connection, http: &Http, options: &CorsOptions, now: SystemTime, report: &mut Report) {
    let findings = &mut report.findings;
    findings.extend(gate::look(connection, http, now).await);
    if let Some(cause) = findings.iter().find(|finding| finding.vital) {
        let not_tried = format!("Not tried: see {}.", cause.check);
        let rest = ["preflight", "presigned PUT", "multipart upload", "lifecycle rule"];
        findings.extend(rest.map(|check| Finding::unknown(check, not_tried.clone())));
        return;
    }
    let origins = options.origins(&connection.config);
    let Some(first) = origins.first() else { return };
    let mut trial = Trial::new(connection, http, first.clone(), now);
    for origin in &origins {
        findings.extend(cors::preflights(connection, http, &mut trial, origin, options).await);
    }
    findings.extend(uploads::look(connection, &mut trial).await);
    findings.extend(multipart::look(connection, &mut trial).await);
    findings.push(lifecycle::look(connection).await);
    findings.push(trial.clean_up().await);
}
