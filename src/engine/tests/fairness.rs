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
fn a_large_file_gets_its_turn_among_many_small_ones() {
    let mut world = World::new(limit(2));
    let large = world.sending_parts(20);
    let small = world.add_many(50, 100);
    world.act(Engine::upload);
    world.told();
    for file in small {
        let answer = if world.was_sent(file) { file } else { large };
        if answer == large {
            world.answer(large, 200);
        } else {
            world.answer(file, 200);
        }
        while world.has_signs() {
            world.sign();
        }
    }
    let told = world.told();
    let parts = told.split("; ").filter(|line| line.starts_with("send 1 ")).count();
    assert!(parts > 1, "{told}");
}
