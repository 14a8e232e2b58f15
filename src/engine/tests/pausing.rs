use super::world::{World, limit};
use crate::engine::{Engine, FileId, Options, Status};

fn pause(world: &mut World, file: FileId) {
    world.act(|engine, now| engine.pause(file, now));
}

fn resume(world: &mut World, file: FileId) {
    world.act(|engine, now| engine.resume(file, now));
}

#[test]
fn a_paused_file_gives_its_slot_to_the_next() {
    let mut world = World::new(limit(1));
    let first = world.sending(100);
    world.sending(100);
    pause(&mut world, first);
    assert_eq!(world.told(), "cancel #1; send 2 0..100 as #2");
    assert_eq!(world.status(first), Status::Paused);
}

#[test]
fn a_resumed_file_renews_its_signature() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.progress(file, 40);
    pause(&mut world, file);
    world.told();
    resume(&mut world, file);
    assert_eq!(world.told(), "sign 1");
    assert_eq!(world.engine.file(file).unwrap().token().unwrap().as_str(), "t1.1");
    world.sign();
    assert_eq!(world.told(), "send 1 0..100 as #2");
    assert_eq!(world.status(file), Status::Resending);
}

#[test]
fn a_file_that_waits_can_be_paused_before_anybody_starts_it() {
    let mut world = World::new(Options::default());
    let file = world.add(100);
    pause(&mut world, file);
    world.act(Engine::upload);
    assert_eq!(world.told(), "added 1");
    resume(&mut world, file);
    assert_eq!(world.told(), "start 1; sign 1");
}

#[test]
fn a_file_paused_while_it_is_signed_ignores_the_signature() {
    let mut world = World::new(Options::default());
    let file = world.add(100);
    world.act(Engine::upload);
    pause(&mut world, file);
    world.told();
    world.sign();
    assert_eq!(world.told(), "");
    resume(&mut world, file);
    world.sign();
    assert_eq!(world.told(), "sign 1; send 1 0..100 as #1");
}

#[test]
fn an_old_signature_does_not_serve_a_file_that_was_resumed() {
    let mut world = World::new(Options::default());
    let file = world.add(100);
    world.act(Engine::upload);
    pause(&mut world, file);
    resume(&mut world, file);
    world.told();
    world.sign();
    assert_eq!(world.told(), "", "the first call's answer");
    world.sign();
    assert_eq!(world.told(), "send 1 0..100 as #1");
}

#[test]
fn a_file_that_backs_off_can_be_paused() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.break_connection(file);
    pause(&mut world, file);
    world.wait(3600.0);
    assert_eq!(world.told(), "");
    assert_eq!(world.engine.poll_timeout(), None);
}

#[test]
fn a_file_whose_bytes_have_all_left_is_not_paused() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.sent(file);
    pause(&mut world, file);
    world.answer(file, 200);
    pause(&mut world, file);
    world.confirm();
    assert_eq!(world.told(), "progress 1; confirm t1.1; success 1; complete [1] failed []");
}

#[test]
fn a_paused_file_keeps_nobody_from_completing() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(100), world.sending(100)];
    pause(&mut world, files[0]);
    world.told();
    world.answer(files[1], 200);
    assert_eq!(world.told(), "success 2; complete [2] failed []");
    assert!(!world.engine.is_active());
}

#[test]
fn all_files_can_be_paused_and_resumed() {
    let mut world = World::new(limit(1));
    world.sending(100);
    world.sending(100);
    let waiting = world.add(100);
    world.told();
    world.act(Engine::pause_all);
    assert_eq!(world.told(), "cancel #1");
    assert_eq!(world.status(waiting), Status::Waiting);
    assert_eq!(world.engine.totals().paused, 2);
    world.act(Engine::resume_all);
    assert_eq!(world.told(), "sign 1 2");
}

#[test]
fn verbs_for_another_state_do_nothing() {
    let mut world = World::without_tokens(Options::default());
    let complete = world.sending(100);
    world.answer(complete, 200);
    let uploading = world.sending(100);
    world.told();
    world.act(|engine, now| engine.pause(complete, now));
    world.act(|engine, now| engine.resume(complete, now));
    world.act(|engine, now| engine.retry(complete, now));
    world.act(|engine, now| engine.resume(uploading, now));
    world.act(|engine, now| engine.retry(uploading, now));
    world.act(Engine::upload);
    world.act(Engine::retry_all);
    world.act(Engine::resume_all);
    assert_eq!(world.told(), "");
}
