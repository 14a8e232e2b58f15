use leptos::either::Either;
use leptos::prelude::*;

use super::{App, FORM_ID, ROOT_ID};
use crate::s3::{ChecksumAlgorithm, Object, Refusal, UploadParameters};
use crate::server::{UploadService, service::FormPage};

/// The HTML document round the page. Only the server renders it: what stands here is not hydrated.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let FormPage { form, uploaded } = use_context().unwrap_or_default();
    let service = use_context::<UploadService>();
    let checksum = service.as_ref().and_then(UploadService::checksum_algorithm).map(ChecksumAlgorithm::name);
    let max_parts = service.as_ref().map(UploadService::max_parts);
    let max_part_requests = service.as_ref().and_then(UploadService::max_part_requests);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <title>"Upload files"</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href="/pkg/leptos-aws-s3.css"/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
            </head>
            <body>
                <main>
                    {uploaded.map(|result| view! { <Outcome result/> })}
                    {form.clone().map(|parameters| view! { <PolicyForm parameters/> })}
                    <div
                        id=ROOT_ID
                        data-checksum=checksum
                        data-max-parts=max_parts
                        data-max-part-requests=max_part_requests
                    >
                        <App/>
                    </div>
                    <NoScript has_form=form.is_some()/>
                </main>
            </body>
        </html>
    }
}

/// The POST policy's fields. S3 wants the file last, so the form stands before the input that belongs to it.
#[component]
fn PolicyForm(parameters: UploadParameters) -> impl IntoView {
    let fields = parameters.fields.into_iter();
    let fields = fields.map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view();
    view! { <form id=FORM_ID method="post" enctype="multipart/form-data" action=parameters.url>{fields}</form> }
}

/// Shown until the page is hydrated: slow connections and browsers without JavaScript can upload too.
#[component]
fn NoScript(has_form: bool) -> impl IntoView {
    let button =
        has_form.then(|| view! { <button class="primary" type="submit" form=FORM_ID>"Upload this file"</button> });
    let text = if has_form {
        "Without JavaScript one file at a time can be uploaded."
    } else {
        "Uploading needs JavaScript here."
    };
    view! { <div class="no-script">{button}<p class="facts">{text}</p></div> }
}

/// What became of an upload without JavaScript.
#[component]
fn Outcome(result: Result<Object, Refusal>) -> impl IntoView {
    let outcome = match result {
        Ok(object) => Either::Left(view! {
            <p>"Uploaded. Key: " <code class="key">{object.key.to_string()}</code></p>
        }),
        Err(refusal) => Either::Right(view! { <p class="error" role="alert">{refusal.to_string()}</p> }),
    };
    view! { <section class="outcome">{outcome}</section> }
}
