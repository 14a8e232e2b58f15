use super::world::{World, limit, unreachable_server};
use super::world_in_parts::PART;
use crate::engine::{CallFailure, Engine, FileId, Input, Options, RetryPolicy, Status};
use crate::s3::Refusal;

fn with_retries(max_retries: u32, options: Options) -> Options {
    Options { retry: RetryPolicy { max_retries, ..RetryPolicy::default() }, ..options }
}

fn begun(options: Options, parts: u16) -> (World, FileId) {
    let mut world = World::new(options);
    let file = world.begun(parts);
    (world, file)
}

fn sending(options: Options, parts: u16) -> (World, FileId) {
    let mut world = World::new(options);
    let file = world.sending_parts(parts);
    (world, file)
}

fn joining(options: Options, parts: u16) -> (World, FileId) {
    let mut world = World::new(options);
    let file = world.joining(parts);
    (world, file)
}

#[test]
fn a_file_in_parts_is_reserved_begun_sent_and_put_together() {
    let mut world = World::new(limit(2));
    let file = world.add_in_parts(2);
    world.act(Engine::upload);
    world.sign();
    assert_eq!(world.told(), "added 1; start 1; sign 1; create 1");
    world.create();
    world.sign();
    assert_eq!(world.told(), "remember 1; sign parts 1 2 of u1; send 1 0..5M as #1; send 1 5M..10M as #2");
    world.store_part(file, 1);
    world.store_part(file, 2);
    assert_eq!(world.told(), "part 1.1 uploaded; part 1.2 uploaded; join u1");
    assert_eq!(world.status(file), Status::Finishing);
    world.confirm();
    assert_eq!(world.told(), "forget u1; success 1; complete [1] failed []");
}

#[test]
fn parts_go_side_by_side_up_to_the_limit_and_a_freed_slot_takes_the_next_at_once() {
    let (mut world, file) = sending(limit(2), 5);
    world.store_part(file, 2);
    assert_eq!(world.told(), "part 1.2 uploaded; send 1 10M..15M as #3");
    world.store_part(file, 3);
    assert_eq!(world.told(), "part 1.3 uploaded; send 1 15M..20M as #4");
}

#[test]
fn parts_are_signed_in_batches_for_what_starts_soon() {
    let (mut world, _) = begun(limit(3), 20);
    assert_eq!(world.told(), "remember 1; sign parts 1 2 3 4 5 6 of u1");
    world.sign();
    assert_eq!(world.told(), "send 1 0..5M as #1; send 1 5M..10M as #2; send 1 10M..15M as #3; sign parts 7 8 9 of u1");
}

#[test]
fn no_more_than_sixteen_parts_of_a_file_go_at_one_time_even_without_a_limit() {
    let (mut world, file) = begun(Options::default(), 40);
    world.sign();
    let sends = |told: String| told.split("; ").filter(|line| line.starts_with("send")).count();
    assert_eq!(sends(world.told()), 16);
    world.store_part(file, 1);
    world.sign();
    assert_eq!(sends(world.told()), 1);
}

#[test]
fn a_store_that_takes_fewer_parts_of_a_file_at_one_time_is_sent_no_more_and_other_files_go_on() {
    let mut world = World::new(Options { max_part_requests: 2, ..limit(4) });
    let file = world.sending_parts(5);
    assert!(world.was_part_sent(file, 2) && !world.was_part_sent(file, 3));
    let other = world.sending_parts(5);
    assert!(world.was_part_sent(other, 2) && !world.was_part_sent(other, 3));
    world.store_part(file, 1);
    world.sign();
    assert!(world.was_part_sent(file, 3) && !world.was_part_sent(file, 4));
}

#[test]
fn a_lost_part_is_looked_for_before_it_is_sent_again() {
    let (mut world, file) = sending(limit(1), 2);
    world.part_sent(file, 1);
    world.break_part(file, 1);
    assert_eq!(world.told(), "progress 1; send 1 5M..10M as #2; list u1");
    world.list(&[1]);
    assert_eq!(world.told(), "part 1.1 uploaded");
}

#[test]
fn a_lost_part_that_the_store_does_not_have_is_sent_again() {
    let (mut world, file) = sending(limit(2), 2);
    world.part_sent(file, 1);
    world.break_part(file, 1);
    world.told();
    world.fail_to_list(unreachable_server());
    world.wait(1.0);
    assert_eq!(world.told(), "list u1");
    world.list(&[2]);
    world.wait(1.0);
    world.sign();
    assert_eq!(world.told(), "sign parts 1 of u1; send 1 0..5M as #3");
}

#[test]
fn a_part_that_broke_before_its_last_byte_is_sent_again_without_a_question() {
    let (mut world, file) = sending(limit(2), 2);
    world.part_progress(file, 1, 100);
    world.break_part(file, 1);
    world.wait(1.0);
    assert_eq!(world.told(), "progress 1; send 1 0..5M as #3");
}

#[test]
fn an_upload_that_is_gone_is_asked_for_its_object_and_starts_over_without_one() {
    let (mut world, file) = sending(limit(2), 2);
    world.reject_part(file, 1, 404, "NoSuchUpload", "None.");
    assert_eq!(world.told(), "cancel #2; join u1");
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert_eq!(world.told(), "forget u1", "there is nothing to discard");
    world.wait(1.0);
    world.sign();
    assert_eq!(world.told(), "sign 1; create 1");
}

#[test]
fn an_upload_that_is_gone_because_it_is_complete_is_a_success() {
    let (mut world, file) = sending(limit(2), 2);
    world.reject_part(file, 1, 404, "NoSuchUpload", "None.");
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn only_the_parts_that_the_store_misses_are_sent_again() {
    let (mut world, _) = joining(limit(3), 3);
    world.miss_parts(&[2]);
    world.sign();
    assert_eq!(world.told(), "sign parts 2 of u1; send 1 5M..10M as #4");
}

#[test]
fn parts_that_are_missing_again_and_again_fail_the_file() {
    let (mut world, file) = joining(with_retries(1, limit(2)), 2);
    world.miss_parts(&[2]);
    world.sign();
    world.store_part(file, 2);
    world.miss_parts(&[2]);
    assert!(world.error(file).starts_with("The store does not have all of this file yet"));
}

#[test]
fn a_paused_file_frees_its_slots_and_sends_only_unfinished_parts_when_resumed() {
    let (mut world, file) = sending(limit(2), 3);
    world.store_part(file, 1);
    world.told();
    world.act(|engine, now| engine.pause(file, now));
    assert_eq!(world.told(), "cancel #2; cancel #3");
    world.act(|engine, now| engine.resume(file, now));
    world.sign();
    assert_eq!(world.told(), "sign parts 2 3 of u1; send 1 5M..10M as #4; send 1 10M..15M as #5");
}

#[test]
fn a_failed_part_fails_the_file_and_cancels_its_siblings_and_a_retry_keeps_what_is_stored() {
    let (mut world, file) = sending(limit(2), 3);
    world.store_part(file, 1);
    world.told();
    world.reject_part(file, 2, 400, "InvalidArgument", "Not so.");
    assert_eq!(world.told(), "cancel #3; error 1; complete [] failed [1]");
    world.act(|engine, now| engine.retry(file, now));
    assert_eq!(world.told(), "start 1; sign parts 2 3 of u1");
}

#[test]
fn a_file_that_failed_with_all_its_parts_stored_is_only_put_together_by_a_retry() {
    let (mut world, file) = joining(Options::default(), 2);
    world.refuse_to_confirm(Refusal::StoreRefused { reason: "keys".into() });
    world.told();
    world.act(|engine, now| engine.retry(file, now));
    assert_eq!(world.told(), "start 1; join u1");
}

#[test]
fn an_upload_whose_token_is_over_starts_over() {
    let (mut world, file) = joining(Options::default(), 2);
    world.refuse_to_confirm(Refusal::TokenExpired);
    assert_eq!(world.told(), "discard u1");
    world.wait(1.0);
    assert_eq!(world.told(), "sign 1");
    assert_eq!(world.engine.file(file).unwrap().token(), None);
}

#[test]
fn the_retries_of_one_part_are_not_those_of_another() {
    let (mut world, file) = sending(with_retries(1, limit(2)), 2);
    world.break_part(file, 1);
    world.break_part(file, 2);
    world.wait(2.0);
    assert_eq!(world.status(file), Status::Uploading);
    world.break_part(file, 1);
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn a_part_that_was_stored_and_is_lost_has_all_its_retries_again() {
    let (mut world, file) = sending(with_retries(1, limit(1)), 1);
    world.break_part(file, 1);
    world.wait(2.0);
    world.store_part(file, 1);
    world.miss_parts(&[1]);
    world.sign();
    world.break_part(file, 1);
    world.wait(2.0);
    assert_eq!(world.status(file), Status::Resending);
}

#[test]
fn a_part_whose_signature_is_refused_without_words_is_signed_again_at_once() {
    let (mut world, file) = sending(with_retries(0, limit(2)), 2);
    world.reject_part(file, 2, 403, "AccessDenied", "");
    world.sign();
    assert_eq!(world.told(), "sign parts 2 of u1; send 1 5M..10M as #3");
}

#[test]
fn a_part_whose_new_signature_is_refused_too_fails_the_file() {
    let (mut world, file) = sending(limit(2), 2);
    world.reject_part(file, 2, 403, "AccessDenied", "");
    world.sign();
    world.reject_part(file, 2, 403, "AccessDenied", "");
    assert!(
        world.error(file).starts_with("The store refused the upload, and again with a new signature: AccessDenied.")
    );
}

#[test]
fn the_signatures_of_other_parts_are_older_and_renewed_too() {
    let (mut world, file) = sending(limit(2), 2);
    world.reject_part(file, 1, 403, "AccessDenied", "");
    world.sign();
    world.reject_part(file, 2, 403, "AccessDenied", "");
    world.sign();
    assert_eq!(
        world.told(),
        "sign parts 1 of u1; send 1 0..5M as #3; sign parts 2 of u1; send 1 5M..10M as #4",
        "each is signed once more"
    );
}

#[test]
fn a_store_that_is_overloaded_gets_half_the_requests() {
    let (mut world, file) = sending(limit(4), 9);
    world.reject_part(file, 1, 503, "SlowDown", "Please reduce your request rate.");
    world.store_part(file, 2);
    assert_eq!(world.told(), "part 1.2 uploaded", "two are left");
    world.store_part(file, 3);
    assert!(world.told().contains("; send 1 20M..25M as #5"));
}

#[test]
fn parts_wait_for_the_network_and_go_on_with_it() {
    let (mut world, file) = sending(with_retries(0, limit(1)), 2);
    world.input(Input::Offline);
    world.break_part(file, 1);
    assert_eq!(world.status(file), Status::Offline);
    assert_eq!(world.told(), "");
    world.input(Input::Online);
    assert_eq!(world.told(), "send 1 0..5M as #2");
}

#[test]
fn a_file_resumed_without_a_network_says_what_it_waits_for_and_tries_it() {
    let (mut world, file) = sending(limit(1), 2);
    world.act(|engine, now| engine.pause(file, now));
    world.input(Input::Offline);
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.status(file), Status::Offline);
    world.told();
    world.wait(10.0);
    assert_eq!(world.told(), "sign parts 1 of u1");
}

#[test]
fn progress_is_of_all_parts_and_never_goes_back() {
    let (mut world, file) = sending(limit(2), 2);
    world.part_progress(file, 1, 100);
    world.part_progress(file, 2, 50);
    assert_eq!(world.progress_of(file).sent, 150);
    world.break_part(file, 1);
    assert_eq!(world.progress_of(file).sent, 150);
    assert_eq!(world.status(file), Status::Resending);
    world.store_part(file, 2);
    assert_eq!(world.progress_of(file).sent, PART);
    world.wait(2.0);
    world.store_part(file, 1);
    assert_eq!(world.progress_of(file).percent(), 99);
    world.confirm();
    assert_eq!(world.progress_of(file).percent(), 100);
}

#[test]
fn a_removed_file_is_discarded_with_all_its_parts() {
    let (mut world, file) = sending(limit(2), 2);
    world.act(|engine, now| engine.remove(file, now));
    assert_eq!(world.told(), "cancel #1; cancel #2; discard u1; removed 1");
}

#[test]
fn a_file_removed_while_it_is_put_together_is_discarded_again_when_that_is_over() {
    let (mut world, file) = joining(limit(2), 2);
    world.act(|engine, now| engine.remove(file, now));
    assert_eq!(world.told(), "discard u1; removed 1");
    world.confirm();
    assert_eq!(world.told(), "discard u1");
}

#[test]
fn parts_that_the_network_left_in_doubt_are_looked_for_in_one_call() {
    let (mut world, file) = sending(limit(2), 2);
    world.input(Input::Offline);
    for part in [1, 2] {
        world.part_sent(file, part);
        world.break_part(file, part);
    }
    world.told();
    world.input(Input::Online);
    assert_eq!(world.told(), "list u1");
    world.list(&[2, 1]);
    assert_eq!(world.told(), "part 1.1 uploaded; part 1.2 uploaded; join u1");
}

#[test]
fn an_upload_that_is_gone_when_its_parts_are_looked_for_is_asked_for_its_object() {
    let (mut world, file) = sending(limit(2), 2);
    world.part_sent(file, 1);
    world.break_part(file, 1);
    world.told();
    world.fail_to_list(CallFailure::Refused(Refusal::UploadMissing));
    assert_eq!(world.told(), "cancel #2; join u1");
}

#[test]
fn an_upload_whose_token_is_over_when_its_parts_are_looked_for_starts_over() {
    let (mut world, file) = sending(limit(2), 2);
    world.part_sent(file, 1);
    world.break_part(file, 1);
    world.told();
    world.fail_to_list(CallFailure::Refused(Refusal::TokenExpired));
    assert_eq!(world.told(), "cancel #2; discard u1");
}

#[test]
fn parts_that_stall_together_fail_the_file_once_and_halve_the_requests_of_all() {
    let (mut world, file) = sending(with_retries(0, limit(4)), 4);
    for part in 1..=4 {
        world.part_progress(file, part, 100);
    }
    world.told();
    world.wait(30.0);
    assert_eq!(world.told(), "cancel #1; stalled 1; error 1; cancel #2; cancel #3; cancel #4; complete [] failed [1]");
    world.act(|engine, now| engine.retry(file, now));
    world.sign();
    let sends = world.told().split("; ").filter(|line| line.starts_with("send")).count();
    assert_eq!(sends, 2);
}

#[test]
fn a_server_that_takes_fewer_parts_in_a_call_gets_smaller_calls() {
    let (mut world, _) = begun(limit(2), 4);
    world.told();
    world.refuse_to_sign(&Refusal::TooManyFiles { max: 3 });
    assert_eq!(world.told(), "sign parts 1 2 3 of u1; sign parts 4 of u1");
}

#[test]
fn a_file_has_no_speed_when_all_its_parts_stand_still() {
    let (mut world, file) = sending(limit(2), 2);
    for sent in [100, 200, 300] {
        world.part_progress(file, 1, sent);
        world.part_progress(file, 2, sent);
        world.wait(0.5);
    }
    assert!(world.progress_of(file).speed > 0.0);
    world.wait(6.0);
    assert_eq!(world.progress_of(file).time_left, None);
}
