//! Names of leases and namespaces that contain arguments.

use std::fmt;
use std::sync::Arc;

use lease_runtime::{LeaderTask, Term, leader_only};

const REGION: &str = "north";

/// An argument with a name that the expansion uses.
#[leader_only(lease = "a-{lease}", namespace = "b-{namespace}")]
pub(crate) async fn own_names(lease: String, namespace: &'static str, name: u8) {
    let _ = (lease, namespace, name);
}

/// A function with a name that the expansion uses.
#[leader_only(lease = "a-{lease_of}")]
pub(crate) async fn lease(lease_of: String) {
    drop(lease_of);
}

/// Not `Copy` and not `Display`. Only its field is `Display`.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) place: (u8, u8),
}

#[leader_only(lease = "{REGION}-{tenant.id}.{tenant.place.1:03}-x")]
pub(crate) async fn fields(term: Term, tenant: Tenant) {
    drop((term, tenant));
}

#[derive(Clone)]
pub(crate) struct Shown;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shown")
    }
}

#[leader_only(lease = "{shown}-{N}-{r}")]
pub(crate) async fn generic<T: fmt::Display + Clone + Send + 'static, const N: usize>(
    shown: T,
    r#type: [u8; N],
    r: u8,
) {
    let _ = (shown, r#type, r);
}

#[leader_only(lease = "{type}")]
pub(crate) async fn raw(r#type: &'static str) {
    let _ = r#type;
}

impl Tenant {
    #[leader_only(lease = "tenant-{self.id}-{number}")]
    pub(crate) async fn shared(self: Arc<Self>, number: u8) {
        let _ = (self, number);
    }

    #[leader_only(lease = "tenant-{self.id}")]
    pub(crate) async fn owned(self) {
        drop(self);
    }
}

macro_rules! drain {
    ($name:ident, $lease:literal, $param:ident) => {
        #[leader_only(lease = $lease, namespace = "n-{of_the_macro}")]
        pub(crate) async fn $name($param: u8, of_the_macro: u8) {
            let _ = ($param, of_the_macro);
        }
    };
}
drain!(from_macro, "shard-{shard}", shard);

/// The lease of a task.
fn name_of<T>(task: &LeaderTask<T>) -> String {
    let debug = format!("{task:?}");
    let (_, rest) = debug.split_once("lease: Some(\"").expect("it has a lease");
    rest.split_once('"').expect("and that is a string").0.to_owned()
}

#[test]
fn names_are_made() {
    let tenant = || Tenant { id: "seven".to_owned(), place: (1, 2) };
    let tasks = [
        own_names("b".to_owned(), "c", 7),
        lease("b".to_owned()),
        fields(tenant()),
        generic(Shown, [7, 7], 7),
        raw("r"),
        Arc::new(tenant()).shared(7),
        tenant().owned(),
        from_macro(7, 8),
    ];
    let names = tasks.map(|task| name_of(&task));
    let expected = ["a-b", "a-b", "north-seven.002-x", "shown-2-7", "r", "tenant-seven-7", "tenant-seven", "shard-7"];
    assert_eq!(names, expected);
}
