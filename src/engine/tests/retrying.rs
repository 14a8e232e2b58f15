use std::time::Duration;

use super::world::{World, limit};
use crate::engine::{FileId, Input, Options, RequestFailure, Response, RetryPolicy, Status};

/// Options with so many retries.
fn retries(max_retries: u32) -> Options {
    Options { retry: RetryPolicy { max_retries, ..RetryPolicy::default() }, ..Options::default() }
}

fn world(options: Options) -> (World, FileId) {
    let mut world = World::new(options);
    let file = world.sending(100);
    (world, file)
}

#[test]
fn a_broken_connection_is_tried_again_on_the_same_signature() {
    let (mut world, file) = world(Options::default());
    world.progress(file, 10);
    world.break_connection(file);
    world.told();
    world.wait(1.0);
    assert_eq!(world.told(), "send 1 0..100 as #2");
}

#[test]
fn a_bucket_that_never_answers_fails_the_file_with_a_word_on_cors() {
    let (mut world, file) = world(retries(2));
    for _ in 0..3 {
        world.break_connection(file);
        world.wait(30.0);
    }
    let error = world.error(file);
    let names = ["after 3 tries", "CORS", "content blocker"];
    assert!(names.iter().all(|name| error.contains(name)), "{error}");
}

#[test]
fn what_the_store_calls_passing_is_tried_again() {
    for (status, code) in [(503, "SlowDown"), (500, "InternalError"), (429, ""), (400, "RequestTimeout")] {
        let (mut world, file) = world(Options::default());
        world.reject(file, status, code, "Later.");
        assert!(matches!(world.status(file), Status::Retrying { .. }), "{status} {code}");
        world.wait(1.0);
        assert_eq!(world.told(), "send 1 0..100 as #2");
    }
}

#[test]
fn retries_end_with_the_stores_own_words() {
    let (mut world, file) = world(retries(1));
    world.reject(file, 503, "SlowDown", "Please reduce your request rate.");
    world.wait(1.0);
    world.reject(file, 503, "SlowDown", "Please reduce your request rate.");
    assert_eq!(world.error(file), "The store refused the upload: Please reduce your request rate. (SlowDown).");
}

#[test]
fn retry_after_is_the_shortest_delay_but_never_longer_than_ten_minutes() {
    for (asked_s, waited_s) in [(90, 90.0), (86_400, 600.0)] {
        let (mut world, file) = world(Options::default());
        let retry_after = Some(Duration::from_secs(asked_s));
        world.respond(file, Response { status: 503, retry_after, ..Response::default() });
        assert_eq!(world.status(file), Status::Retrying { after: Duration::from_secs_f64(waited_s) });
        world.wait(waited_s - 0.1);
        assert_eq!(world.told(), "");
        world.wait(0.1);
        assert_eq!(world.told(), "send 1 0..100 as #2");
    }
}

#[test]
fn what_arrived_changed_is_signed_and_sent_again() {
    let (mut world, file) = world(Options::default());
    world.reject(file, 400, "BadDigest", "The checksum did not match.");
    world.wait(1.0);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn a_refused_signature_is_renewed_at_once_whatever_the_store_calls_it_and_does_not_count() {
    let refusals = [
        (403, "AccessDenied", "Request has expired"),
        (403, "AccessDenied", ""),
        (403, "", ""),
        (401, "Unauthorized", ""),
        (400, "ExpiredToken", ""),
        (400, "MalformedHeader", "Nothing about time."),
    ];
    for (status, code, message) in refusals {
        let (mut world, file) = world(retries(0));
        world.reject(file, status, code, message);
        assert_eq!(world.told(), "sign 1", "{status} {code}");
        world.sign();
        assert_eq!(world.told(), "send 1 0..100 as #2");
        assert_eq!(world.status(file), Status::Uploading);
    }
}

#[test]
fn a_signature_that_was_made_after_a_refusal_and_is_refused_too_fails_the_file_with_what_to_do_about_it() {
    let refusals = [
        ("RequestTimeTooSkewed", "The difference is too large.", "The clocks of the server and the store differ"),
        ("InvalidAccessKeyId", "No such key.", "The server's S3 keys need a look."),
        ("AccessDenied", "Access Denied", "may not write to this bucket"),
    ];
    for (code, message, remedy) in refusals {
        let (mut world, file) = world(Options::default());
        world.reject(file, 403, code, message);
        world.sign();
        world.break_connection(file);
        world.wait(2.0);
        world.reject(file, 403, code, message);
        let error = world.error(file);
        assert!(error.contains(&format!("again with a new signature: {message} ({code}).")), "{error}");
        assert!(error.contains(remedy), "{error}");
    }
}

#[test]
fn a_new_signature_that_expires_on_the_way_is_renewed_after_a_while_and_counts() {
    let mut world = World::new(retries(1)).with_signature_life(Duration::from_secs(60));
    let file = world.sending(100);
    for _ in 0..2 {
        world.progress(file, 1);
        world.pass(61.0);
        world.reject(file, 403, "AccessDenied", "");
        world.wait(2.0);
        assert_eq!(world.status(file), Status::Preparing);
        world.sign();
    }
    world.pass(61.0);
    world.reject(file, 403, "AccessDenied", "");
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn a_bad_request_whose_signature_has_expired_meanwhile_is_signed_again_and_another_is_not() {
    let mut world = World::new(Options::default()).with_signature_life(Duration::from_secs(60));
    let file = world.sending(100);
    world.progress(file, 1);
    world.pass(61.0);
    world.told();
    world.reject(file, 400, "InvalidRequest", "Date is too old.");
    assert_eq!(world.told(), "sign 1");
    world.sign();
    world.reject(file, 400, "InvalidRequest", "Not so.");
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn a_refusal_fails_the_file_with_what_to_do_about_it() {
    let (mut world, file) = world(Options::default());
    world.reject(file, 404, "NoSuchBucket", "The specified bucket does not exist");
    assert_eq!(world.told(), "error 1; complete [] failed [1]");
    assert!(world.error(file).ends_with("The bucket in the server's configuration does not exist."));
}

fn fail_request(world: &mut World, file: FileId, failure: RequestFailure) {
    let request = world.request(file);
    world.input(Input::RequestFailed { request, failure });
}

#[test]
fn a_file_that_can_not_be_read_while_it_is_sent_is_tried_four_times() {
    let (mut world, file) = world(Options::default());
    for _ in 0..3 {
        fail_request(&mut world, file, RequestFailure::Unreadable);
        assert!(matches!(world.status(file), Status::Retrying { .. }));
        world.wait(4.0);
        world.sign();
    }
    fail_request(&mut world, file, RequestFailure::Unreadable);
    assert!(world.error(file).starts_with("This file can't be read"));
}

#[test]
fn a_file_that_the_browser_does_not_let_out_fails_early_with_a_word_on_content_blockers() {
    let (mut world, file) = world(Options::default());
    for _ in 0..2 {
        fail_request(&mut world, file, RequestFailure::Blocked);
        world.wait(4.0);
    }
    assert_eq!(world.status(file), Status::Uploading);
    fail_request(&mut world, file, RequestFailure::Blocked);
    let error = world.error(file);
    assert!(error.contains("content blocker") && error.contains("CORS"), "{error}");
}

#[test]
fn what_only_looks_like_a_content_blocker_now_and_then_is_a_network_error() {
    let (mut world, file) = world(Options::default());
    for failure in [RequestFailure::Blocked, RequestFailure::Blocked, RequestFailure::Network].repeat(2) {
        fail_request(&mut world, file, failure);
        world.wait(30.0);
    }
    world.answer(file, 500);
    world.wait(30.0);
    fail_request(&mut world, file, RequestFailure::Blocked);
    world.wait(30.0);
    assert_eq!(world.status(file), Status::Uploading);
}

#[test]
fn bytes_that_left_do_not_renew_the_budget() {
    let (mut world, file) = world(retries(1));
    world.progress(file, 10);
    world.break_connection(file);
    world.wait(2.0);
    assert_eq!(world.status(file), Status::Resending);
    world.progress(file, 20);
    world.break_connection(file);
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn a_file_that_backs_off_holds_no_slot() {
    let mut world = World::new(limit(1));
    let first = world.sending(100);
    world.add(100);
    world.act(crate::engine::Engine::upload);
    world.sign();
    world.told();
    world.break_connection(first);
    assert_eq!(world.told(), "send 2 0..100 as #2");
}

#[test]
fn retry_starts_a_failed_file_anew_with_its_token() {
    let (mut world, file) = world(Options::default());
    world.reject(file, 400, "InvalidArgument", "Not so.");
    world.told();
    world.act(|engine, now| engine.retry(file, now));
    assert_eq!(world.told(), "start 1; sign 1");
    assert_eq!(world.engine.file(file).unwrap().token().unwrap().as_str(), "t1.1");
    world.sign();
    assert_eq!(world.told(), "send 1 0..100 as #2");
}

#[test]
fn delays_of_one_seed_are_always_the_same_and_of_two_seeds_differ() {
    let delay = |seed| {
        let (mut world, file) = world(Options { seed, ..Options::default() });
        world.break_connection(file);
        world.status(file)
    };
    assert_eq!(delay(1), delay(1));
    assert_ne!(delay(1), delay(2));
}
