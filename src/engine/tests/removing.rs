use super::world::World;
use crate::engine::{Engine, FileId, Options};
use crate::s3::Refusal;

fn remove(world: &mut World, file: FileId) {
    world.act(|engine, now| engine.remove(file, now));
}

#[test]
fn a_file_removed_on_its_way_leaves_nothing_to_discard() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.progress(file, 99);
    world.told();
    remove(&mut world, file);
    assert_eq!(world.told(), "cancel #1; removed 1");
    assert!(world.engine.file(file).is_none());
}

#[test]
fn a_file_removed_after_its_last_byte_is_discarded() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.sent(file);
    world.told();
    remove(&mut world, file);
    assert_eq!(world.told(), "cancel #1; discard t1.1; removed 1");
}

#[test]
fn a_file_removed_while_it_is_confirmed_is_discarded_and_its_answer_ignored() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    remove(&mut world, file);
    world.confirm();
    assert_eq!(world.told(), "discard t1.1; removed 1");
}

#[test]
fn a_file_without_bytes_may_be_stored_as_soon_as_its_request_starts() {
    let mut world = World::new(Options::default());
    let file = world.sending(0);
    remove(&mut world, file);
    assert_eq!(world.told(), "cancel #1; discard t1.1; removed 1");
}

#[test]
fn what_a_failed_file_may_have_left_is_discarded_with_it() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    world.refuse_to_confirm(Refusal::SizeMismatch { expected: 100, actual: 99 });
    world.told();
    remove(&mut world, file);
    assert_eq!(world.told(), "discard t1.1; removed 1");
}

#[test]
fn what_an_earlier_request_may_have_left_is_discarded_with_the_newest_token() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    for _ in 0..6 {
        world.refuse_to_confirm(Refusal::ObjectMissing);
        world.wait(30.0);
    }
    world.sign();
    world.told();
    remove(&mut world, file);
    assert_eq!(world.told(), "cancel #2; discard t1.2; removed 1");
}

#[test]
fn a_file_in_the_bucket_is_only_taken_off_the_list() {
    let mut world = World::new(Options::default());
    let file = world.confirming(100);
    world.confirm();
    world.told();
    remove(&mut world, file);
    assert_eq!(world.told(), "removed 1");
}

#[test]
fn cancel_all_keeps_what_is_in_the_bucket() {
    let mut world = World::new(Options::default());
    let complete = world.confirming(100);
    world.confirm();
    let failed = world.sending(100);
    world.answer(failed, 400);
    world.sending(100);
    world.add(100);
    world.told();
    world.act(Engine::cancel_all);
    assert_eq!(world.told(), "removed 2; cancel #3; removed 3; removed 4; cancel all");
    assert_eq!(world.engine.files().map(crate::engine::UploadFile::id).collect::<Vec<_>>(), [complete]);
}

#[test]
fn a_file_that_is_gone_is_removed_once() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    remove(&mut world, file);
    world.told();
    remove(&mut world, file);
    world.act(|engine, now| engine.pause(file, now));
    world.act(|engine, now| engine.retry(file, now));
    assert_eq!(world.told(), "");
}
