use std::time::Duration;

use super::world::{World, limit};
use crate::engine::{Engine, FileId, Options, RetryPolicy, Status};

fn timeout(seconds: f64) -> Options {
    Options { timeout: Duration::from_secs_f64(seconds), ..Options::default() }
}

/// A world in which one file of 100 bytes has sent ten.
fn moving(options: Options) -> (World, FileId) {
    let mut world = World::new(options);
    let file = world.sending(100);
    world.progress(file, 10);
    world.told();
    (world, file)
}

#[test]
fn a_request_without_progress_is_aborted_and_sent_again_on_a_fresh_signature() {
    let (mut world, file) = moving(timeout(30.0));
    world.wait(29.9);
    assert_eq!(world.told(), "");
    world.wait(0.1);
    assert_eq!(world.told(), "cancel #1; stalled 1");
    assert!(matches!(world.status(file), Status::Retrying { .. }));
    world.wait(1.0);
    world.sign();
    assert_eq!(world.told(), "sign 1; send 1 0..100 as #2");
}

#[test]
fn every_byte_restarts_the_clock_and_empty_events_do_not() {
    let (mut world, file) = moving(timeout(30.0));
    world.wait(20.0);
    world.progress(file, 11);
    world.wait(20.0);
    world.progress(file, 11);
    world.told();
    world.wait(9.9);
    assert_eq!(world.told(), "");
    world.wait(0.1);
    assert_eq!(world.told(), "cancel #1; stalled 1");
}

#[test]
fn a_file_that_stalls_again_and_again_fails() {
    let retry = RetryPolicy { max_retries: 2, ..RetryPolicy::default() };
    let (mut world, file) = moving(Options { retry, ..timeout(1.5) });
    for _ in 0..2 {
        world.wait(4.0);
        world.sign();
        world.progress(file, 5);
    }
    world.wait(4.0);
    assert_eq!(world.error(file), "Upload stalled for 2 seconds, aborting.");
}

#[test]
fn a_timeout_of_zero_disables_the_check() {
    let (mut world, file) = moving(timeout(0.0));
    world.wait(36_000.0);
    assert_eq!(world.told(), "");
    assert_eq!(world.status(file), Status::Uploading);
}

#[test]
fn a_request_behind_the_browsers_connections_has_not_stalled() {
    let mut world = World::new(timeout(30.0));
    let files = [world.add(100), world.add(100)];
    world.act(Engine::upload);
    world.sign();
    world.told();
    for sent in 1..10 {
        world.progress(files[0], sent);
        world.wait(20.0);
    }
    assert!(!world.told().contains("cancel"));
}

#[test]
fn a_request_that_never_starts_stalls_when_nothing_else_moves() {
    let mut world = World::new(timeout(30.0));
    let files = [world.add(100), world.add(100)];
    world.act(Engine::upload);
    world.sign();
    world.wait(20.0);
    world.progress(files[0], 50);
    world.sent(files[0]);
    world.answer(files[0], 200);
    world.told();
    world.wait(29.9);
    assert_eq!(world.told(), "");
    world.wait(0.1);
    assert_eq!(world.told(), "cancel #2; stalled 2");
}

#[test]
fn a_request_that_a_stalled_one_held_up_gets_its_time() {
    let mut world = World::new(timeout(30.0));
    let files = [world.add(100), world.add(100)];
    world.act(Engine::upload);
    world.sign();
    world.progress(files[0], 1);
    world.told();
    world.wait(30.0);
    assert_eq!(world.told(), "cancel #1; stalled 1");
    world.wait(29.9);
    assert_eq!(world.told(), "sign 1");
    world.wait(0.1);
    assert_eq!(world.told(), "cancel #2; stalled 2");
}

#[test]
fn waiting_for_the_response_is_no_stall() {
    let (mut world, file) = moving(timeout(30.0));
    world.sent(file);
    world.told();
    world.wait(119.9);
    assert_eq!(world.told(), "");
    assert_eq!(world.status(file), Status::Finishing);
}

#[test]
fn the_wait_for_the_response_begins_once() {
    let (mut world, file) = moving(timeout(30.0));
    world.sent(file);
    world.wait(100.0);
    world.sent(file);
    world.told();
    world.wait(20.0);
    assert_eq!(world.told(), "cancel #1; confirm t1.1");
}

#[test]
fn a_request_that_waits_for_its_response_may_hold_up_the_next() {
    let mut world = World::new(timeout(30.0));
    let files = [world.add(100), world.add(100)];
    world.act(Engine::upload);
    world.sign();
    world.sent(files[0]);
    world.told();
    world.wait(120.0);
    assert_eq!(world.told(), "cancel #1; confirm t1.1");
    world.wait(29.9);
    assert_eq!(world.told(), "");
    world.wait(0.1);
    assert_eq!(world.told(), "cancel #2; stalled 2");
}

#[test]
fn a_response_that_does_not_come_is_asked_for_at_the_server() {
    let (mut world, file) = moving(timeout(30.0));
    world.progress(file, 100);
    world.told();
    world.wait(120.0);
    assert_eq!(world.told(), "cancel #1; confirm t1.1");
    world.confirm();
    assert_eq!(world.told(), "success 1; complete [1] failed []");
}

#[test]
fn the_response_has_a_minute_at_least_and_five_without_a_timeout() {
    for (timeout_s, wait_s) in [(1.0, 60.0), (0.0, 300.0)] {
        let (mut world, file) = moving(timeout(timeout_s));
        world.sent(file);
        world.told();
        world.wait(wait_s - 0.1);
        assert_eq!(world.told(), "");
        world.wait(0.1);
        assert_eq!(world.told(), "cancel #1; confirm t1.1");
    }
}

#[test]
fn without_a_server_to_ask_a_lost_response_is_a_lost_connection() {
    let mut world = World::without_tokens(timeout(30.0));
    let file = world.sending(100);
    world.sent(file);
    world.told();
    world.wait(122.0);
    assert_eq!(world.told(), "cancel #1; send 1 0..100 as #2");
    assert_eq!(world.status(file), Status::Resending);
}

#[test]
fn sleep_restarts_the_clocks() {
    let (mut world, file) = moving(timeout(30.0));
    world.sleep(3600.0);
    assert_eq!(world.told(), "");
    world.wait(29.9);
    assert_eq!(world.told(), "");
    world.wait(0.1);
    assert_eq!(world.told(), "cancel #1; stalled 1");
    assert!(matches!(world.status(file), Status::Retrying { .. }));
}

#[test]
fn a_deadline_met_a_little_late_was_waited_for() {
    let (mut world, _) = moving(timeout(30.0));
    world.wait(5.0);
    world.sleep(29.0);
    assert_eq!(world.told(), "cancel #1; stalled 1");
}

#[test]
fn an_answer_that_comes_first_after_sleep_restarts_the_other_clocks_too() {
    let mut world = World::new(timeout(30.0));
    let files = [world.add(100), world.add(100)];
    world.act(Engine::upload);
    world.sign();
    world.progress(files[0], 1);
    world.wait(4.0);
    world.progress(files[1], 1);
    world.told();
    world.pass(33.0);
    world.progress(files[0], 2);
    world.wait(29.0);
    assert_eq!(world.told(), "progress 1", "the second clock had run out as well");
}

#[test]
fn a_tab_whose_timers_come_once_a_minute_still_finds_a_stall() {
    let (mut world, _) = moving(timeout(30.0));
    world.sleep(60.0);
    assert_eq!(world.told(), "");
    world.sleep(60.0);
    assert_eq!(world.told(), "cancel #1; stalled 1");
}

#[test]
fn timeouts_that_come_early_or_twice_do_nothing() {
    let (mut world, _) = moving(timeout(30.0));
    for _ in 0..100 {
        world.act(Engine::handle_timeout);
    }
    world.wait(30.0);
    world.told();
    world.act(Engine::handle_timeout);
    assert_eq!(world.told(), "");
}

#[test]
fn a_shorter_timeout_counts_at_once() {
    let (mut world, _) = moving(timeout(30.0));
    world.wait(9.0);
    world.act(|engine, now| engine.set_options(timeout(10.0), now));
    world.wait(1.0);
    assert_eq!(world.told(), "cancel #1; stalled 1");
}

#[test]
fn a_request_that_never_starts_stalls_alone_too() {
    let mut world = World::new(Options { limit: 1, ..timeout(30.0) });
    world.sending(100);
    world.wait(30.0);
    assert_eq!(world.told(), "cancel #1; stalled 1");
}

#[test]
fn late_words_of_a_cancelled_request_do_nothing() {
    let mut world = World::new(limit(0));
    let file = world.sending(100);
    world.progress(file, 10);
    world.wait(30.0);
    world.told();
    world.progress(file, 100);
    world.sent(file);
    world.answer(file, 400);
    world.break_connection(file);
    assert_eq!(world.told(), "");
    assert!(matches!(world.status(file), Status::Retrying { .. }));
}

#[test]
fn a_timer_that_comes_five_seconds_late_is_on_time_and_one_that_comes_later_was_asleep() {
    for (late, told) in [(5.0, "cancel #1; stalled 1"), (5.001, "")] {
        let mut world = World::new(timeout(30.0));
        world.sending(100);
        world.sleep(30.0 + late);
        assert_eq!(world.told(), told, "{late} s late");
    }
}

#[test]
fn a_file_that_moves_keeps_its_speed_when_a_timer_comes_early() {
    let (mut world, file) = moving(timeout(30.0));
    for sent in [60, 70, 80] {
        world.pass(1.0);
        world.progress(file, sent);
    }
    let speed = world.progress_of(file).speed;
    assert!(speed > 0.0);
    world.act(Engine::handle_timeout);
    assert_eq!(world.progress_of(file).speed.to_bits(), speed.to_bits());
}
