use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

use crate::support::{Configuration, Scripted, Store, error, provider, run};

const OTHERS: &str = "<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix>\
    </Filter><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>";

async fn strict() -> Scripted {
    Scripted::start(|line| match line {
        _ if line.starts_with("GET") => (200, OTHERS.to_owned()),
        _ => (200, String::new()),
    })
    .await
}

#[tokio::test]
async fn unfinished_uploads_under_the_prefix_end_and_other_rules_stay() {
    let store = strict().await;
    let applied = run(&["lifecycle", "apply"], &provider("garage", &[("S3_ENDPOINT", &store.endpoint())])).await;
    assert!(
        applied.out.contains("under `uploads/` that are unfinished after 7 days"),
        "{}{}",
        applied.out,
        applied.err
    );
    let put = store.heard("PUT /photos/?lifecycle").remove(0);
    assert_eq!(put.headers["content-md5"], BASE64.encode(Md5::digest(&put.body)));
    let xml = String::from_utf8(put.body.to_vec()).unwrap();
    assert!(xml.contains("<ID>old</ID>") && xml.contains("<Days>30</Days>"), "{xml}");
    assert!(xml.contains("<Prefix>uploads/</Prefix>"), "{xml}");
    let abort = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>";
    assert!(xml.contains(abort), "{xml}");
}

#[tokio::test]
async fn the_days_are_the_operators() {
    let store = strict().await;
    let variables = provider("garage", &[("S3_ENDPOINT", &store.endpoint())]);
    assert_eq!(run(&["lifecycle", "apply", "--days", "2"], &variables).await.code, 0);
    let xml = String::from_utf8(store.heard("PUT").remove(0).body.to_vec()).unwrap();
    assert!(xml.contains("<DaysAfterInitiation>2</DaysAfterInitiation>"), "{xml}");
    assert_eq!(run(&["lifecycle", "apply", "--days", "0"], &variables).await.code, 2);
}

#[tokio::test]
async fn objects_of_any_size_that_change_their_storage_class_still_do() {
    const MINIMUM: &str = "x-amz-transition-default-minimum-object-size";

    for value in ["varies_by_storage_class", "all_storage_classes_128K"] {
        let (configuration, endpoint) = Configuration::serve(OTHERS, Some((MINIMUM, value))).await;
        let aws =
            provider("aws", &[("S3_ENDPOINT", &endpoint), ("S3_REGION", "eu-1"), ("S3_FORCE_PATH_STYLE", "true")]);
        let applied = run(&["lifecycle", "apply"], &aws).await;
        assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
        assert_eq!(configuration.header().as_deref(), Some(value));
    }
    let (configuration, endpoint) = Configuration::serve(OTHERS, None).await;
    assert_eq!(run(&["lifecycle", "apply"], &provider("garage", &[("S3_ENDPOINT", &endpoint)])).await.code, 0);
    assert_eq!(configuration.header(), None, "nothing is sent that was not there");
}

#[tokio::test]
async fn rules_that_something_else_sets_at_the_same_time_are_not_passed_over_in_silence() {
    let (configuration, endpoint) = Configuration::serve(OTHERS, None).await;
    let variables = provider("garage", &[("S3_ENDPOINT", &endpoint)]);
    let quiet = run(&["lifecycle", "apply"], &variables).await;
    assert!(quiet.code == 0 && quiet.out.ends_with("Other rules it keeps: 1.\n"), "{}{}", quiet.out, quiet.err);
    assert!(configuration.xml().contains("<DaysAfterInitiation>7</DaysAfterInitiation>"), "{}", configuration.xml());

    configuration.is_overwritten_with(&OTHERS.replace("30", "31"));
    let raced = run(&["lifecycle", "apply"], &variables).await;
    assert!(raced.out.contains("something else has changed them at the same time"), "{}{}", raced.out, raced.err);
    assert!(raced.out.contains("run `leptos-aws-s3 lifecycle apply` again"), "{}", raced.out);
    assert_eq!(raced.code, 1);

    configuration.is_late();
    let late = run(&["lifecycle", "apply", "--days", "3"], &variables).await;
    assert!(late.out.contains("The bucket still shows the rules that were there before"), "{}{}", late.out, late.err);
    assert_eq!(late.code, 0);
}

#[tokio::test]
async fn a_rule_for_the_whole_bucket_is_set_only_when_somebody_says_so() {
    let (configuration, endpoint) = Configuration::serve(OTHERS, None).await;
    let variables = provider("garage", &[("S3_ENDPOINT", &endpoint), ("UPLOAD_PREFIX", "/")]);
    let refused = run(&["lifecycle", "apply"], &variables).await;
    assert!(refused.err.contains("Set UPLOAD_PREFIX, or say --whole-bucket."), "{}{}", refused.out, refused.err);
    assert_eq!((refused.code, configuration.xml().as_str()), (1, OTHERS));
    let set = run(&["lifecycle", "apply", "--whole-bucket"], &variables).await;
    assert_eq!(set.code, 0, "{}{}", set.out, set.err);
    assert!(configuration.xml().contains("<AbortIncompleteMultipartUpload>"), "{}", configuration.xml());
}

#[tokio::test]
async fn where_the_store_can_not_a_person_reads_what_to_do() {
    let store = Scripted::start(|_| (501, error("NotImplemented"))).await;
    let minio = provider("minio", &[("S3_ENDPOINT", &store.endpoint())]);
    let custom = provider("custom", &[("S3_ENDPOINT", &store.endpoint())]);
    let embedded = Store::start().await;
    for (variables, expected) in [
        (minio, "MINIO_API_STALE_UPLOADS_EXPIRY"),
        (custom, "501 NotImplemented: said so. Let `leptos-aws-s3 reap --yes` run now and then."),
        (provider("storj", &[]), "Storj has no lifecycle rules. Let `leptos-aws-s3 reap --yes` run now and then."),
        (embedded.embedded_variables(), "The embedded store has no lifecycle rules."),
    ] {
        let applied = run(&["lifecycle", "apply"], &variables).await;
        assert!(applied.out.contains(expected), "{}{}", applied.out, applied.err);
        assert_eq!(applied.code, 1);
    }
}
