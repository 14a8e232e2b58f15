use super::world::World;
use crate::engine::{FileId, Input, Options, Response, Status};

fn world() -> (World, FileId) {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    (world, file)
}

#[test]
fn a_file_that_was_changed_on_its_way_fails_and_says_so() {
    let (mut world, file) = world();
    world.progress(file, 10);
    let request = world.request(file);
    world.told();
    world.input(Input::FileChanged { file });
    assert_eq!(world.error(file), "This file was changed after it was added. Add it again to upload it as it is now.");
    assert_eq!(world.told(), "cancel #1; error 1; complete [] failed [1]");
    world.input(Input::Response { request, response: Response { status: 200, ..Response::default() } });
    assert_eq!(world.status(file), Status::Failed, "what its request is answered with comes too late");
}

#[test]
fn a_file_that_is_in_the_bucket_may_change() {
    let (mut world, file) = world();
    world.answer(file, 200);
    world.confirm();
    world.told();
    world.input(Input::FileChanged { file });
    assert_eq!((world.status(file), world.told().as_str()), (Status::Complete, ""));
}
