use std::collections::BTreeSet;

use super::*;
use crate::server::provider::Addressing;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        let (_, value) = variables.iter().find(|(set, _)| *set == name)?;
        Some((*value).to_owned())
    })
}

fn problems(variables: &[(&str, &str)]) -> String {
    read(variables).expect_err("the environment should be refused").to_string()
}

fn s3(variables: &[(&str, &str)]) -> S3Config {
    match read(variables).unwrap().store {
        StoreConfig::S3(s3) => s3,
        StoreConfig::Embedded(_) => panic!("the embedded store was chosen"),
    }
}

#[test]
fn no_variable_means_the_embedded_store_on_a_loopback_port() {
    let config = read(&[("AWS_REGION", "eu-west-1"), ("S3_BUCKET", "")]).unwrap();
    let StoreConfig::Embedded(store) = &config.store else { panic!("a store elsewhere was chosen") };
    assert_eq!(store.addr, ([127, 0, 0, 1], 9000).into());
    assert_eq!((config.prefix.as_str(), config.limits.max_size, config.limits.max_files), ("uploads/", 5 << 30, 100));
}

#[test]
fn a_bucket_and_a_region_are_enough_for_aws() {
    let s3 = s3(&[("S3_BUCKET", "photos"), ("AWS_REGION", "eu-central-1")]);
    assert_eq!(s3.endpoint.to_string(), "https://s3.eu-central-1.amazonaws.com");
    assert_eq!((s3.provider.name, s3.addressing), ("aws", Addressing::VirtualHosted));
}

#[test]
fn a_bucket_with_dots_is_addressed_by_path() {
    let s3 = s3(&[("S3_BUCKET", "my.photos"), ("S3_REGION", "cn-north-1")]);
    assert_eq!(s3.endpoint.to_string(), "https://s3.cn-north-1.amazonaws.com.cn");
    assert_eq!(s3.addressing, Addressing::Path);
}

#[test]
fn an_endpoint_alone_is_some_other_store() {
    let s3 = s3(&[
        ("S3_BUCKET", "photos"),
        ("S3_ENDPOINT", "http://store:9000"),
        ("S3_PUBLIC_ENDPOINT", "https://files.example.com"),
    ]);
    assert_eq!((s3.provider.name, s3.region.as_str(), s3.addressing), ("custom", "us-east-1", Addressing::Path));
    assert_eq!(s3.public_endpoint.to_string(), "https://files.example.com");
}

#[test]
fn a_presets_bucket_and_account_are_enough_and_regions_for_other_tools_stay_out_of_it() {
    let r2 = s3(&[
        ("S3_PROVIDER", "R2"),
        ("S3_BUCKET", "photos"),
        ("S3_ACCOUNT", "0a1b2c.eu"),
        ("AWS_REGION", "eu-central-1"),
    ]);
    assert_eq!(r2.endpoint.to_string(), "https://0a1b2c.eu.r2.cloudflarestorage.com");
    assert_eq!((r2.region.as_str(), r2.addressing), ("auto", Addressing::Path));
}

#[test]
fn the_region_of_an_address_need_not_be_the_one_that_is_signed() {
    let spaces = [("S3_PROVIDER", "digitalocean"), ("S3_BUCKET", "photos")];
    let s3 = s3(&[&spaces[..], &[("S3_REGION", "fra1")]].concat());
    assert_eq!(
        (s3.endpoint.to_string().as_str(), s3.region.as_str()),
        ("https://fra1.digitaloceanspaces.com", "us-east-1")
    );
    assert!(
        problems(&spaces).contains("S3_REGION is missing: the region of the bucket, which DigitalOcean Spaces needs.")
    );
}

#[test]
fn an_account_or_a_region_is_missing_or_of_no_use() {
    for (variables, problem) in [
        (
            &[("S3_PROVIDER", "r2")][..],
            "S3_ACCOUNT is missing: the account's id, which is in the address of Cloudflare R2.",
        ),
        (
            &[("S3_PROVIDER", "aws"), ("S3_REGION", "eu-west-1"), ("S3_ACCOUNT", "me")],
            "no use with Amazon S3. Unset it.",
        ),
        (
            &[("S3_PROVIDER", "r2"), ("S3_ACCOUNT", "me"), ("S3_ENDPOINT", "https://me.r2.example")],
            "S3_ACCOUNT has no use where S3_ENDPOINT or AWS_ENDPOINT_URL_S3 says the address.",
        ),
        (
            &[("S3_PROVIDER", "r2"), ("S3_ACCOUNT", "me"), ("S3_REGION", "weur")],
            "S3_REGION has no use with Cloudflare R2: its region is auto. Unset it.",
        ),
        (&[("S3_PROVIDER", "r2"), ("S3_ACCOUNT", "me/../you")], "S3_ACCOUNT: `me/../you` can't be part of a host"),
        (&[("S3_PROVIDER", "minio")], "S3_ENDPOINT is missing: the address of your store (minio)."),
    ] {
        let problems = problems(&[variables, &[("S3_BUCKET", "photos")]].concat());
        assert_eq!(problems.lines().count(), 2, "{problems}");
        assert!(problems.contains(problem), "“{problem}” is not in:\n{problems}");
    }
}

#[test]
fn a_signature_may_be_as_long_as_the_store_allows() {
    let expires = |provider, seconds| {
        read(&[
            ("S3_PROVIDER", provider),
            ("S3_BUCKET", "photos"),
            ("AWS_REGION", "x"),
            ("UPLOAD_EXPIRES", seconds),
            ("UPLOAD_TOKEN_EXPIRES", "99999999"),
        ])
        .map(|config| config.expires.as_secs())
    };
    assert_eq!(expires("tigris", "7776000"), Ok(7_776_000));
    assert!(expires("tigris", "7776001").is_err());
    assert!(expires("aws", "604801").is_err());
}

#[test]
fn every_problem_is_in_one_message() {
    let message = problems(&[
        ("S3_PROVIDER", "azure"),
        ("S3_FORCE_PATH_STYLE", "maybe"),
        ("EMBEDDED_S3_DIR", "data"),
        ("UPLOAD_MAX_SIZE", "49TiB"),
        ("S3_CHECKSUM", "crc32"),
        ("UPLOAD_MAX_FILES", "0"),
        ("UPLOAD_EXPIRES", "604801"),
        ("UPLOAD_ALLOWED_TYPES", "pdf"),
        ("UPLOAD_METHOD", "patch"),
        ("UPLOAD_PREFIX", "../up"),
        ("UPLOAD_SECRET", "short"),
        ("COMPANION_ORIGINS", "*"),
    ]);
    for expected in [
        "S3_PROVIDER: `azure` is none of aws, r2, digitalocean, ",
        "S3_BUCKET is missing",
        "S3_REGION is missing",
        "S3_FORCE_PATH_STYLE: `maybe`",
        "EMBEDDED_S3_DIR for the embedded one",
        "UPLOAD_MAX_SIZE is more than 48.8 TiB",
        "S3_CHECKSUM: `crc32` is none of sha256, md5 and none",
        "UPLOAD_MAX_FILES: `0`",
        "UPLOAD_EXPIRES is more than 604800 seconds (7 days)",
        "UPLOAD_ALLOWED_TYPES: `pdf`",
        "UPLOAD_METHOD: `patch`",
        "UPLOAD_PREFIX: `../up`",
        "UPLOAD_SECRET: a secret has fewer than 32 characters",
        "COMPANION_ORIGINS: `*` is not an origin",
    ] {
        assert!(message.contains(expected), "“{expected}” is not in:\n{message}");
    }
}

#[test]
fn post_policies_are_not_asked_of_a_store_without_them() {
    for (provider, problem) in
        [("r2", "Cloudflare R2 has no POST policies"), ("supabase", "Supabase takes files of any size")]
    {
        let store = [("S3_PROVIDER", provider), ("S3_BUCKET", "photos"), ("S3_ENDPOINT", "https://store.example")];
        let store = [&store[..], &[("AWS_REGION", "eu-central-1")]].concat();
        assert!(problems(&[&store[..], &[("UPLOAD_METHOD", "post")]].concat()).contains(problem));
        let config = read(&store).unwrap();
        assert_eq!([None, Some(Method::Post)].map(|wish| config.method_for(wish)), [Method::Put; 2], "{provider}");
    }
}

#[test]
fn the_configured_method_wins_and_auto_prefers_post_where_it_is_known_to_work() {
    let put = read(&[("UPLOAD_METHOD", "put")]).unwrap();
    assert_eq!(put.method_for(Some(Method::Post)), Method::Put);
    let auto = read(&[]).unwrap();
    assert_eq!([None, Some(Method::Put)].map(|wish| auto.method_for(wish)), [Method::Post, Method::Put]);
    let custom = read(&[("S3_BUCKET", "photos"), ("S3_ENDPOINT", "http://store:9000")]).unwrap();
    assert_eq!([None, Some(Method::Post)].map(|wish| custom.method_for(wish)), [Method::Put, Method::Post]);
}

#[test]
fn the_secret_is_not_in_the_debug_output() {
    let secret = "0123456789abcdef0123456789abcdef";
    let older = "fedcba9876543210fedcba9876543210";
    let config = read(&[("UPLOAD_SECRET", &format!("{secret},{older}"))]).unwrap();
    assert_eq!((config.secret.as_deref(), &config.older_secrets[..]), (Some(secret), &[older.to_owned()][..]));
    assert!(![secret, older].iter().any(|secret| format!("{config:?}").contains(secret)));
}

#[test]
fn deployments_are_told_apart_by_where_uploads_go() {
    let store = [("S3_BUCKET", "photos"), ("S3_ENDPOINT", "http://store:9000")];
    let environments: [&[(&str, &str)]; 6] = [
        &[],
        &[("S3_PUBLIC_ENDPOINT", "https://files.example.com")],
        &[("EMBEDDED_S3_ADDR", "127.0.0.1:9001")],
        &store,
        &[("S3_BUCKET", "photos-of-staging"), store[1]],
        &[store[0], ("S3_ENDPOINT", "http://other:9000")],
    ];
    let deployments = environments.map(|variables| read(variables).unwrap().store.deployment());
    assert_eq!(deployments.iter().collect::<BTreeSet<_>>().len(), 6, "{deployments:?}");
}

#[test]
fn an_address_that_is_none_and_text_that_is_no_utf8_are_among_the_problems() {
    let problems = problems(&[("LEPTOS_SITE_ADDR", "here"), ("UPLOAD_PREFIX", "a\u{fffd}"), ("S3_REGION", "\u{fffd}")]);
    assert!(problems.contains("LEPTOS_SITE_ADDR: `here` is not an address like 127.0.0.1:3000."), "{problems}");
    assert_eq!(problems.matches("UPLOAD_PREFIX is not UTF-8.").count(), 1, "{problems}");
    assert!(problems.contains("S3_REGION is not UTF-8."), "{problems}");
}

#[test]
fn a_store_is_asked_for_the_checksum_it_is_known_to_check_unless_the_operator_says_otherwise() {
    let custom = [("S3_BUCKET", "photos"), ("S3_ENDPOINT", "http://store:9000")];
    let checksum = |variables: &[(&str, &str)]| read(variables).unwrap().checksum;
    assert_eq!(checksum(&[]), Some(ChecksumAlgorithm::Sha256));
    assert_eq!(checksum(&custom), Some(ChecksumAlgorithm::Md5));
    assert_eq!(checksum(&[&custom[..], &[("S3_CHECKSUM", "SHA256")]].concat()), Some(ChecksumAlgorithm::Sha256));
    assert_eq!(checksum(&[("S3_CHECKSUM", "none")]), None);
}

#[test]
fn a_role_to_lend_credentials_of_needs_pages_and_an_sts_and_a_prefix_that_a_policy_can_name() {
    let arn = ("COMPANION_STS_ROLE_ARN", "arn:aws:iam::123456789012:role/uploads");
    let role = [arn, ("COMPANION_ORIGINS", "https://my-app.com"), ("S3_BUCKET", "photos")];
    let aws = [&role[..], &[("S3_REGION", "eu-central-1")]].concat();
    let sts = |variables: &[(&str, &str)]| read(variables).unwrap().companion_sts.unwrap().endpoint;
    assert_eq!(sts(&aws), None);
    let store = ("S3_ENDPOINT", "http://store:9000");
    assert_eq!(sts(&[&role[..], &[store]].concat()).unwrap().to_string(), "http://store:9000");
    let own = ("AWS_ENDPOINT_URL_STS", "http://sts:9001");
    assert_eq!(sts(&[&role[..], &[store, own]].concat()).unwrap().to_string(), "http://sts:9001");

    assert!(problems(&role[..2]).contains("COMPANION_STS_ROLE_ARN has no use with the embedded store"));
    let nobodys = problems(&[arn, ("S3_BUCKET", "photos"), ("S3_REGION", "eu-central-1")]);
    assert!(nobodys.contains("COMPANION_STS_ROLE_ARN has no use without COMPANION_ORIGINS"), "{nobodys}");
    assert!(problems(&[("COMPANION_STS_ROLE_ARN", "uploads")]).contains("COMPANION_STS_ROLE_ARN: `uploads` is not"));
    for prefix in ["up*", "u?", "größe"] {
        let problem = problems(&[&aws[..], &[("UPLOAD_PREFIX", prefix)]].concat());
        assert!(problem.contains("which the policies for COMPANION_STS_ROLE_ARN can't have"), "{prefix}: {problem}");
    }
}

#[test]
fn nobody_is_lent_credentials_for_the_whole_bucket() {
    let role =
        [("COMPANION_STS_ROLE_ARN", "arn:aws:iam::123456789012:role/uploads"), ("COMPANION_ORIGINS", "https://a.b")];
    let store = [("S3_BUCKET", "photos"), ("S3_REGION", "eu-central-1"), ("UPLOAD_PREFIX", "/")];
    let problem = problems(&[&role[..], &store].concat());
    assert!(problem.contains("UPLOAD_PREFIX is the bucket's root"), "{problem}");
    assert_eq!(read(&store).unwrap().prefix, "");
}

#[test]
fn the_pages_of_companions_clients_are_among_those_that_upload() {
    let origins = |variables: &[(&str, &str)]| {
        let origins = read(variables).unwrap().origins();
        origins.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let companion = ("COMPANION_ORIGINS", "https://app.example,https://up.example");
    let upload = ("UPLOAD_ORIGINS", "https://up.example");
    assert_eq!(origins(&[companion, upload]), ["https://up.example", "https://app.example"]);
    let site = origins(&[]);
    assert_eq!(
        origins(&[companion]),
        [&site[..], &["https://app.example".to_owned(), "https://up.example".to_owned()]].concat()
    );
}

#[test]
fn a_prefix_leaves_a_key_room_for_an_id_and_for_a_name_where_there_is_one() {
    let prefix = |bytes: usize| "a".repeat(bytes - 1);
    let fits = |bytes, more: &[(&str, &str)]| {
        let prefix = prefix(bytes);
        read(&[&[("UPLOAD_PREFIX", prefix.as_str())], more].concat()).is_ok()
    };
    let named = [("UPLOAD_KEY_NAME", "true")];
    assert!(fits(102, &[]) && !fits(103, &[]));
    assert!(fits(93, &named) && !fits(94, &named));
    assert!(fits(512, &[("S3_BUCKET", "photos"), ("S3_REGION", "eu-central-1"), named[0]]));
    let problem = problems(&[("UPLOAD_PREFIX", &prefix(103))]);
    assert!(
        problem.contains("UPLOAD_PREFIX has 103 bytes with its `/`; in a key of The embedded store 102"),
        "{problem}"
    );
}
