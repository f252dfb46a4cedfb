//! Checks of the workspace itself. `cargo house help` lists them.

mod arrows;
mod cargo;
mod circles;
mod dependencies;
mod docs;
mod drawing;
mod error;
mod files;
mod graph;
mod msrv;
mod names;
mod order;
mod packages;
mod public_api;
mod sizes;
mod source;
mod walks;
mod words;
mod workspace;

use std::process::ExitCode;

use error::Result;
use workspace::Workspace;

const HELP: &str = "\
Checks of the workspace itself: cargo house COMMAND

  arrows                Fails on a circle of files within a crate, on an arrow against the order of modules, and on a
                        dependency that a crate without I/O must not have. See tests/house/src/order.rs.
  dependencies          Counts the crates that lease-runtime adds to a program with kube, k8s-openapi and tokio. Fails
                        above the most that it may add.
  docs                  Builds the documentation of each published package as the documentation host does. Fails on a
                        warning.
  drawing               Prints the drawing of crates, modules and files.
  drawing --check       Fails if the drawing in ARCHITECTURE.md is not that of the code.
  drawing --write       Puts the drawing into ARCHITECTURE.md.
  msrv                  Checks the published libraries with the oldest Rust that their manifests name.
  names                 Fails if two types of one crate have the same name.
  packages              Fails if a published package lacks a licence, a README, or metadata.
  public-api            Fails if the types of other crates in the public API of lease-runtime are not those of
                        tests/house/public-api.txt.
  public-api --write    Writes that list.
  sizes                 Fails if a file has more than 400 lines, or if the median function of the library crates has
                        6 lines or more.
  walks                 Fails if ARCHITECTURE.md or CONTRIBUTING.md names a file, or an item of it, that is not there, and
                        if the table of crates is not that of tests/house/src/order.rs.
  words                 Fails on words and phrases that this project does not use. See tests/house/src/words.rs.
  help                  Prints this text.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["arrows"] => arrows::check(&Workspace::load()?),
        ["dependencies"] => dependencies::check(&Workspace::load()?),
        ["docs"] => docs::build(&Workspace::load()?),
        ["drawing"] => drawing::print(&Workspace::load()?),
        ["drawing", "--check"] => drawing::check(&Workspace::load()?),
        ["drawing", "--write"] => drawing::write(&Workspace::load()?),
        ["msrv"] => msrv::check(&Workspace::load()?),
        ["names"] => names::check(&Workspace::load()?),
        ["packages"] => packages::check(&Workspace::load()?),
        ["public-api"] => public_api::check(&Workspace::load()?),
        ["public-api", "--write"] => public_api::write(&Workspace::load()?),
        ["sizes"] => sizes::check(&Workspace::load()?),
        ["walks"] => walks::check(&Workspace::load()?),
        ["words"] => words::check(&Workspace::load()?),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown command: {}\n\n{HELP}", arguments.join(" ")).into()),
    }
}
