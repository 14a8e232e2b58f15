use super::world::{World, limit};
use crate::engine::Engine;

#[test]
fn a_small_file_goes_before_the_next_part_of_a_large_one() {
    let mut world = World::new(limit(2));
    let large = world.sending_parts(20);
    world.add(100);
    world.act(Engine::upload);
    world.told();
    for part in 1..=4 {
        world.store_part(large, part);
        while world.has_signs() {
            world.sign();
        }
    }
    let told = world.told();
    assert!(told.contains("send 2 0..100"), "{told}");
}

#[test]
fn a_large_file_and_many_small_ones_take_turns() {
    let mut world = World::new(limit(2));
    world.sending_parts(40);
    world.add_many(40, 100);
    world.act(Engine::upload);
    world.told();
    for _ in 0..40 {
        world.answer_oldest();
        while world.has_signs() {
            world.sign();
        }
    }
    let told = world.told();
    let sends: Vec<_> = told.split("; ").filter(|line| line.starts_with("send ")).collect();
    let of_parts = |sends: &[&str]| sends.iter().filter(|line| line.starts_with("send 1 ")).count();
    assert!(sends.len() >= 40, "{sends:?}");
    assert!(sends.windows(4).all(|four| (1..4).contains(&of_parts(four))), "of any four, one of each: {sends:?}");
}
