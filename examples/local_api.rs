//! The Lease API on a port of this machine, for experiments with several processes.
//!
//! ```sh
//! cargo run --example local_api -- /tmp/lease.kubeconfig      # in one terminal
//! KUBECONFIG=/tmp/lease.kubeconfig cargo run --example deployment   # in as many others as you like
//! ```
//!
//! It prints its address, writes a kubeconfig, and serves until Ctrl-C. It stores everything in memory.

use std::io::Write;

use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::shutdown_signal;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args().nth(1) else {
        return Err("the path for the kubeconfig is missing: cargo run --example local_api -- FILE".into());
    };
    let server = EmbeddedApi::new().serve(([127, 0, 0, 1], 0)).await?;
    // Does not overwrite a file: it may be the kubeconfig of a real cluster.
    let mut file = std::fs::File::create_new(&path)
        .map_err(|error| format!("cannot create {path}, {error}: if it is left over from an earlier run, remove it"))?;
    file.write_all(server.kubeconfig().as_bytes())?;
    println!("the Lease API listens on http://{}; use it with KUBECONFIG={path}, end it with Ctrl-C", server.addr());
    shutdown_signal().await?;
    std::fs::remove_file(&path)?;
    Ok(())
}
