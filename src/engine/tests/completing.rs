use super::world::{World, limit, unreachable_server};
use super::world_in_parts::PART;
use crate::engine::{CallFailure, Engine, FileId, Interrupted, Options, RetryPolicy, Status};
use crate::s3::{FileInfo, PartPlan, Refusal, UploadToken};

const WEEK: f64 = 7.0 * 24.0 * 3_600.0;

fn completing() -> (World, FileId) {
    completing_with(limit(2))
}

/// A world with a file of two parts, all in the store, and the server asked to complete it.
fn completing_with(options: Options) -> (World, FileId) {
    let mut world = World::new(options);
    let file = world.joining(2);
    (world, file)
}

/// A failure that does not say what became of the call.
fn unclear() -> [CallFailure; 3] {
    let refused = |refusal| CallFailure::Refused(refusal);
    let unavailable = Refusal::StoreUnavailable { reason: "no answer in time".into() };
    [unreachable_server(), refused(unavailable), refused(Refusal::ObjectMissing)]
}

/// Waits as long as it takes until the server is asked again.
fn asked_again(world: &mut World) {
    world.wait(300.0);
    assert_eq!(world.told(), "join u1");
}

#[test]
fn an_upload_that_was_completed_without_an_answer_is_asked_for_until_its_object_shows_and_neither_discarded_nor_sent_again()
 {
    for failure in unclear() {
        let (mut world, file) = completing();
        world.fail_to_confirm(failure);
        asked_again(&mut world);
        // CompleteMultipartUpload is still running: ListParts and HeadObject find nothing.
        for _ in 0..20 {
            world.refuse_to_confirm(Refusal::UploadMissing);
            assert!(matches!(world.status(file), Status::Retrying { .. }));
            asked_again(&mut world);
        }
        world.confirm();
        assert_eq!(world.told(), "forget u1; success 1; complete [1] failed []");
    }
}

#[test]
fn no_number_of_unanswered_calls_fails_an_upload_that_may_be_completed() {
    let (mut world, file) =
        completing_with(Options { retry: RetryPolicy { max_retries: 1, ..RetryPolicy::default() }, ..limit(2) });
    for _ in 0..50 {
        world.fail_to_confirm(unreachable_server());
        asked_again(&mut world);
    }
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn an_upload_that_may_be_completed_fails_in_words_and_is_left_alone_when_its_token_has_expired() {
    for refusal in [Refusal::TokenExpired, Refusal::TokenInvalid] {
        let (mut world, file) = completing();
        world.fail_to_confirm(unreachable_server());
        asked_again(&mut world);
        world.refuse_to_confirm(refusal);
        assert_eq!(world.told(), "forget u1; error 1; complete [] failed [1]");
        assert!(world.error(file).contains("Look whether the bucket has up/1"), "{}", world.error(file));
        world.act(|engine, now| engine.remove(file, now));
        assert_eq!(world.told(), "removed 1");
    }
}

#[test]
fn an_upload_that_may_be_completed_is_asked_for_no_longer_than_its_token_lives() {
    let (mut world, file) = completing();
    world.fail_to_confirm(unreachable_server());
    asked_again(&mut world);
    world.pass(WEEK);
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert_eq!(world.told(), "forget u1; error 1; complete [] failed [1]");
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn a_person_who_retries_an_upload_of_unknown_completion_uploads_it_to_another_key() {
    let (mut world, file) = completing();
    world.fail_to_confirm(unreachable_server());
    asked_again(&mut world);
    world.refuse_to_confirm(Refusal::TokenExpired);
    world.told();
    world.act(|engine, now| engine.retry(file, now));
    assert_eq!(world.told(), "start 1; sign 1");
    assert_eq!(world.engine.file(file).unwrap().token(), None);
}

#[test]
fn an_upload_that_is_gone_and_was_never_asked_to_complete_without_an_answer_starts_over() {
    let (mut world, _) = completing();
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert_eq!(world.told(), "forget u1");
    world.wait(1.0);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn a_part_that_is_answered_with_404_is_asked_for_whatever_the_code_but_not_without_a_bucket() {
    for code in ["NoSuchUpload", "NoSuchKey", ""] {
        let mut world = World::new(limit(2));
        let file = world.sending_parts(2);
        world.reject_part(file, 1, 404, code, "None.");
        assert_eq!(world.told(), "cancel #2; join u1", "{code}");
    }
    let mut world = World::new(limit(2));
    let file = world.sending_parts(2);
    world.reject_part(file, 1, 404, "NoSuchBucket", "None.");
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn an_unanswered_call_while_parts_are_missing_completes_nothing() {
    let mut world = World::new(limit(2));
    let file = world.sending_parts(2);
    world.reject_part(file, 1, 404, "NoSuchKey", "");
    world.fail_to_confirm(unreachable_server());
    world.wait(1.0);
    world.told();
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert_eq!(world.told(), "forget u1");
}

#[test]
fn an_object_that_is_not_the_file_is_discarded_even_if_nobody_heard_of_its_completion() {
    for refusal in [Refusal::SizeMismatch { expected: 2, actual: 1 }, Refusal::ChecksumMismatch] {
        let (mut world, _) = completing();
        world.fail_to_confirm(unreachable_server());
        asked_again(&mut world);
        world.refuse_to_confirm(refusal);
        assert_eq!(world.told(), "discard u1");
    }
    let (mut world, _) = completing();
    world.confirm_with_size(2 * PART - 1);
    assert_eq!(world.told(), "discard u1");
}

#[test]
fn parts_that_are_missing_after_an_unanswered_call_are_sent_and_what_may_be_completed_is_still_not_discarded() {
    let (mut world, file) = completing();
    world.fail_to_confirm(unreachable_server());
    asked_again(&mut world);
    world.miss_parts(&[2]);
    assert_eq!(world.told(), "sign parts 2 of u1");
    world.refuse_to_sign(&Refusal::TokenExpired);
    assert_eq!(world.told(), "forget u1; error 1; complete [] failed [1]");
    assert!(world.error(file).contains("did not say in time"));
}

#[test]
fn a_server_that_misses_parts_and_names_none_is_asked_again_and_nothing_starts_over() {
    let (mut world, file) =
        completing_with(Options { retry: RetryPolicy { max_retries: 1, ..RetryPolicy::default() }, ..limit(2) });
    world.miss_parts(&[]);
    world.wait(2.0);
    assert_eq!(world.told(), "join u1");
    world.miss_parts(&[]);
    assert_eq!(world.told(), "error 1; complete [] failed [1]");
    assert_eq!(world.status(file), Status::Failed);
}

/// A file of two parts that an earlier page began and left with so many stored.
fn interrupted(parts: u16) -> (World, FileId) {
    let mut world = World::new(limit(2));
    let upload = Interrupted {
        token: UploadToken::new("u1".into()),
        key: "up/1".into(),
        location: None,
        algorithm: None,
        checksums: Vec::new(),
        parts,
    };
    let info = FileInfo { size: 2 * PART, ..FileInfo::default() };
    let file = world.engine.add_interrupted(info, PartPlan::new(2 * PART, PART).unwrap(), upload, true);
    (world, file)
}

/// The same, chosen again; the store does not know its upload.
fn resumed_without_upload(parts: u16) -> (World, FileId) {
    let (mut world, file) = interrupted(parts);
    let info = world.engine.file(file).unwrap().info().clone();
    world.act(|engine, now| {
        engine.reopen(file, info);
        engine.resume(file, now);
    });
    world.fail_to_list(CallFailure::Refused(Refusal::UploadMissing));
    world.told();
    world.refuse_to_confirm(Refusal::UploadMissing);
    (world, file)
}

#[test]
fn an_upload_of_which_an_earlier_page_had_stored_all_parts_may_be_completed() {
    let (mut world, file) = resumed_without_upload(2);
    assert_eq!(world.told(), "");
    asked_again(&mut world);
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn an_upload_that_an_earlier_page_may_have_completed_and_of_whose_token_nobody_knows_the_life_is_asked_for_an_hour() {
    let (mut world, file) = resumed_without_upload(2);
    world.pass(3_500.0);
    world.act(Engine::handle_timeout);
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert!(matches!(world.status(file), Status::Retrying { .. }));
    world.wait(300.0);
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert!(world.error(file).contains("did not say in time"));
}

#[test]
fn an_upload_of_which_an_earlier_page_had_not_stored_all_parts_can_not_be_completed() {
    let (mut world, _) = resumed_without_upload(1);
    assert_eq!(world.told(), "forget u1");
}

#[test]
fn an_interrupted_upload_whose_file_is_another_is_discarded_unless_it_may_be_completed() {
    for (parts, told) in [(1, "added 1; discard u1; removed 1"), (2, "added 1; forget u1; removed 1")] {
        let (mut world, file) = interrupted(parts);
        world.act(|engine, now| engine.replace_interrupted(file, now));
        assert_eq!(world.told(), told);
    }
}

#[test]
fn a_file_in_parts_is_sent_from_its_first_byte_four_times_at_most() {
    let mut world = World::new(limit(2));
    let file = world.joining(1);
    for _ in 0..3 {
        world.refuse_to_confirm(Refusal::ChecksumMismatch);
        world.wait(30.0);
        world.sign();
        world.create();
        world.sign();
        world.store_part(file, 1);
    }
    world.refuse_to_confirm(Refusal::ChecksumMismatch);
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn a_file_removed_while_nobody_knows_whether_it_is_completed_is_discarded() {
    let (mut world, file) = completing();
    world.fail_to_confirm(unreachable_server());
    world.act(|engine, now| engine.remove(file, now));
    assert_eq!(world.told(), "discard u1; removed 1");
}
