use std::time::SystemTime;

use ::http::Method as Verb;

use super::{
    CorsOptions, CorsRules, instructions,
    preflight::{Preflight, allows_origin},
    rules::sends_forms,
};
use crate::{
    s3::Method,
    server::{
        command::{
            CommandError, Connection, Finding, Report, checksum,
            http::{Answer, Http},
            trial::{BYTES, Trial},
        },
        config::Origin,
        provider::Cors,
    },
};

/// Asks the store, as a browser would, whether the pages may upload, and says what is missing. It uploads one small file
/// and deletes it, to see what a page may read of the answer. Of a store that does not answer, that is all it says.
///
/// # Errors
///
/// If nothing can be asked at all.
pub async fn check(connection: &Connection, options: &CorsOptions) -> Result<Report, CommandError> {
    let http = Http::new().map_err(CommandError::Store)?;
    let mut report = Report::default();
    if let Err(reason) = http.send(Verb::HEAD, &connection.service.bucket().url(), [], Vec::new()).await {
        report.findings.push(Finding::no_answer(reason));
        return Ok(report);
    }
    let mut first = None;
    for origin in options.origins(&connection.config) {
        let mut trial = Trial::new(connection, &http, origin.clone(), SystemTime::now());
        report.findings.extend(preflights(connection, &http, &mut trial, &origin, options).await);
        first.get_or_insert((trial, origin));
    }
    if let Some((mut trial, origin)) = first {
        report.findings.push(match trial.sign(Method::Put, None).await {
            Ok(signed) => match trial.send(&signed.parameters, BYTES).await {
                Ok(answer) => etag(&answer, &origin),
                Err(reason) => Finding::unknown(ETAG, reason),
            },
            Err(reason) => Finding::unknown(ETAG, reason),
        });
        report.findings.push(trial.clean_up().await);
    }
    Ok(report)
}

const ETAG: &str = "ETag exposed";

/// One finding for each kind of request that pages make.
pub(in crate::server::command) async fn preflights(
    connection: &Connection,
    http: &Http,
    trial: &mut Trial<'_>,
    origin: &Origin,
    options: &CorsOptions,
) -> Vec<Finding> {
    let (config, service) = (&connection.config, &connection.service);
    let sum = service.checksum_algorithm().map(|algorithm| checksum::of(BYTES, algorithm));
    let signed = match trial.sign(Method::Put, sum).await {
        Ok(signed) => signed.parameters,
        Err(reason) => return vec![Finding::fail(name("PUT", origin), reason, "Look at the credentials.")],
    };
    let mut headers: Vec<_> = signed.headers.iter().map(|(name, _)| name.to_owned()).collect();
    headers.extend(options.meta.then(|| "x-amz-meta-name".to_owned()));
    let object = signed.url.split('?').next().unwrap_or_default();
    let part = format!("{object}?partNumber=1&uploadId=none");
    let part_headers = service.checksum_algorithm().map(|algorithm| algorithm.header().to_owned());
    let mut asked = vec![
        ("PUT", Preflight::new(signed.url.clone(), "PUT", headers)),
        ("part", Preflight::new(part, "PUT", part_headers.into_iter().collect())),
    ];
    if sends_forms(config) {
        asked.push(("POST", Preflight::new(service.bucket().url(), "POST", Vec::new())));
    }
    let mut findings = Vec::new();
    for (what, preflight) in asked {
        let check = name(what, origin);
        findings.push(match preflight.ask(http, origin).await {
            Ok(()) => {
                Finding::pass(check, format!("Browsers may {} to {}.", preflight.method, service.bucket().origin()))
            }
            Err(reason) if what == "POST" && config.method_for(None) == Method::Put => {
                Finding::amiss(check, reason, remedy(connection, options))
            }
            Err(reason) => Finding::fail(check, reason, remedy(connection, options)),
        });
    }
    findings
}

fn name(what: &str, origin: &Origin) -> String {
    format!("preflight {what} {origin}")
}

/// What to do where a preflight is refused.
fn remedy(connection: &Connection, options: &CorsOptions) -> String {
    let config = &connection.config;
    match config.store.provider().cors {
        Cors::Bucket | Cors::Unknown => {
            "Run `leptos-aws-s3 cors apply`, or enter the rules of `leptos-aws-s3 cors print` in the provider's console."
                .to_owned()
        }
        _ => instructions(config, &CorsRules::new(config, options), &options.origins(config)),
    }
}

/// Whether a page of `origin` may read the `ETag` of this answer.
pub(in crate::server::command) fn exposes_etag(answer: &Answer, origin: &Origin) -> bool {
    allows_origin(answer, origin) && answer.lists("access-control-expose-headers", "etag")
}

/// Whether a page of `origin` may read the `ETag` of this answer to an upload. This crate's pages need not: the server asks the store.
pub(in crate::server::command) fn etag(answer: &Answer, origin: &Origin) -> Finding {
    if !answer.is_success() {
        return Finding::unknown(ETAG, format!("The upload was answered with {}.", answer.summary()));
    }
    match answer.header("etag") {
        Some(etag) if exposes_etag(answer, origin) => {
            Finding::pass(ETAG, format!("{origin} may read the ETag, {etag}."))
        }
        Some(_) => Finding::amiss(
            ETAG,
            format!("{origin} may not read the ETag of its upload. This page does without; Uppy's does not."),
            "Add ExposeHeader ETag to the rule; `leptos-aws-s3 cors apply` does.",
        ),
        None => Finding::unknown(ETAG, "The store answers an upload without ETag."),
    }
}
