use super::world::{World, unreachable_server};
use crate::engine::{CallFailure, Options, RetryPolicy, Status};
use crate::s3::Refusal;

fn one_retry() -> Options {
    Options { retry: RetryPolicy { max_retries: 1, ..RetryPolicy::default() }, ..Options::default() }
}

#[test]
fn success_is_what_the_server_confirmed() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.sent(file);
    world.answer(file, 200);
    assert_eq!(world.told(), "progress 1; confirm t1.1");
    assert_eq!(world.status(file), Status::Finishing);
    world.confirm();
    assert_eq!(world.told(), "success 1; complete [1] failed []");
    assert_eq!(world.key(file), Some("confirmed"));
    let uploaded = world.engine.file(file).unwrap().uploaded().unwrap();
    assert_eq!(uploaded.location.as_deref(), Some("https://b.example/up/1"));
}

#[test]
fn a_connection_that_broke_after_the_last_byte_is_asked_for_at_the_server() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.sent(file);
    world.break_connection(file);
    assert_eq!(world.told(), "progress 1; confirm t1.1");
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn an_object_that_is_there_already_is_asked_for_at_the_server() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.reject(file, 412, "PreconditionFailed", "At least one of the pre-conditions did not hold");
    assert_eq!(world.told(), "confirm t1.1");
}

#[test]
fn an_object_that_is_there_already_and_nobody_can_confirm_fails_the_file() {
    let mut world = World::without_tokens(Options::default());
    let file = world.sending(100);
    world.reject(file, 412, "PreconditionFailed", "At least one of the pre-conditions did not hold");
    assert!(world.error(file).contains("PreconditionFailed"));
}

/// The server finds no object, so many times, one after the other.
fn find_nothing(world: &mut World, times: usize) {
    for _ in 0..times {
        world.refuse_to_confirm(Refusal::ObjectMissing);
        world.wait(30.0);
    }
}

#[test]
fn an_object_that_the_store_took_and_does_not_show_yet_is_looked_for_again_and_not_sent_again() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    find_nothing(&mut world, 5);
    assert_eq!(world.told(), ["confirm t1.1"; 5].join("; "));
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn a_lost_response_is_looked_for_three_times_before_the_file_is_sent_again_to_the_same_key() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.sent(file);
    world.break_connection(file);
    find_nothing(&mut world, 3);
    world.sign();
    assert_eq!(world.told(), "progress 1; confirm t1.1; confirm t1.1; confirm t1.1; sign 1; send 1 0..100 as #2");
}

#[test]
fn an_object_that_is_missing_is_sent_again_and_counted() {
    let mut world = World::new(one_retry());
    let file = world.confirming(100);
    find_nothing(&mut world, 6);
    world.sign();
    assert!(world.told().ends_with("sign 1; send 1 0..100 as #2"));
    world.sent(file);
    world.answer(file, 200);
    find_nothing(&mut world, 6);
    assert_eq!(world.error(file), "The store does not have this file. Upload it again.");
}

#[test]
fn a_file_is_sent_from_its_first_byte_four_times_at_most() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    for _ in 0..3 {
        find_nothing(&mut world, 6);
        world.sign();
        world.answer(file, 200);
    }
    find_nothing(&mut world, 5);
    world.refuse_to_confirm(Refusal::ObjectMissing);
    assert_eq!(world.status(file), Status::Failed);
}

#[test]
fn an_object_that_is_not_as_large_as_the_file_is_no_success_whoever_confirms_it() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    world.confirm_with_size(99);
    assert!(world.error(file).starts_with("The store holds 99 bytes instead of 100 bytes."));
}

#[test]
fn an_object_of_another_size_fails_the_file() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    world.refuse_to_confirm(Refusal::SizeMismatch { expected: 100, actual: 99 });
    assert!(world.error(file).starts_with("The store holds 99 bytes instead of 100 bytes."));
}

#[test]
fn a_server_that_can_not_say_is_asked_again() {
    let unavailable = Refusal::StoreUnavailable { reason: "timeout".into() };
    for failure in [unreachable_server(), CallFailure::Refused(unavailable)] {
        let mut world = World::new(one_retry());
        let file = world.confirming(100);
        world.fail_to_confirm(failure.clone());
        world.wait(2.0);
        assert_eq!(world.told(), "confirm t1.1");
        world.fail_to_confirm(failure);
        assert_eq!(world.status(file), Status::Failed);
    }
}
