//! One suite of plain HTTP cases for two servers: `lease_runtime::embedded`, always, and a real kube-apiserver when
//! `LEASE_TEST_KUBECONFIG` names a throw-away cluster. To start one:
//!
//!     tests/kube-apiserver/run cargo test --test conformance
//!
//! Every case must pass on both, so that the embedded API behaves like a real one. An argument selects the cases whose name
//! contains it.

mod case;

mod apply;
mod create;
mod delete;
mod events;
mod lists;
mod patch;
mod read;
mod update;
mod validation;
mod watch;
mod wire;

use std::process::ExitCode;

use case::{Case, Check, NOT_APPLICABLE, Test};
use futures_util::StreamExt;
use http::Method;
use lease_runtime::embedded::EmbeddedApi;
use lease_tests::api::{ApiError, Ask, Http};
use serde_json::json;

/// The table of cases, chapter by chapter.
const TABLE: &[&[Case]] = &[
    create::CASES,
    validation::CASES,
    read::CASES,
    lists::CASES,
    update::CASES,
    patch::CASES,
    apply::CASES,
    delete::CASES,
    watch::CASES,
    wire::CASES,
    events::CASES,
];

/// The name of the embedded API.
const EMBEDDED: &str = "embedded";

/// How many cases run at the same time.
const AT_ONCE: usize = 8;

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if runtime.block_on(run(&filter)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(filter: &str) -> bool {
    let embedded = EmbeddedApi::new();
    let server = match embedded.serve(([127, 0, 0, 1], 0)).await {
        Ok(server) => server,
        Err(error) => {
            println!("conformance: cannot serve the embedded api: {error}");
            return false;
        }
    };
    let mut good = cover(EMBEDDED, &server.kubeconfig(), filter).await;
    server.stop().await;
    match std::env::var("LEASE_TEST_KUBECONFIG") {
        Ok(path) => match std::fs::read_to_string(&path) {
            Ok(kubeconfig) => good &= cover("kube-apiserver", &kubeconfig, filter).await,
            Err(error) => {
                println!("conformance: cannot read LEASE_TEST_KUBECONFIG={path}: {error}");
                good = false;
            }
        },
        Err(_) => println!(
            "conformance: kube-apiserver not covered: \
             run it under tests/kube-apiserver/run, which sets LEASE_TEST_KUBECONFIG"
        ),
    }
    good
}

/// Runs the cases against one server and prints the results.
async fn cover(target: &str, kubeconfig: &str, filter: &str) -> bool {
    let http = match Http::new(kubeconfig).await {
        Ok(http) => http,
        Err(error) => {
            println!("conformance: {target}: {error}");
            return false;
        }
    };
    let run = format!("{:08x}", fastrand::u32(..));
    let cases: Vec<(usize, &Case)> = TABLE
        .iter()
        .flat_map(|chapter| chapter.iter())
        .enumerate()
        .filter(|(_, case)| case.name.contains(filter))
        .collect();
    let total = cases.len();
    let mut failures: Vec<(usize, &Case, String)> = futures_util::stream::iter(cases)
        .map(|(number, case)| {
            let test = Test { http: http.clone(), namespace: format!("conformance-{run}-{number}") };
            async move { one(case, test).await.err().map(|difference| (number, case, difference)) }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    failures.sort_by_key(|(number, ..)| *number);
    let passed = total - failures.len();
    // The embedded API can show every case, so a case that is not applicable there has failed.
    let skipped = failures.iter().filter(|(.., why)| why.starts_with(NOT_APPLICABLE) && target != EMBEDDED).count();
    let failed = failures.len() - skipped;
    println!("conformance: {target}: {total} cases, {passed} passed, {failed} failed, {skipped} not applicable");
    for (_, case, difference) in &failures {
        println!("  {}\n    {difference}", case.name);
    }
    failed == 0
}

/// Runs a case in a namespace of its own.
async fn one(case: &'static Case, test: Test) -> Result<(), String> {
    let namespaces = "/api/v1/namespaces";
    test.post_to(namespaces, &json!({ "metadata": { "name": test.namespace } })).await?.code(201)?;
    let outcome = tokio::spawn((case.run)(test.clone())).await;
    let gone: Result<_, ApiError> =
        test.http.send(Ask::new(Method::DELETE, format!("{namespaces}/{}", test.namespace))).await;
    outcome.map_err(|panic| panic.to_string())??;
    gone.map_err(|error| error.to_string())?.code(200).map(drop)
}
