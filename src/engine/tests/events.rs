use super::world::World;
use crate::engine::{Engine, FileId, Options};

fn remove(world: &mut World, file: FileId) {
    world.act(|engine, now| engine.remove(file, now));
}

#[test]
fn complete_comes_once_when_the_last_file_ends() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(10), world.sending(10)];
    world.answer(files[1], 400);
    assert_eq!(world.told(), "error 2");
    world.answer(files[0], 200);
    assert_eq!(world.told(), "success 1; complete [1] failed [2]");
    world.act(Engine::handle_timeout);
    assert_eq!(world.told(), "");
}

#[test]
fn complete_names_what_ended_since_the_last() {
    let mut world = World::without_tokens(Options::default());
    let first = world.sending(10);
    world.answer(first, 400);
    let second = world.sending(10);
    world.answer(second, 200);
    assert_eq!(world.told(), "success 2; complete [2] failed []");
}

#[test]
fn removing_the_last_file_completes_the_others() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(10), world.sending(10)];
    world.answer(files[0], 200);
    world.told();
    remove(&mut world, files[1]);
    assert_eq!(world.told(), "cancel #2; removed 2; complete [1] failed []");
}

#[test]
fn pausing_the_last_file_completes_the_others() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(10), world.sending(10)];
    world.answer(files[0], 200);
    world.told();
    world.act(|engine, now| engine.pause(files[1], now));
    assert_eq!(world.told(), "cancel #2; complete [1] failed []");
}

#[test]
fn when_all_are_removed_there_is_nothing_to_complete() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(10), world.sending(10)];
    world.answer(files[0], 400);
    remove(&mut world, files[0]);
    world.told();
    remove(&mut world, files[1]);
    assert_eq!(world.told(), "cancel #2; removed 2");
}

#[test]
fn a_file_that_was_retried_is_complete_as_what_it_became() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(10), world.sending(10)];
    world.answer(files[0], 400);
    world.act(|engine, now| engine.retry(files[0], now));
    world.sign();
    world.answer(files[0], 200);
    world.told();
    world.answer(files[1], 200);
    assert_eq!(world.told(), "success 2; complete [1 2] failed []");
}

#[test]
fn cancel_all_completes_what_had_succeeded() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(10), world.sending(10)];
    world.answer(files[0], 200);
    world.told();
    world.act(Engine::cancel_all);
    assert_eq!(world.told(), "cancel #2; removed 2; cancel all; complete [1] failed []");
}

#[test]
fn the_page_is_active_while_a_file_is_on_its_way() {
    let mut world = World::without_tokens(Options::default());
    let file = world.add(10);
    assert!(!world.engine.is_active());
    world.act(Engine::upload);
    assert!(world.engine.is_active());
    world.sign();
    world.break_connection(file);
    assert!(world.engine.is_active());
    world.wait(2.0);
    world.answer(file, 200);
    assert!(!world.engine.is_active());
}
