use lease_runtime::leader_only;

/// Of an ontology, say.
#[derive(Clone)]
struct Term;

#[leader_only(lease = "ledger")]
async fn index(term: Term) {
    let _ = term;
}

fn main() {
    let _task = index();
}
