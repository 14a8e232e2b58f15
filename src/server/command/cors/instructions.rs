use serde_json::json;

use super::rules::{CorsRules, bucket_name};
use crate::server::{Config, config::Origin, provider::Cors};

/// What to do where the rules are not set by S3's API, or the keys may not set them.
#[must_use]
pub fn instructions(config: &Config, rules: &CorsRules, origins: &[Origin]) -> String {
    let provider = config.store.provider();
    let (title, bucket) = (provider.title, bucket_name(config));
    let origins = origins.iter().map(Origin::as_str).collect::<Vec<_>>().join(",");
    match (provider.cors, provider.name) {
        (Cors::Store, "embedded") => format!(
            "{title} lets the page in that LEPTOS_SITE_ADDR={} says, and those of UPLOAD_ORIGINS and COMPANION_ORIGINS, \
             and no others; there is nothing to set. If the page is elsewhere, set one of them.",
            config.site_addr()
        ),
        (Cors::Store, _) => format!(
            "{title} has one setting for all its buckets, and none for one. Start it with\n\n\
             MINIO_API_CORS_ALLOW_ORIGIN={origins}\n\nin its environment, or run\n\n\
             mc admin config set ALIAS api cors_allow_origin={origins}\n"
        ),
        (Cors::OtherApi, _) => format!(
            "{title} takes CORS rules by its own API only. Save this as cors.json:\n\n{}\nand run\n\n\
             gcloud storage buckets update gs://{bucket} --cors-file=cors.json\n",
            google(rules)
        ),
        (Cors::Open, _) => format!("{title} lets every page in: there is nothing to set."),
        (Cors::None, _) => format!(
            "{title} has no CORS rules, and its answers may lack the headers that browsers ask for. If `cors check` fails, \
             put a proxy before it that adds them, and name the proxy in S3_PUBLIC_ENDPOINT."
        ),
        (Cors::Bucket | Cors::Unknown, _) => format!(
            "Enter these rules for the bucket {bucket} in the console of {title}. If it takes JSON:\n\n{}\nIf it takes \
             XML:\n\n{}",
            rules.to_json(),
            rules.to_xml()
        ),
    }
}

/// <https://cloud.google.com/storage/docs/using-cors>
fn google(rules: &CorsRules) -> String {
    let rule = |rule: &super::CorsRule| {
        let headers: Vec<_> = rule.allowed_headers.iter().chain(&rule.expose_headers).collect();
        json!({
            "origin": rule.allowed_origins,
            "method": rule.allowed_methods,
            "responseHeader": headers,
            "maxAgeSeconds": rule.max_age_seconds,
        })
    };
    format!("{:#}\n", json!(rules.0.iter().map(rule).collect::<Vec<_>>()))
}
