//! Makes a module from each page of the documentation. A Rust sample becomes a function, which the test compiles and never calls.
//!
//! rustdoc could compile the pages as well, but it compiles a sample only if it is a whole program. Lines that complete a sample
//! would be visible on GitHub. Here, `context.rs` completes all samples.
//!
//! A sample with an annotated function also becomes a file of its own, named as its lease, so that a test can run it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Written in the line of the opening fence, so that errors of the compiler have the line numbers of the page.
const BEGIN: &str = "use crate::context::*; async fn sample(Values { admin, api, candidate, chunks, client, db, term }: Values) \
                     -> Result<(), Box<dyn std::error::Error>> { let _ = {";
const END: &str = "}; Ok(()) } }";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = root.join("docs");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<PathBuf> =
        folder.read_dir().expect("docs is a folder").map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.extend(["README.md", "lease-embedded/README.md", "lease-runtime/README.md"].map(|page| root.join(page)));
    pages.sort();
    let mut modules = String::new();
    let mut count = 0;
    for (number, page) in pages.iter().enumerate() {
        println!("cargo::rerun-if-changed={}", page.display());
        let text = std::fs::read_to_string(page).expect("a page can be read");
        let (samples, found) = samples(&text);
        if page.ends_with("docs/around.md") {
            write_recipes(&text, &out.join("recipes"));
        }
        count += found;
        // The compiler shows this path.
        let name = page.strip_prefix(&root).expect("a page is in the workspace");
        let copy = out.join(name);
        std::fs::create_dir_all(copy.parent().expect("a file has a folder")).expect("OUT_DIR can be written");
        std::fs::write(&copy, samples).expect("OUT_DIR can be written");
        let _ = writeln!(modules, "mod page_{number} {{ include!({copy:?}); }}");
    }
    let _ = writeln!(modules, "const SAMPLES: usize = {count};");
    std::fs::write(out.join("pages.rs"), modules).expect("OUT_DIR can be written");
    payments();
}

/// Writes each sample of the page that names a lease.
fn write_recipes(page: &str, folder: &Path) {
    std::fs::create_dir_all(folder).expect("OUT_DIR can be written");
    for block in page.split("\n```rust\n").skip(1) {
        let (sample, _) = block.split_once("\n```").expect("the end of a sample");
        let lease = sample.split_once("#[leader_only(lease = \"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some((lease, _)) = lease {
            std::fs::write(folder.join(format!("{lease}.rs")), sample).expect("OUT_DIR can be written");
        }
    }
}

/// The code of a service for tonic, as its own generator writes it.
fn payments() {
    let pay = tonic_build::manual::Method::builder()
        .name("pay")
        .route_name("Pay")
        .input_type("super::Order")
        .output_type("super::Receipt")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let service = tonic_build::manual::Service::builder().package("payments").name("Payments").method(pay).build();
    tonic_build::manual::Builder::new().compile(&[service]);
}

/// The page with everything but its samples replaced by empty lines, and the number of samples. Samples that are marked
/// `rust,ignore` are left out: they use other crates.
fn samples(page: &str) -> (String, usize) {
    let mut code = String::new();
    let mut count = 0;
    let mut is_sample = false;
    for (number, line) in page.lines().enumerate() {
        match line {
            "```rust" => {
                is_sample = true;
                count += 1;
                let _ = writeln!(code, "mod line_{} {{ {BEGIN}", number + 1);
            }
            "```" if is_sample => {
                is_sample = false;
                let _ = writeln!(code, "{END}");
            }
            line => {
                // A body that is left out returns any type.
                let line = line.replace("/* .. */", "panic!()");
                let _ = writeln!(code, "{}", if is_sample { &line } else { "" });
            }
        }
    }
    (code, count)
}
