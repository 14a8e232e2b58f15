//! `CompleteMultipartUpload`, when its answer is late, lost or asked for by several callers.

use futures::FutureExt;
use leptos_aws_s3::s3::Refusal;
use tokio::task::yield_now;

use crate::{
    quirky_store::{MINUTES, PROVIDERS, Quirk, QuirkyStore, SIZE, StoppedClock},
    support::file,
};

#[tokio::test]
async fn any_404_about_an_upload_means_that_it_is_gone_and_head_decides() {
    for code in ["NoSuchUpload", "NoSuchKey", "NoSuchBucket", ""] {
        for provider in PROVIDERS {
            let store = QuirkyStore::start(provider).await;
            let (done, aborted) = (store.completable().await, store.completable().await);
            let complete = async |token| store.service.complete(&store.visitor, token, vec![]).await;
            complete(&done.token).await.unwrap();
            store.service.discard(&store.visitor, &aborted.token).await.unwrap();
            store.misbehave(Quirk::Gone(code));
            assert_eq!(complete(&done.token).await.unwrap().key.as_str(), done.key, "{code}");
            assert_eq!(complete(&aborted.token).await, Err(Refusal::UploadMissing), "{code}");
            for upload in [&done, &aborted] {
                let listed = store.service.list_parts(&store.visitor, &upload.token).await;
                assert_eq!(listed, Err(Refusal::UploadMissing), "{code}");
            }
            store.service.discard(&store.visitor, &aborted.token).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_object_is_missing_only_where_head_says_so() {
    let store = QuirkyStore::start("custom").await;
    let signed = store.service.sign(&store.visitor, vec![file("a", "", SIZE)]).await.remove(0).unwrap();
    let token = signed.token.unwrap();
    assert_eq!(store.service.confirm(&store.visitor, &token).await, Err(Refusal::ObjectMissing));
    store.misbehave(Quirk::HidesAbsence);
    let hidden = store.service.confirm(&store.visitor, &token).await;
    assert!(matches!(hidden, Err(Refusal::StoreRefused { .. })), "{hidden:?}");
    store.put_object(&signed.parameters.fields["key"], SIZE);
    for quirk in [Quirk::Redirects, Quirk::RetryAfterDate] {
        store.misbehave(quirk);
        let doubtful = store.service.confirm(&store.visitor, &token).await;
        assert!(matches!(doubtful, Err(Refusal::StoreUnavailable { .. })), "{quirk:?}: {doubtful:?}");
    }
}

#[tokio::test]
async fn a_completion_that_takes_minutes_succeeds_for_all_who_ask_for_it() {
    for quirk in [Quirk::CompletesForMinutes, Quirk::CompletesInSilence] {
        for provider in PROVIDERS {
            let clock = StoppedClock::stop();
            let store = QuirkyStore::start(provider).await;
            let upload = store.completable().await;
            store.misbehave(quirk);
            let complete = || store.service.complete(&store.visitor, &upload.token, vec![]);
            let later = async {
                store.is_completing().await;
                let later = complete();
                futures::pin_mut!(later);
                assert!((&mut later).now_or_never().is_none());
                clock.advance(MINUTES).await;
                later.await
            };
            let (one, other, later) = tokio::join!(complete(), complete(), later);
            assert_eq!(one.map(|object| object.key.to_string()), Ok(upload.key), "{quirk:?}");
            assert!(other.is_ok() && later.is_ok(), "{quirk:?}: {other:?} {later:?}");
            assert_eq!(store.calls("POST "), 2, "CreateMultipartUpload, and one completion");
            tokio::time::resume();
        }
    }
}

#[tokio::test]
async fn while_another_replica_completes_an_upload_it_is_missing_and_nothing_is_destroyed() {
    let clock = StoppedClock::stop();
    let store = QuirkyStore::start("minio").await;
    let upload = store.completable().await;
    store.misbehave(Quirk::CompletesForMinutes);
    let (visitor, replica) = (&store.visitor, store.replica());
    let meanwhile = async {
        store.is_completing().await;
        let missing = store.service.complete(visitor, &upload.token, vec![]).await;
        clock.advance(MINUTES).await;
        missing
    };
    let (first, missing) = tokio::join!(replica.complete(visitor, &upload.token, vec![]), meanwhile);
    let second = store.service.complete(visitor, &upload.token, vec![]).await;
    assert_eq!((missing, second), (Err(Refusal::UploadMissing), Ok(first.unwrap())));
    assert_eq!(store.destroyed(), [""; 0]);
}

#[tokio::test]
async fn a_completion_goes_on_when_its_caller_has_gone() {
    let clock = StoppedClock::stop();
    let store = QuirkyStore::start("custom").await;
    let upload = store.completable().await;
    store.misbehave(Quirk::CompletesForMinutes);
    {
        let gone = store.service.complete(&store.visitor, &upload.token, vec![]);
        let come = store.is_completing();
        futures::pin_mut!(gone, come);
        futures::future::select(gone, come).await;
    }
    let again = store.service.complete(&store.visitor, &upload.token, vec![]);
    futures::pin_mut!(again);
    assert!((&mut again).now_or_never().is_none(), "it waits for the one that goes on");
    clock.advance(MINUTES).await;
    assert_eq!((again.await.unwrap().key.as_str(), store.calls("POST ")), (upload.key.as_str(), 2));
}

#[tokio::test]
async fn an_upload_that_is_cancelled_while_it_is_completed_leaves_nothing() {
    for provider in PROVIDERS {
        let store = QuirkyStore::start(provider).await;
        let upload = store.completable().await;
        store.misbehave(Quirk::CompletesForMinutes);
        let complete = store.service.complete(&store.visitor, &upload.token, vec![]);
        let cancel = async {
            store.is_completing().await;
            let cancelled = store.service.discard(&store.visitor, &upload.token).await;
            store.end_completion();
            cancelled
        };
        let (completed, cancelled) = tokio::join!(complete, cancel);
        assert_eq!((completed, cancelled), (Err(Refusal::UploadMissing), Ok(())));
        assert_eq!((store.object(&upload.key), store.unfinished(&upload.key)), (None, vec![]));
        let again = store.service.complete(&store.visitor, &upload.token, vec![]).await;
        assert_eq!(again, Err(Refusal::UploadMissing), "it was cancelled");
    }
}

#[tokio::test]
async fn an_object_that_the_store_does_not_show_yet_after_its_completion_is_a_doubt() {
    for provider in PROVIDERS {
        let store = QuirkyStore::start(provider).await;
        let upload = store.completable().await;
        store.misbehave(Quirk::ShowsObjectsLate);
        let first = store.service.complete(&store.visitor, &upload.token, vec![]).await;
        assert!(matches!(first, Err(Refusal::StoreUnavailable { .. })), "{first:?}");
        // Once more it is not shown, and then it is.
        assert_eq!(store.service.complete(&store.visitor, &upload.token, vec![]).await, Err(Refusal::UploadMissing));
        assert!(store.service.complete(&store.visitor, &upload.token, vec![]).await.is_ok());
    }
}

#[tokio::test]
async fn an_abort_is_repeated_until_no_part_is_left() {
    let store = QuirkyStore::start("custom").await;
    let upload = store.completable().await;
    store.misbehave(Quirk::PartOutlivesAbort);
    store.service.discard(&store.visitor, &upload.token).await.unwrap();
    assert_eq!(store.unfinished(&upload.key), [""; 0]);
    assert_eq!(store.calls("DELETE "), 2);
}

#[tokio::test]
async fn an_upload_that_is_begun_while_its_owner_cancels_is_aborted() {
    let store = QuirkyStore::start("custom").await;
    let upload = store.completable().await;
    let begin = store.begin_again(&upload);
    futures::pin_mut!(begin);
    assert!((&mut begin).now_or_never().is_none());
    store.service.discard(&store.visitor, &upload.reservation).await.unwrap();
    yield_now().await;
    assert_eq!(begin.await.map(drop), Err(Refusal::UploadMissing));
    assert_eq!(store.unfinished(&upload.key), [""; 0]);
}
