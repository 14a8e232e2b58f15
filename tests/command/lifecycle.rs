use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

use crate::support::{Scripted, Store, error, provider, run};

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
