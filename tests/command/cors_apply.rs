use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

use crate::support::{Configuration, Scripted, Store, Variables, error, provider, run};

const OTHERS: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://other.example</AllowedOrigin>\
    <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

fn bucket(store: &Scripted, name: &str) -> Variables {
    provider(name, &[("S3_ENDPOINT", &store.endpoint()), ("S3_REGION", "us-east-1"), ("S3_FORCE_PATH_STYLE", "true")])
}

/// What is between the tags, in order.
fn values(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_store_that_is_strict_gets_content_md5_and_no_newer_checksum() {
    let store = Scripted::start(|line| match line {
        _ if line.starts_with("GET") => (404, error("NoSuchCORSConfiguration")),
        _ => (200, String::new()),
    })
    .await;
    let applied = run(&["cors", "apply"], &bucket(&store, "ceph")).await;
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let put = store.heard("PUT").remove(0);
    assert_eq!(put.line, "PUT /photos/?cors");
    assert_eq!(put.headers["content-md5"], BASE64.encode(Md5::digest(&put.body)));
    let newer = put.headers.keys().filter(|name| name.as_str().contains("checksum"));
    assert_eq!(newer.collect::<Vec<_>>(), Vec::<&str>::new());
    let signed = put.headers["authorization"].to_str().unwrap();
    assert!(signed.contains("SignedHeaders=") && signed.contains("content-md5"), "{signed}");
    let xml = String::from_utf8(put.body.to_vec()).unwrap();
    assert_eq!(values(&xml, "AllowedOrigin"), ["https://my-app.com"]);
    assert_eq!(values(&xml, "AllowedMethod"), ["GET", "PUT", "POST"]);
    assert_eq!(values(&xml, "ExposeHeader"), ["ETag"]);
}

#[tokio::test]
async fn amazon_gets_the_checksum_that_its_sdk_sends() {
    let store = Scripted::start(|line| match line {
        _ if line.starts_with("GET") => (404, error("NoSuchCORSConfiguration")),
        _ => (200, String::new()),
    })
    .await;
    assert_eq!(run(&["cors", "apply"], &bucket(&store, "aws")).await.code, 0);
    let put = store.heard("PUT").remove(0);
    assert!(put.headers.contains_key("x-amz-checksum-crc32") && !put.headers.contains_key("content-md5"));
}

#[tokio::test]
async fn rules_for_other_origins_stay() {
    let store = Scripted::start(|line| match line {
        _ if line.starts_with("GET") => (200, OTHERS.to_owned()),
        _ => (200, String::new()),
    })
    .await;
    let applied = run(&["cors", "apply"], &bucket(&store, "custom")).await;
    assert!(applied.out.contains("one rule for other origins stays"), "{}{}", applied.out, applied.err);
    let xml = String::from_utf8(store.heard("PUT").remove(0).body.to_vec()).unwrap();
    assert_eq!(values(&xml, "AllowedOrigin"), ["https://my-app.com", "https://other.example"]);
}

#[tokio::test]
async fn other_sites_pages_may_read_only_when_somebody_says_so() {
    let (configuration, endpoint) = Configuration::serve(OTHERS, None).await;
    let variables = provider("custom", &[("S3_ENDPOINT", &endpoint)]);
    assert_eq!(run(&["cors", "apply"], &variables).await.code, 0);
    assert!(!configuration.xml().contains("<AllowedOrigin>*</AllowedOrigin>"), "{}", configuration.xml());

    let public = run(&["cors", "apply", "--public-read"], &variables).await;
    assert_eq!(public.code, 0, "{}{}", public.out, public.err);
    let origins = ["https://my-app.com", "https://other.example", "*"];
    assert_eq!(values(&configuration.xml(), "AllowedOrigin"), origins);

    let private = run(&["cors", "apply"], &variables).await;
    assert!(private.out.contains("lets every page read is gone; --public-read sets it again."), "{}", private.out);
    assert_eq!(values(&configuration.xml(), "AllowedOrigin"), origins[..2]);
    assert!(!run(&["cors", "apply"], &variables).await.out.contains("--public-read"), "it is gone once");
}

#[tokio::test]
async fn rules_that_something_else_sets_at_the_same_time_are_not_passed_over_in_silence() {
    let (configuration, endpoint) = Configuration::serve(OTHERS, None).await;
    let variables = provider("custom", &[("S3_ENDPOINT", &endpoint)]);
    configuration.is_overwritten_with(&OTHERS.replace("other", "third"));
    let raced = run(&["cors", "apply"], &variables).await;
    assert!(raced.out.contains("something else has changed them at the same time"), "{}{}", raced.out, raced.err);
    assert_eq!(raced.code, 1);
    let again = run(&["cors", "apply"], &variables).await;
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
}

#[tokio::test]
async fn keys_that_may_not_set_them_and_stores_that_can_not_get_the_rules_to_enter_by_hand() {
    for (status, code, expected) in [
        (403, "AccessDenied", "Let the keys do it (s3:GetBucketCORS and s3:PutBucketCORS)"),
        (501, "NotImplemented", "It has to be done by hand."),
    ] {
        let store = Scripted::start(move |_| (status, error(code))).await;
        let applied = run(&["cors", "apply"], &bucket(&store, "custom")).await;
        assert!(applied.out.contains(expected), "{}{}", applied.out, applied.err);
        assert!(applied.out.contains("<AllowedOrigin>https://my-app.com</AllowedOrigin>"), "{}", applied.out);
        assert!(applied.out.contains("\"AllowedOrigins\""), "{}", applied.out);
        assert_eq!(applied.code, 1);
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let store = Scripted::start(|_| (404, error("NoSuchBucket"))).await;
    let applied = run(&["cors", "apply"], &bucket(&store, "custom")).await;
    assert_eq!((applied.code, applied.out.as_str()), (1, ""));
    assert!(applied.err.contains("GetBucketCors was answered with 404 NoSuchBucket"), "{}", applied.err);
}

#[tokio::test]
async fn a_provider_with_a_way_of_its_own_gets_exact_instructions() {
    let minio = provider("minio", &[("S3_ENDPOINT", "http://127.0.0.1:9000")]);
    let oracle = provider("oracle", &[("S3_ACCOUNT", "acme"), ("S3_REGION", "eu-1")]);
    for (variables, code, expected) in [
        (minio, 1, "MINIO_API_CORS_ALLOW_ORIGIN=https://my-app.com\n"),
        (provider("gcs", &[]), 1, "gcloud storage buckets update gs://photos --cors-file=cors.json\n"),
        (oracle, 1, "name the proxy in S3_PUBLIC_ENDPOINT"),
        (provider("storj", &[]), 0, "there is nothing to set"),
    ] {
        let applied = run(&["cors", "apply"], &variables).await;
        assert!(applied.out.contains(expected), "{}{}", applied.out, applied.err);
        assert_eq!(applied.code, code, "{}", applied.out);
    }
}

#[tokio::test]
async fn for_the_embedded_store_there_is_nothing_to_do() {
    let store = Store::start().await;
    let applied = run(&["cors", "apply"], &store.embedded_variables()).await;
    assert!(applied.out.contains("LEPTOS_SITE_ADDR=127.0.0.1:3000"), "{}{}", applied.out, applied.err);
    assert_eq!(applied.code, 0);
}
