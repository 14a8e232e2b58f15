use super::world::{World, limit};
use crate::engine::{Engine, Options, Response, Status};
use crate::s3::FileInfo;

#[test]
fn no_more_requests_than_the_limit_run_at_one_time() {
    let mut world = World::without_tokens(limit(1));
    let files = [world.add(10), world.add(10), world.add(10)];
    world.act(Engine::upload);
    world.sign();
    world.sign();
    assert_eq!(world.status(files[1]), Status::Queued);
    world.told();
    world.answer(files[0], 200);
    assert_eq!(world.told(), "success 1; send 2 0..10 as #2");
}

#[test]
fn a_slot_is_free_while_the_server_confirms() {
    let mut world = World::new(limit(1));
    let files = [world.add(10), world.add(10)];
    world.act(Engine::upload);
    world.sign();
    world.sent(files[0]);
    world.told();
    world.answer(files[0], 200);
    assert_eq!(world.told(), "confirm t1.1; send 2 0..10 as #2");
}

#[test]
fn a_raised_limit_starts_more_at_once_and_a_lowered_one_stops_nothing() {
    let mut world = World::without_tokens(limit(1));
    let files = [world.add(10), world.add(10), world.add(10)];
    world.act(Engine::upload);
    world.sign();
    world.sign();
    world.told();
    world.act(|engine, now| engine.set_options(limit(3), now));
    assert_eq!(world.told(), "send 2 0..10 as #2; send 3 0..10 as #3");
    world.act(|engine, now| engine.set_options(limit(1), now));
    assert_eq!(world.told(), "");
    assert!(files.iter().all(|file| world.status(*file) == Status::Uploading));
}

#[test]
fn without_a_token_the_stores_word_is_success() {
    let mut world = World::without_tokens(Options::default());
    let file = world.sending(10);
    world.sent(file);
    world.answer(file, 204);
    assert_eq!(world.told(), "progress 1; success 1; complete [1] failed []");
}

#[test]
fn a_file_without_bytes_is_uploaded_too() {
    let mut world = World::new(Options::default());
    let file = world.sending(0);
    world.answer(file, 200);
    world.confirm();
    assert_eq!(world.told(), "confirm t1.1; success 1; complete [1] failed []");
}

#[test]
fn the_key_is_what_the_store_said() {
    let mut world = World::without_tokens(Options::default());
    let file = world.sending(10);
    let key = Some("from/xml".to_owned());
    world.respond(file, Response { status: 201, key, ..Response::default() });
    assert_eq!(world.key(file), Some("from/xml"));
}

#[test]
fn the_key_is_the_signers_field_where_the_store_said_none() {
    let mut world = World::without_tokens(Options::default());
    let file = world.add(10);
    world.act(Engine::upload);
    world.sign_with(|world, id| {
        let mut signed = world.signature(id);
        signed.parameters.fields.insert("key", "field");
        Ok(signed)
    });
    world.answer(file, 200);
    assert_eq!(world.key(file), Some("field"));
}

#[test]
fn the_key_is_the_path_where_nobody_said_another() {
    let mut world = World::without_tokens(Options::default());
    let meta = [("key".to_owned(), "the app's own".to_owned())].into();
    let file = world.add_file(FileInfo { size: 10, meta, ..FileInfo::default() });
    world.act(Engine::upload);
    world.sign();
    world.answer(file, 200);
    assert_eq!(world.key(file), Some("up/1"));
    let uploaded = world.engine.file(file).unwrap().uploaded().unwrap();
    assert_eq!(uploaded.location.as_deref(), Some("https://b.example/up/1"));
}

#[test]
fn files_start_in_the_order_of_adding() {
    let mut world = World::without_tokens(limit(1));
    let first = world.sending(10);
    world.act(|engine, now| engine.pause(first, now));
    let second = world.sending(10);
    world.sending(10);
    world.act(|engine, now| engine.resume(first, now));
    world.sign();
    world.told();
    world.answer(second, 200);
    assert_eq!(world.told(), "success 2; send 1 0..10 as #3");
}

#[test]
fn after_trouble_all_requests_run_again_within_thirty_answers() {
    let mut world = World::without_tokens(limit(6));
    let files = world.add_many(60, 1000);
    world.act(Engine::upload);
    while world.has_signs() {
        world.sign();
    }
    let in_flight = |world: &World| {
        world.engine.files().filter(|file| matches!(file.status(), Status::Uploading | Status::Resending)).count()
    };
    for file in &files[..3] {
        world.reject(*file, 503, "SlowDown", "Please reduce your request rate.");
        world.pass(1.5);
    }
    while in_flight(&world) > 1 {
        world.answer_oldest();
    }
    let mut answers = 0;
    while in_flight(&world) < 6 {
        world.answer_oldest();
        while world.has_signs() {
            world.sign();
        }
        answers += 1;
        assert!(answers <= 30, "{} requests in flight", in_flight(&world));
    }
}
