//! Prints the expansions of `#[leader_only]` in a file, like `cargo expand`, but without a tool to install.
//!
//! ```sh
//! cargo run -p lease-macros --example expand -- examples/by_hand.rs
//! ```

mod file;

/// The code of the attribute, compiled a second time: a program cannot call the functions of a proc-macro crate.
#[path = "../../src"]
mod attribute {
    pub(crate) mod args;
    pub(crate) mod borrow;
    pub(crate) mod expand;
    pub(crate) mod item;
    pub(crate) mod keys;
    pub(crate) mod rules;
    pub(crate) mod timing;
    pub(crate) mod value;
    pub(crate) mod written;
}

use std::error::Error;
use std::{env, fs};

use attribute::{args, borrow, expand, item, keys, rules, timing, value, written};

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<_> = env::args().skip(1).collect();
    if paths.is_empty() {
        return Err("name a file, as in `cargo run -p lease-macros --example expand -- examples/by_hand.rs`".into());
    }
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let mut file = syn::parse_file(&text).map_err(|error| format!("{path}: {error}"))?;
        file.items = file::expand_annotated(file.items, false);
        (file.attrs, file.shebang) = (Vec::new(), None);
        print!("{}", prettyplease::unparse(&file));
    }
    Ok(())
}
