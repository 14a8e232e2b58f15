use std::time::Duration;

use super::world::{World, limit, unreachable_server};
use crate::engine::{Engine, Input, Options, RetryPolicy, Status};

fn no_retries() -> Options {
    Options { retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() }, ..Options::default() }
}

#[test]
fn nothing_starts_while_there_is_no_network() {
    let mut world = World::new(Options::default());
    let file = world.add(100);
    world.input(Input::Offline);
    world.act(Engine::upload);
    assert_eq!(world.status(file), Status::Offline);
    assert_eq!(world.told(), "added 1; start 1");
    world.input(Input::Online);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn what_is_on_its_way_may_go_on() {
    let mut world = World::without_tokens(Options::default());
    let file = world.sending(100);
    world.input(Input::Offline);
    assert_eq!(world.status(file), Status::Uploading);
    world.answer(file, 200);
    assert_eq!(world.told(), "success 1; complete [1] failed []");
}

#[test]
fn a_connection_that_breaks_without_a_network_does_not_count_and_goes_on_at_once() {
    let mut world = World::new(no_retries());
    let file = world.sending(100);
    world.input(Input::Offline);
    world.break_connection(file);
    assert_eq!(world.status(file), Status::Offline);
    world.wait(9.0);
    assert_eq!(world.told(), "");
    world.input(Input::Online);
    assert_eq!(world.told(), "send 1 0..100 as #2");
}

#[test]
fn one_file_tries_now_and_then_whether_the_browser_is_right() {
    let mut world = World::new(no_retries());
    world.add_many(2, 100);
    world.input(Input::Offline);
    world.act(Engine::upload);
    world.told();
    world.wait(10.0);
    assert_eq!(world.told(), "sign 1");
    world.lose_signing();
    assert_eq!(world.status(world.first_file()), Status::Offline);
    world.wait(9.0);
    assert_eq!(world.told(), "");
    world.wait(1.0);
    assert_eq!(world.told(), "sign 1");
    world.sign();
    assert_eq!(world.told(), "send 1 0..100 as #1; sign 2", "an answer proves the network");
}

#[test]
fn a_signature_that_expired_meanwhile_is_renewed() {
    let mut world = World::new(no_retries()).with_signature_life(Duration::from_secs(60));
    let file = world.sending(100);
    world.input(Input::Offline);
    world.break_connection(file);
    world.pass(60.0);
    world.input(Input::Online);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn a_stall_without_a_network_does_not_count() {
    let mut world = World::new(no_retries());
    let file = world.sending(100);
    world.progress(file, 50);
    world.input(Input::Offline);
    world.told();
    world.wait(30.0);
    assert_eq!(world.told(), "cancel #1; stalled 1; sign 1");
    world.lose_signing();
    assert_eq!(world.status(file), Status::Offline);
}

#[test]
fn a_server_that_is_not_reached_without_a_network_does_not_count() {
    let mut world = World::new(no_retries());
    let file = world.add(100);
    world.act(Engine::upload);
    world.input(Input::Offline);
    world.lose_signing();
    assert_eq!(world.status(file), Status::Offline);
    world.told();
    world.input(Input::Online);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn what_was_sent_is_confirmed_when_the_network_is_back() {
    let mut world = World::new(no_retries());
    let file = world.sending(100);
    world.sent(file);
    world.input(Input::Offline);
    world.break_connection(file);
    assert_eq!(world.told(), "progress 1");
    world.input(Input::Online);
    assert_eq!(world.told(), "confirm t1.1");
}

#[test]
fn a_back_off_that_ends_without_a_network_waits_for_it() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.break_connection(file);
    world.input(Input::Offline);
    world.wait(8.0);
    assert_eq!(world.status(file), Status::Offline);
    world.input(Input::Online);
    assert_eq!(world.told(), "send 1 0..100 as #2");
}

#[test]
fn a_file_can_be_paused_and_resumed_without_a_network() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.input(Input::Offline);
    world.act(|engine, now| engine.pause(file, now));
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "cancel #1");
    assert_eq!(world.status(file), Status::Offline);
}

#[test]
fn failures_without_a_network_leave_the_retry_budget_as_it_was() {
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let mut world = World::new(Options { retry, ..Options::default() });
    let file = world.sending(100);
    for _ in 0..3 {
        world.input(Input::Offline);
        world.break_connection(file);
        assert_eq!(world.status(file), Status::Offline);
        world.input(Input::Online);
        assert_eq!(world.status(file), Status::Uploading, "sent again at once");
    }
    world.break_connection(file);
    assert!(matches!(world.status(file), Status::Retrying { .. }), "the first failure that counts");
    world.wait(30.0);
    world.break_connection(file);
    assert_eq!(world.status(file), Status::Failed, "and the budget is one retry");
}

#[test]
fn signing_calls_without_a_network_leave_the_retry_budget_as_it_was() {
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let mut world = World::new(Options { retry, ..Options::default() });
    let file = world.add(100);
    world.act(Engine::upload);
    for _ in 0..3 {
        world.input(Input::Offline);
        world.lose_signing();
        world.input(Input::Online);
    }
    world.lose_signing();
    assert_ne!(world.status(file), Status::Failed, "the first failure that counts");
    world.wait(30.0);
    world.lose_signing();
    assert_eq!(world.status(file), Status::Failed, "and the budget is one retry");
}

/// Each of these leaves a first file that waits for the network with its next step, and a second one to be signed.
fn waiting_behind(mut world: World, first: impl FnOnce(&mut World)) -> World {
    first(&mut world);
    world.add(100);
    world.act(Engine::upload);
    world.told();
    world
}

#[test]
fn any_word_of_the_store_proves_the_network_and_silence_does_not() {
    for (status, told) in [(503, "sign 2"), (200, "confirm t1.1; sign 2"), (0, "")] {
        let mut world = waiting_behind(World::new(Options::default()), |world| {
            let file = world.sending(100);
            world.input(Input::Offline);
            world.break_connection(file);
        });
        world.wait(10.0);
        assert_eq!(world.told(), "send 1 0..100 as #2");
        world.answer(world.first_file(), status);
        let after = world.told();
        assert!(if told.is_empty() { !after.contains("sign 2") } else { after == told }, "{status}: {after}");
    }
}

#[test]
fn an_object_that_is_confirmed_proves_the_network() {
    let mut world = waiting_behind(World::new(Options::default()), |world| {
        let file = world.sending(100);
        world.sent(file);
        world.input(Input::Offline);
        world.break_connection(file);
    });
    world.wait(10.0);
    assert_eq!(world.told(), "confirm t1.1");
    world.confirm();
    assert_eq!(world.told(), "success 1; sign 2");
}

#[test]
fn an_upload_that_is_created_proves_the_network() {
    let mut world = waiting_behind(World::new(Options::default()), |world| {
        world.add_in_parts(2);
        world.act(Engine::upload);
        world.sign();
        world.input(Input::Offline);
        world.fail_to_create(unreachable_server());
    });
    world.wait(10.0);
    assert_eq!(world.told(), "create 1 again");
    world.create();
    assert!(world.told().contains("sign 2"));
}

#[test]
fn parts_that_are_listed_prove_the_network() {
    let mut world = waiting_behind(World::new(limit(1)), |world| {
        let file = world.sending_parts(1);
        world.part_sent(file, 1);
        world.input(Input::Offline);
        world.break_part(file, 1);
    });
    world.wait(10.0);
    assert_eq!(world.told(), "list u1");
    world.list(&[1]);
    assert!(world.told().contains("sign 2"));
}
