use super::world::{World, unreachable_server};
use crate::engine::{CallFailure, Engine, FileId, Options, Status};
use crate::s3::Refusal;

/// A world with a file whose upload the server is asked to begin.
fn creating() -> (World, FileId) {
    let mut world = World::new(Options::default());
    let file = world.add_in_parts(2);
    world.act(Engine::upload);
    world.sign();
    world.told();
    (world, file)
}

#[test]
fn a_beginning_whose_answer_was_lost_is_asked_for_again_as_one_that_may_be_there() {
    let (mut world, _) = creating();
    world.fail_to_create(unreachable_server());
    world.wait(1.0);
    assert_eq!(world.told(), "create 1 again");
    world.create();
    assert_eq!(world.told(), "remember 1; sign parts 1 2 of u1");
}

#[test]
fn a_file_removed_while_it_begins_is_discarded_when_that_is_over() {
    let (mut world, file) = creating();
    world.act(|engine, now| engine.remove(file, now));
    assert_eq!(world.told(), "removed 1");
    world.create();
    assert_eq!(world.told(), "discard u1");
}

#[test]
fn what_a_lost_beginning_may_have_left_is_discarded_by_the_reservation() {
    let (mut world, file) = creating();
    world.act(|engine, now| engine.remove(file, now));
    world.told();
    world.fail_to_create(unreachable_server());
    assert_eq!(world.told(), "discard t1.1");
}

#[test]
fn a_file_paused_while_it_begins_goes_on_with_what_has_begun() {
    let (mut world, file) = creating();
    world.act(|engine, now| engine.pause(file, now));
    world.create();
    assert_eq!(world.told(), "remember 1");
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "sign parts 1 2 of u1");
}

#[test]
fn a_file_resumed_while_it_begins_does_not_begin_twice() {
    let (mut world, file) = creating();
    world.act(|engine, now| engine.pause(file, now));
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "");
    assert_eq!(world.status(file), Status::Preparing);
}

#[test]
fn a_reservation_that_is_over_is_made_anew() {
    let (mut world, _) = creating();
    world.fail_to_create(CallFailure::Refused(Refusal::TokenExpired));
    world.wait(1.0);
    world.sign();
    assert!(world.told().ends_with("sign 1; create 1"));
}

#[test]
fn a_store_that_refuses_to_begin_fails_the_file() {
    let (mut world, file) = creating();
    world.fail_to_create(CallFailure::Refused(Refusal::StoreRefused { reason: "AccessDenied".into() }));
    assert!(world.error(file).starts_with("The store refused the server"));
}

#[test]
fn a_signer_without_tokens_fails_a_file_in_parts() {
    let mut world = World::without_tokens(Options::default());
    let file = world.add_in_parts(2);
    world.act(Engine::upload);
    world.sign();
    assert!(world.error(file).contains("no token"));
}
