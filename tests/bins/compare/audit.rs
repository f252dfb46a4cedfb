//! Counts requests in the API server's audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use lease_runtime::clock::WallTime;
use serde::Deserialize;

use crate::error::{Context, Result};

/// One line. The log has a line for each complete answer, and for a watch also a line when its answer begins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "auditID")]
    id: String,
    verb: String,
    impersonated_user: Option<User>,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

/// How many requests of each verb a user has sent.
pub(crate) type Verbs = BTreeMap<String, usize>;

/// The requests that the server received between two times, by user. A user without requests is missing.
pub(crate) fn requests(path: &Path, from: WallTime, to: WallTime) -> Result<BTreeMap<String, Verbs>> {
    let text = std::fs::read_to_string(path).context(|| format!("cannot read the audit log {}", path.display()))?;
    let mut known = BTreeSet::new();
    let mut users: BTreeMap<String, Verbs> = BTreeMap::new();
    for line in text.lines() {
        // The last line may be incomplete. Then its time is later.
        let Ok(Line { id, verb, impersonated_user, request_received_timestamp }) = serde_json::from_str(line) else {
            continue;
        };
        let at = request_received_timestamp.as_microsecond();
        if let Some(user) = impersonated_user
            && (from.0..to.0).contains(&at)
            && known.insert(id)
        {
            *users.entry(user.username).or_default().entry(verb).or_default() += 1;
        }
    }
    Ok(users)
}
