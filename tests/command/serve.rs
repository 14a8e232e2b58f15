use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::support::{Variables, run};

#[tokio::test]
async fn it_serves_with_the_word_and_without() {
    for arguments in [&[][..], &["serve"]] {
        let dir = tempfile::tempdir().unwrap();
        let addresses = [("LEPTOS_SITE_ADDR", "127.0.0.1:0"), ("EMBEDDED_S3_ADDR", "127.0.0.1:0")];
        let mut command = Command::new(env!("CARGO_BIN_EXE_leptos-aws-s3"));
        command.args(arguments).env_clear().envs(addresses).current_dir(dir.path()).kill_on_drop(true);
        let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap().expect("it said where it serves");
            if let Some(url) = line.strip_prefix("Serving ") {
                break url.to_owned();
            }
        };
        assert_eq!(reqwest::get(url).await.unwrap().status(), 200, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_word_that_is_no_command_is_refused_and_nothing_is_served() {
    let refused = run(&["server"], &Variables::new()).await;
    assert!(refused.err.contains("unrecognized subcommand 'server'"), "{}", refused.err);
    assert_eq!(refused.code, 2);
}
