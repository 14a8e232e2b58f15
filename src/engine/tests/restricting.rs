use super::world::World;
use crate::engine::{Engine, Options, Restrictions, Status};

fn world(restrictions: Restrictions) -> World {
    World::new(Options { restrictions, ..Options::default() })
}

#[test]
fn a_file_that_breaks_a_restriction_joins_the_list_as_failed() {
    let mut world = world(Restrictions { max_file_size: Some(10), ..Restrictions::default() });
    let file = world.add(11);
    assert_eq!(world.told(), "added 1; error 1");
    assert_eq!(world.error(file), "This file is too large: 11 bytes. The limit is 10 bytes.");
    world.act(Engine::upload);
    assert_eq!(world.told(), "");
}

#[test]
fn a_file_that_breaks_a_restriction_can_not_be_retried() {
    let mut world = world(Restrictions { max_file_size: Some(10), ..Restrictions::default() });
    let file = world.add(11);
    world.told();
    world.act(|engine, now| engine.retry(file, now));
    world.act(Engine::retry_all);
    assert_eq!(world.told(), "");
}

#[test]
fn what_was_turned_away_takes_no_room() {
    let mut world =
        world(Restrictions { max_number_of_files: Some(2), max_total_file_size: Some(100), ..Restrictions::default() });
    let sizes = [60, 60, 40, 1];
    let files = sizes.map(|size| world.add(size));
    let expected = [Status::Waiting, Status::Failed, Status::Waiting, Status::Failed];
    assert_eq!(files.map(|file| world.status(file)), expected);
    assert_eq!(world.error(files[3]), "Only 2 files can be added. Remove one to make room.");
}

#[test]
fn a_removed_file_makes_room() {
    let mut world = world(Restrictions { max_number_of_files: Some(1), ..Restrictions::default() });
    let first = world.add(10);
    world.act(|engine, now| engine.remove(first, now));
    let second = world.add(10);
    assert_eq!(world.status(second), Status::Waiting);
}
