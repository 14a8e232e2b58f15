//! The README's table of providers says what the code's says.

use leptos_aws_s3::{
    s3::ChecksumAlgorithm,
    server::provider::{AWS, ConditionalPut, Cors, PostPolicies, Provider},
};

use crate::example::{presets, read};

#[test]
fn the_readme_says_of_each_provider_what_the_code_does() {
    let expected: Vec<_> = Provider::all().iter().map(row).collect();
    let shown: Vec<_> = rows().into_iter().map(|mut cells| cells.drain(..6).collect::<Vec<_>>()).collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_readme_has_every_limit_below_amazons() {
    for (provider, cells) in Provider::all().iter().zip(rows()) {
        let limits = &cells[6];
        let has = |text: &str| assert!(limits.contains(text), "{}: “{text}” is not in “{limits}”", provider.name);
        if provider.max_parts != AWS.max_parts {
            has(&thousands(provider.max_parts));
        }
        if let Some(requests) = provider.max_part_requests {
            has(&format!("more than {requests} parts of a file at a time"));
        }
        if provider.max_expires != AWS.max_expires {
            has(&format!("{} days", provider.max_expires.as_secs() / 86_400));
        }
    }
}

fn rows() -> Vec<Vec<String>> {
    let readme = read("README.md");
    let table = readme.split("| `S3_PROVIDER` |").nth(1).unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

fn row(provider: &Provider) -> Vec<String> {
    let variables = &presets()[provider.name];
    let asked = variables.keys().filter(|name| !["S3_PROVIDER", "S3_BUCKET"].contains(&name.as_str()));
    let asked: Vec<_> = asked.map(|name| format!("`{name}`")).collect();
    let forms = match provider.post_policy {
        PostPolicies::Yes => "yes",
        PostPolicies::No => "no",
        PostPolicies::NoSizeLimit => "any size",
        PostPolicies::Unknown => "?",
    };
    let overwriting = match provider.conditional_put {
        ConditionalPut::Honoured => "refused",
        ConditionalPut::Ignored => "ignored",
        ConditionalPut::Unknown => "?",
    };
    let cors = match provider.cors {
        Cors::Bucket => "bucket",
        Cors::Store => "store",
        Cors::OtherApi => "own",
        Cors::Open => "open",
        Cors::None => "none",
        Cors::Unknown => "?",
    };
    let checksum = provider.checksum.map_or("none", ChecksumAlgorithm::name);
    let mut cells = vec![format!("`{}` {}", provider.name, provider.title), asked.join(", ")];
    cells.extend([forms, overwriting, checksum, cors].map(str::to_owned));
    cells
}

fn thousands(number: u16) -> String {
    format!("{},{:03}", number / 1_000, number % 1_000)
}
