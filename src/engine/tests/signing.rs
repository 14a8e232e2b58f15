use std::time::Duration;

use super::world::{World, limit, unreachable_server};
use crate::engine::{CallFailure, Engine, Input, Options, RetryPolicy, Status};
use crate::s3::{Refusal, UploadToken};

#[test]
fn a_signed_file_starts_at_once() {
    let mut world = World::new(Options::default());
    world.add(1000);
    world.act(Engine::upload);
    assert_eq!(world.told(), "added 1; start 1; sign 1");
    world.sign();
    assert_eq!(world.told(), "send 1 0..1000 as #1");
}

#[test]
fn nothing_is_signed_before_somebody_asks() {
    let mut world = World::new(Options::default());
    let file = world.add(1000);
    world.wait(3600.0);
    assert_eq!(world.told(), "added 1");
    assert_eq!(world.status(file), Status::Waiting);
}

#[test]
fn with_a_limit_only_what_starts_soon_is_signed() {
    let mut world = World::new(limit(2));
    world.add_many(9, 10);
    world.told();
    world.act(Engine::upload);
    assert_eq!(world.told(), "start 1 2 3 4 5 6 7 8 9; sign 1 2 3 4");
    world.sign();
    assert_eq!(world.told(), "send 1 0..10 as #1; send 2 0..10 as #2; sign 5 6");
}

#[test]
fn signing_waits_until_a_call_is_worth_it() {
    let mut world = World::without_tokens(limit(2));
    let files = world.add_many(9, 10);
    world.act(Engine::upload);
    world.sign();
    world.sign();
    world.told();
    world.answer(files[0], 200);
    assert_eq!(world.told(), "success 1; send 3 0..10 as #3");
    world.answer(files[1], 200);
    assert_eq!(world.told(), "success 2; send 4 0..10 as #4; sign 7 8");
}

#[test]
fn without_a_limit_all_is_signed_in_batches_of_a_hundred() {
    let mut world = World::new(Options::default());
    world.add_many(250, 10);
    world.told();
    world.act(Engine::upload);
    let told = world.told();
    let calls: Vec<_> = told.split("; ").filter_map(|line| line.strip_prefix("sign ")).collect();
    let sizes: Vec<_> = calls.iter().map(|files| files.split(' ').count()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert!(calls[1].starts_with("101 102 ") && calls[2].ends_with(" 250"));
}

#[test]
fn one_file_that_is_refused_holds_up_no_other() {
    let mut world = World::new(Options::default());
    let files = [world.add(10), world.add(10)];
    world.act(Engine::upload);
    world.told();
    world.sign_with(|world, id| {
        let refusal = Refusal::FileTooLarge { size: 10, max: 5 };
        if id == files[0] { Err(CallFailure::Refused(refusal)) } else { Ok(world.signature(id)) }
    });
    assert_eq!(world.told(), "error 1; send 2 0..10 as #1");
    assert_eq!(world.error(files[0]), "This file is too large: 10 bytes. The limit is 5 bytes.");
}

#[test]
fn a_server_that_takes_fewer_files_in_a_call_gets_smaller_calls() {
    let mut world = World::new(Options::default());
    let files = world.add_many(5, 10);
    world.act(Engine::upload);
    assert!(world.told().ends_with("sign 1 2 3 4 5"));
    world.sign_with(|world, id| {
        let refusal = Refusal::TooManyFiles { max: 2 };
        if files[..2].contains(&id) { Ok(world.signature(id)) } else { Err(CallFailure::Refused(refusal)) }
    });
    let told = world.told();
    assert!(told.contains("sign 3 4;") && told.contains("sign 5"), "{told}");
    world.refuse_to_sign(&Refusal::TooManyFiles { max: 2 });
    assert_eq!(world.status(files[2]), Status::Failed, "a server that contradicts itself");
}

#[test]
fn files_whose_signing_failed_together_are_signed_together_again() {
    let mut world = World::new(Options::default());
    world.add_many(3, 10);
    world.act(Engine::upload);
    world.told();
    world.lose_signing();
    assert_eq!(world.told(), "");
    world.wait(2.0);
    assert_eq!(world.told(), "sign 1 2 3");
}

#[test]
fn a_server_that_stays_away_fails_the_file_at_last() {
    let mut world = World::new(Options::default());
    let file = world.add(10);
    world.act(Engine::upload);
    for _ in 0..8 {
        world.lose_signing();
        assert!(matches!(world.status(file), Status::Retrying { .. }));
        world.wait(30.0);
    }
    world.lose_signing();
    assert_eq!(world.status(file), Status::Failed);
    assert!(world.error(file).contains("no usable answer (no answer)"));
}

#[test]
fn a_file_without_a_result_is_asked_for_again() {
    let mut world = World::new(Options::default());
    let file = world.add(10);
    world.act(Engine::upload);
    let call = world.oldest_sign_call();
    world.input(Input::Signed { call, results: vec![] });
    assert!(matches!(world.status(file), Status::Retrying { .. }));
    world.wait(2.0);
    assert!(world.told().ends_with("sign 1"));
}

#[test]
fn a_signer_that_returns_nonsense_is_not_asked_again() {
    let mut world = World::new(Options::default());
    let file = world.add(10);
    world.act(Engine::upload);
    world.sign_with(|_, _| Err(CallFailure::Invalid { reason: "no url".into() }));
    assert_eq!(world.error(file), "This file could not be prepared: no url");
}

#[test]
fn a_store_that_the_server_could_not_reach_is_tried_again() {
    let mut world = World::new(Options::default());
    world.add(10);
    world.act(Engine::upload);
    world.told();
    world.refuse_to_sign(&Refusal::StoreUnavailable { reason: "timeout".into() });
    world.wait(2.0);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn retry_after_of_the_server_is_honoured() {
    let mut world = World::new(Options::default());
    world.add(10);
    world.act(Engine::upload);
    world.told();
    let retry_after = Some(Duration::from_secs(90));
    world.sign_with(|_, _| Err(CallFailure::Unreachable { reason: "429".into(), retry_after }));
    world.wait(89.0);
    assert_eq!(world.told(), "");
    world.wait(1.0);
    assert_eq!(world.told(), "sign 1");
}

#[test]
fn no_request_starts_on_parameters_about_to_expire() {
    let mut world = World::without_tokens(limit(1)).with_signature_life(Duration::from_secs(60));
    let files = [world.add(10), world.add(10)];
    world.act(Engine::upload);
    world.sign();
    world.progress(files[0], 5);
    world.told();
    world.wait(25.0);
    world.progress(files[0], 6);
    world.wait(25.0);
    world.answer(files[0], 200);
    assert_eq!(world.told(), "progress 1; success 1; sign 2");
    world.sign();
    assert_eq!(world.told(), "send 2 0..10 as #2");
}

#[test]
fn the_life_of_a_signature_counts_from_when_it_was_asked_for() {
    let mut world = World::new(Options::default()).with_signature_life(Duration::from_secs(60));
    let file = world.add(10);
    world.act(Engine::upload);
    world.told();
    world.wait(50.0);
    world.sign();
    assert!(matches!(world.status(file), Status::Retrying { .. }), "50 s of 60 had passed");
}

#[test]
fn a_signer_whose_signatures_never_last_fails_the_file_at_last() {
    let mut world = World::new(Options::default()).with_signature_life(Duration::ZERO);
    let file = world.add(10);
    world.act(Engine::upload);
    for _ in 0..8 {
        world.sign();
        world.wait(30.0);
    }
    world.sign();
    assert!(world.error(file).contains("expired when it came"));
}

#[test]
fn a_token_that_the_server_no_longer_takes_is_dropped_once() {
    let mut world = World::new(Options::default());
    let file = world.sending(10);
    world.act(|engine, now| engine.pause(file, now));
    world.act(|engine, now| engine.resume(file, now));
    let token = |world: &World| world.engine.file(file).unwrap().token().map(UploadToken::as_str).map(str::to_owned);
    assert_eq!(token(&world).as_deref(), Some("t1.1"));
    world.told();
    world.refuse_to_sign(&Refusal::TokenExpired);
    assert_eq!(world.told(), "sign 1");
    assert_eq!(token(&world), None);
    world.refuse_to_sign(&Refusal::TokenInvalid);
    assert_eq!(world.told(), "error 1; complete [] failed [1]");
}

#[test]
fn every_field_of_the_signer_joins_the_meta_and_leaves_the_info_alone() {
    let mut world = World::new(Options::default());
    let file = world.add(10);
    world.act(Engine::upload);
    world.sign_with(|world, id| {
        let mut signed = world.signature(id);
        signed.parameters.fields.insert("policy", "e30=");
        Ok(signed)
    });
    let file = world.engine.file(file).unwrap();
    assert_eq!(&file.meta()["policy"], "e30=");
    assert!(file.info().meta.is_empty());
}

#[test]
fn an_answer_for_a_file_that_is_gone_does_nothing() {
    let mut world = World::new(Options::default());
    let files = [world.add(10), world.add(10)];
    world.act(Engine::upload);
    world.act(|engine, now| engine.remove(files[0], now));
    world.act(|engine, now| engine.pause(files[1], now));
    world.told();
    world.sign();
    assert_eq!(world.told(), "");
}

#[test]
fn a_lost_answer_counts_for_each_file_on_its_own() {
    let options = Options { retry: RetryPolicy { max_retries: 1, ..RetryPolicy::default() }, ..limit(0) };
    let mut world = World::new(options);
    let first = world.add(10);
    world.act(Engine::upload);
    world.lose_signing();
    let second = world.add(10);
    world.wait(2.0);
    world.act(Engine::upload);
    world.sign_with(|_, _| Err(unreachable_server()));
    world.sign_with(|_, _| Err(unreachable_server()));
    assert_eq!(world.status(first), Status::Failed);
    assert!(matches!(world.status(second), Status::Retrying { .. }));
}

#[test]
fn a_signature_renews_the_budget_of_signing() {
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let mut world = World::new(Options { retry, ..Options::default() });
    let file = world.add(10);
    world.act(Engine::upload);
    world.lose_signing();
    world.wait(2.0);
    world.sign();
    world.reject(file, 403, "AccessDenied", "Request has expired");
    world.lose_signing();
    assert!(matches!(world.status(file), Status::Retrying { .. }));
}

#[test]
fn a_file_whose_signature_is_not_renewed_because_the_store_has_it_is_asked_for_at_the_server() {
    let mut world = World::new(Options::default());
    let file = world.sending(10);
    world.reject(file, 403, "AccessDenied", "Request has expired");
    assert_eq!(world.told(), "sign 1");
    world.refuse_to_sign(&Refusal::AlreadyComplete);
    assert_eq!(world.told(), "confirm t1.1");
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn a_new_file_that_the_server_calls_complete_fails() {
    let mut world = World::without_tokens(Options::default());
    let file = world.add(10);
    world.act(Engine::upload);
    world.refuse_to_sign(&Refusal::AlreadyComplete);
    assert_eq!(world.status(file), Status::Failed);
}
