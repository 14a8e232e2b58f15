//! What the page is told of its store.

use crate::support::{router_for, serve};

async fn page_of(provider: &str) -> String {
    let env = [("S3_PROVIDER", provider), ("S3_BUCKET", "photos"), ("S3_REGION", "fra1")];
    reqwest::get(serve(router_for(&env)).await).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn the_page_is_told_how_many_parts_its_store_takes_in_all_and_at_one_time() {
    for (provider, all, at_one_time) in [
        ("digitalocean", r#"data-max-parts="10000""#, Some(r#"data-max-part-requests="10""#)),
        ("scaleway", r#"data-max-parts="1000""#, None),
    ] {
        let page = page_of(provider).await;
        assert!(page.contains(all), "{provider}");
        match at_one_time {
            Some(at_one_time) => assert!(page.contains(at_one_time), "{provider}"),
            None => assert!(!page.contains("data-max-part-requests"), "{provider}"),
        }
    }
}
