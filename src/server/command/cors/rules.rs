use serde::Serialize;

use crate::{
    s3::{ChecksumAlgorithm, Method},
    server::{
        Config,
        config::{Origin, StoreConfig},
        provider::{ConditionalPut, PostPolicies},
    },
};

/// How long a browser may remember what it is allowed.
const MAX_AGE_SECONDS: i32 = 3000;

/// What an operator decides about the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsOptions {
    /// The origins of the pages that upload; empty for those of the configuration.
    pub origins: Vec<Origin>,
    /// Whether pages send metadata (`allowed_meta_fields`).
    pub meta: bool,
    /// Whether every page may read what its visitors may read: also from a network, or with an address, that others have not.
    pub public_read: bool,
}

impl CorsOptions {
    pub(in crate::server::command) fn origins(&self, config: &Config) -> Vec<Origin> {
        if self.origins.is_empty() { config.origins() } else { self.origins.clone() }
    }
}

/// One rule, as the console of S3 and of many others writes it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CorsRule {
    /// Whose pages.
    pub allowed_origins: Vec<String>,
    /// What they may send.
    pub allowed_methods: Vec<String>,
    /// With which headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<String>,
    /// What they may read of the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// How long browsers may remember it, in seconds.
    pub max_age_seconds: i32,
}

/// The bucket's rules, in the order that counts: a store takes the first that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRules(pub Vec<CorsRule>);

impl CorsRules {
    /// What this configuration needs: a rule for the pages that upload, and before any other, since it has to be the first
    /// that matches; and where it is asked for, one for objects that everybody may read.
    #[must_use]
    pub fn new(config: &Config, options: &CorsOptions) -> Self {
        let origins: Vec<_> = options.origins(config).iter().map(Origin::to_string).collect();
        let mut methods = vec!["GET", "PUT"];
        let lends = config.companion_sts.is_some();
        methods.extend((sends_forms(config) || lends).then_some("POST"));
        methods.extend(lends.then_some("DELETE"));
        let uploads = CorsRule {
            allowed_origins: origins,
            allowed_methods: strings(&methods),
            allowed_headers: strings(&sent_headers(config, options.meta)),
            expose_headers: strings(&["ETag"]),
            max_age_seconds: MAX_AGE_SECONDS,
        };
        // Garage 1.x answers with all origins of a rule at once, which no browser takes.
        let is_one_origin_a_rule = config.store.provider().name == "garage";
        let mut rules = if is_one_origin_a_rule { uploads.one_for_each_origin() } else { vec![uploads] };
        if options.public_read {
            rules.push(CorsRule::public());
        }
        Self(rules)
    }

    /// The document that `PutBucketCors` takes.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let rules = self.0.iter().map(CorsRule::to_xml).collect::<Vec<_>>().concat();
        format!("<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n{rules}</CORSConfiguration>\n")
    }

    /// What consoles take: the rules as an array.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", serde_json::json!(self.0))
    }
}

impl CorsRule {
    /// Lets every page read what everybody may read.
    pub(super) fn public() -> Self {
        Self {
            allowed_origins: strings(&["*"]),
            allowed_methods: strings(&["GET"]),
            allowed_headers: Vec::new(),
            expose_headers: Vec::new(),
            max_age_seconds: MAX_AGE_SECONDS,
        }
    }

    fn one_for_each_origin(self) -> Vec<Self> {
        let one = |origin: &String| Self { allowed_origins: vec![origin.clone()], ..self.clone() };
        self.allowed_origins.iter().map(one).collect()
    }

    /// None of the values has a character that XML would have escaped.
    fn to_xml(&self) -> String {
        let elements = |name: &str, values: &[String]| {
            let element = |value: &String| format!("    <{name}>{value}</{name}>\n");
            values.iter().map(element).collect::<Vec<_>>().concat()
        };
        let elements = [
            elements("AllowedOrigin", &self.allowed_origins),
            elements("AllowedMethod", &self.allowed_methods),
            elements("AllowedHeader", &self.allowed_headers),
            elements("ExposeHeader", &self.expose_headers),
            elements("MaxAgeSeconds", &[self.max_age_seconds.to_string()]),
        ];
        format!("  <CORSRule>\n{}  </CORSRule>\n", elements.concat())
    }
}

/// Whether pages may get forms to send.
pub(super) fn sends_forms(config: &Config) -> bool {
    let takes_forms = !matches!(config.store.provider().post_policy, PostPolicies::No | PostPolicies::NoSizeLimit);
    takes_forms && config.method != Some(Method::Put)
}

/// The headers that the server has browsers send; of a form's fields none is a header.
fn sent_headers(config: &Config, meta: bool) -> Vec<&'static str> {
    let mut headers = vec!["content-type", "content-disposition"];
    headers.extend((config.store.provider().conditional_put == ConditionalPut::Honoured).then_some("if-none-match"));
    headers.extend(config.cache_control.as_ref().map(|_| "cache-control"));
    headers.extend(config.checksum.map(ChecksumAlgorithm::header));
    headers.extend(meta.then_some("x-amz-meta-*"));
    headers
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The name that instructions and commands have for it.
pub(super) fn bucket_name(config: &Config) -> &str {
    match &config.store {
        StoreConfig::S3(s3) => &s3.bucket,
        StoreConfig::Embedded(_) => "uploads",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Config {
        let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(lookup).unwrap()
    }

    fn rules(variables: &[(&str, &str)], options: &CorsOptions) -> CorsRules {
        CorsRules::new(&config(variables), options)
    }

    const R2: [(&str, &str); 3] = [("S3_PROVIDER", "r2"), ("S3_BUCKET", "photos"), ("S3_ACCOUNT", "acme")];

    #[test]
    fn what_is_never_sent_is_not_allowed() {
        let rule = rules(&R2, &CorsOptions::default()).0.remove(0);
        assert_eq!(rule.allowed_methods, ["GET", "PUT"]);
        assert_eq!(
            rule.allowed_headers,
            ["content-type", "content-disposition", "if-none-match", "x-amz-checksum-sha256"]
        );
        let without = [R2.as_slice(), &[("S3_CHECKSUM", "none")]].concat();
        assert!(!rules(&without, &CorsOptions::default()).to_xml().contains("x-amz-checksum"));
    }

    #[test]
    fn pages_with_temporary_credentials_begin_and_cancel_uploads_in_parts_themselves() {
        let role = ("COMPANION_STS_ROLE_ARN", "arn:aws:iam::123456789012:role/uploads");
        let with_role = [R2.as_slice(), &[role, ("COMPANION_ORIGINS", "https://my-app.com")]].concat();
        let rules = rules(&with_role, &CorsOptions::default());
        assert_eq!(rules.0[0].allowed_methods, ["GET", "PUT", "POST", "DELETE"]);
    }

    #[test]
    fn metadata_and_pages_that_only_read_are_asked_for() {
        let options = CorsOptions { meta: true, ..CorsOptions::default() };
        let rules = rules(&R2, &options);
        assert_eq!(rules.0.len(), 1);
        assert!(rules.to_xml().contains("<AllowedHeader>x-amz-meta-*</AllowedHeader>"));
        assert!(!rules.to_xml().contains("<AllowedOrigin>*</AllowedOrigin>"));
        let public = CorsRules::new(&config(&R2), &CorsOptions { public_read: true, ..CorsOptions::default() });
        assert_eq!(public.0[1..], [CorsRule::public()]);
    }

    #[test]
    fn garage_gets_a_rule_for_each_origin() {
        let garage = [("S3_PROVIDER", "garage"), ("S3_BUCKET", "photos"), ("S3_ENDPOINT", "http://127.0.0.1:3900")];
        let rules = rules(&garage, &CorsOptions::default());
        assert_eq!(rules.0.len(), 2);
        assert!(rules.0.iter().all(|rule| rule.allowed_origins.len() == 1));
    }
}
