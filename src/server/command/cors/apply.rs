use aws_sdk_s3::types::{CorsConfiguration, CorsRule as SdkRule};

use super::{CorsOptions, CorsRule, CorsRules, instructions};
use crate::server::{
    before_signing::BeforeSigning,
    command::{
        Applied, CommandError, Connection, content_md5::with_content_md5, read_back::ReadBack, store_says::StoreSays,
    },
    provider::{AWS, Cors},
};

/// Sets the rules where the provider has S3's API for them, and otherwise says what to do. Rules for other origins stay,
/// after these, and all are read again afterwards: where something else has changed them at the same time, a person has to
/// look.
///
/// # Errors
///
/// If the store can't be asked.
pub async fn apply(connection: &Connection, options: &CorsOptions) -> Result<Applied, CommandError> {
    let config = &connection.config;
    let rules = CorsRules::new(config, options);
    let by_hand = || instructions(config, &rules, &options.origins(config));
    match config.store.provider().cors {
        Cors::Open => return Ok(Applied::Nothing(by_hand())),
        Cors::Store if config.store.provider().name == "embedded" => return Ok(Applied::Nothing(by_hand())),
        Cors::Store | Cors::OtherApi | Cors::None => return Ok(Applied::ByHand(by_hand())),
        Cors::Bucket | Cors::Unknown => {}
    }
    let set = match present(connection).await {
        Ok(present) => put(connection, &rules, present).await,
        Err(says) => Err(says),
    };
    match set {
        Ok(put) => Ok(done(connection.service.bucket().name(), &put)),
        Err(says) if says.is_not_implemented() || says.is_denied() => {
            let permission = "Let the keys do it (s3:GetBucketCORS and s3:PutBucketCORS), or do it by hand.";
            let advice = if says.is_denied() { permission } else { "It has to be done by hand." };
            Ok(Applied::ByHand(format!("{} {advice} {}", says.sentence(), by_hand())))
        }
        Err(says) => Err(says.into()),
    }
}

/// The rules that the bucket has.
async fn present(connection: &Connection) -> Result<Vec<SdkRule>, StoreSays> {
    let store = connection.store();
    match store.client.get_bucket_cors().bucket(store.bucket.name()).send().await {
        Ok(present) => Ok(present.cors_rules.unwrap_or_default()),
        Err(error) => match StoreSays::new("GetBucketCors", &error) {
            says if says.is(&["NoSuchCORSConfiguration"]) => Ok(Vec::new()),
            says => Err(says),
        },
    }
}

/// What became of the rules.
struct Put {
    /// How many for other origins stay.
    kept: usize,
    /// Whether everybody's pages could read before, and now can't.
    is_public_gone: bool,
    read_back: ReadBack,
}

async fn put(connection: &Connection, rules: &CorsRules, before: Vec<SdkRule>) -> Result<Put, StoreSays> {
    let was_public = has_public(&before)?;
    let summaries = |rules: &[SdkRule]| rules.iter().map(summary).collect::<Vec<_>>();
    let old = summaries(&before);
    let (all, kept) = merged(rules, before)?;
    let (new, is_public_gone) = (summaries(&all), was_public && !has_public(&all)?);
    let store = connection.store();
    let cors = CorsConfiguration::builder().set_cors_rules(Some(all)).build();
    let cors = cors.map_err(|error| StoreSays::unsent("PutBucketCors", error))?;
    let mut request = store.client.put_bucket_cors().bucket(store.bucket.name()).cors_configuration(cors).customize();
    if *connection.config.store.provider() != AWS {
        request = request.interceptor(BeforeSigning(with_content_md5));
    }
    request.send().await.map_err(|error| StoreSays::new("PutBucketCors", &error))?;
    let read_back = ReadBack::of(&old, &new, present(connection).await, summary);
    Ok(Put { kept, is_public_gone, read_back })
}

/// What all stores keep of a rule; the case of a header's name is none of it.
fn summary(rule: &SdkRule) -> String {
    let list = |values: &[String]| {
        let mut values: Vec<_> = values.iter().map(|value| value.to_ascii_lowercase()).collect();
        values.sort();
        values.join(",")
    };
    let (origins, methods) = (list(rule.allowed_origins()), list(rule.allowed_methods()));
    format!("{origins} {methods} {} {}", list(rule.allowed_headers()), list(rule.expose_headers()))
}

/// Whether the rule of [`CorsRule::public`] is among these.
fn has_public(rules: &[SdkRule]) -> Result<bool, StoreSays> {
    let public = CorsRule::public().to_sdk()?;
    Ok(rules.iter().any(|rule| is_same(rule, &public)))
}

/// Ours first, since a store takes the first that matches; but the one that lets everybody read comes last. What an earlier
/// call has set goes: all that is there for none but our origins, and that last one.
fn merged(rules: &CorsRules, mut present: Vec<SdkRule>) -> Result<(Vec<SdkRule>, usize), StoreSays> {
    let (public, ours): (Vec<_>, Vec<_>) = rules.0.iter().partition(|rule| rule.is_public());
    let origins: Vec<_> = ours.iter().flat_map(|rule| &rule.allowed_origins).collect();
    let to_sdk = |rules: Vec<&CorsRule>| rules.into_iter().map(CorsRule::to_sdk).collect::<Result<Vec<_>, _>>();
    let earlier = CorsRule::public().to_sdk()?;
    present.retain(|rule| {
        let is_ours = rule.allowed_origins().iter().all(|origin| origins.contains(&origin));
        !is_ours && !is_same(rule, &earlier)
    });
    let kept = present.len();
    Ok(([to_sdk(ours)?, present, to_sdk(public)?].concat(), kept))
}

/// Whether two rules allow the same; stores may give a rule an id.
fn is_same(one: &SdkRule, other: &SdkRule) -> bool {
    one.allowed_origins() == other.allowed_origins()
        && one.allowed_methods() == other.allowed_methods()
        && one.allowed_headers() == other.allowed_headers()
        && one.expose_headers() == other.expose_headers()
}

impl CorsRule {
    fn is_public(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }

    fn to_sdk(&self) -> Result<SdkRule, StoreSays> {
        let some = |values: &[String]| (!values.is_empty()).then(|| values.to_vec());
        SdkRule::builder()
            .set_allowed_origins(some(&self.allowed_origins))
            .set_allowed_methods(some(&self.allowed_methods))
            .set_allowed_headers(some(&self.allowed_headers))
            .set_expose_headers(some(&self.expose_headers))
            .max_age_seconds(self.max_age_seconds)
            .build()
            .map_err(|error| StoreSays::unsent("PutBucketCors", error))
    }
}

/// What a person reads when it is done.
fn done(bucket: &str, Put { kept, is_public_gone, read_back }: &Put) -> Applied {
    let others = match kept {
        0 => String::new(),
        1 => "; one rule for other origins stays, after them".to_owned(),
        kept => format!("; {kept} rules for other origins stay, after them"),
    };
    let mut text = format!("The CORS rules of the bucket {bucket} are set{others}.\n");
    if *is_public_gone {
        text += "The rule that lets every page read is gone; --public-read sets it again.\n";
    }
    if *read_back == ReadBack::Changed {
        text.extend(read_back.sentence("cors apply"));
        return Applied::ByHand(text);
    }
    Applied::Set(text + "Some stores need half a minute to spread them. Then: leptos-aws-s3 cors check")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origin: &str, method: &str) -> CorsRule {
        CorsRule {
            allowed_origins: vec![origin.to_owned()],
            allowed_methods: vec![method.to_owned()],
            allowed_headers: Vec::new(),
            expose_headers: Vec::new(),
            max_age_seconds: 60,
        }
    }

    fn order(present: &[CorsRule]) -> (Vec<String>, usize) {
        order_of(&[rule("https://a.example", "PUT"), CorsRule::public()], present)
    }

    fn order_of(ours: &[CorsRule], present: &[CorsRule]) -> (Vec<String>, usize) {
        let ours = CorsRules(ours.to_vec());
        let present = present.iter().map(|rule| rule.to_sdk().ok().unwrap()).collect();
        let (all, kept) = merged(&ours, present).ok().unwrap();
        let text = |rule: &SdkRule| format!("{} {}", rule.allowed_methods()[0], rule.allowed_origins()[0]);
        (all.iter().map(text).collect(), kept)
    }

    #[test]
    fn rules_for_other_origins_stay_between_the_two_of_ours() {
        let present = [rule("https://b.example", "GET"), rule("*", "PUT")];
        let expected = ["PUT https://a.example", "GET https://b.example", "PUT *", "GET *"];
        assert_eq!(order(&present), (expected.map(str::to_owned).to_vec(), 2));
    }

    #[test]
    fn what_an_earlier_call_has_set_is_replaced() {
        let present = [rule("https://a.example", "GET"), rule("*", "GET")];
        assert_eq!(order(&present), (vec!["PUT https://a.example".to_owned(), "GET *".to_owned()], 0));
    }
    #[test]
    fn a_bucket_becomes_private_again() {
        let present = [rule("https://a.example", "PUT"), rule("*", "GET")];
        let ours = [rule("https://a.example", "PUT")];
        assert_eq!(order_of(&ours, &present), (vec!["PUT https://a.example".to_owned()], 0));
    }
}
