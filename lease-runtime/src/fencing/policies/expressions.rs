//! The expressions of the policies, in the language CEL.
//!
//! All names in them are checked, so that no text needs quotes of its own.

use super::super::stamp::stamp_key;

/// The pod that the token of the caller belongs to: its uid. The API server puts it there, and no client can forge it. A name would
/// not do, because the pods of a StatefulSet get the names of those before them.
pub(super) const CALLING_POD: &str = "request.userInfo.?extra[?'authentication.kubernetes.io/pod-uid'][?0].orValue('')";

/// The parts of the identity of the holder: the name of the pod, its uid, and a number. An annotation instead would be wrong, because
/// another program that takes the Lease leaves annotations as they are.
pub(super) const HOLDER: &str = "params.?spec.?holderIdentity.orValue('').split('_')";

/// The calling pod holds the lease. Counted from the end, because the first part may be any text.
pub(super) const POD_HOLDS: &str = "variables.pod != '' && variables.holder.size() >= 3 && \
                                    variables.holder[variables.holder.size() - 2] == variables.pod";

/// A candidate that deletes names the version of the object that it has seen. A deletion carries no object, so there is no token to
/// compare. The new leader's touch makes the old version a conflict.
pub(super) const DELETES_A_VERSION: &str = "request.operation != 'DELETE' || !variables.candidate || \
                                            request.?options.?preconditions.?resourceVersion.orValue('') != ''";

/// Whether this service account has sent the request.
pub(super) fn is_account(namespace: &str, service_account: &str) -> String {
    format!("request.userInfo.username == 'system:serviceaccount:{namespace}:{service_account}'")
}

/// A variable that holds a number, and the text that it is read from.
///
/// A text that is no number counts as 0. An error would keep everybody from repairing the object. All numbers of 19 digits fit into a
/// `uint`, and every token has at most 19.
fn number(name: &str, text: &str) -> [(String, String); 2] {
    let variable = format!("{name}Text");
    let read = format!("variables.{variable}.matches('^[0-9]{{1,19}}$') ? uint(variables.{variable}) : 0u");
    [(variable, text.to_owned()), (name.to_owned(), read)]
}

/// The variables of the token policy, each behind those that it uses.
///
/// `before` and `now` are the token that the request replaces and the one that it brings. `highest` is the highest token that the
/// object holds: in the annotation, or in the status.
pub(super) fn token_variables(lease: &str, status: bool) -> Vec<(String, String)> {
    let key = stamp_key(lease);
    let annotation = |object: &str| format!("{object}.metadata.?annotations[?'{key}'].orValue('')");
    let in_status = |object: &str| format!("string({object}.?status.?fencingToken.orValue(''))");
    let mut variables = Vec::new();
    variables.extend(number("oldStamp", &annotation("oldObject")));
    variables.extend(number("newStamp", &annotation("object")));
    let [before, now, highest] = if status {
        // The server leaves the field out in a request for the object itself.
        let of_status = "request.?subResource.orValue('') == 'status'";
        variables.push(("ofStatus".to_owned(), of_status.to_owned()));
        variables.extend(number("oldStatus", &in_status("oldObject")));
        variables.extend(number("newStatus", &in_status("object")));
        [
            "variables.ofStatus ? variables.oldStatus : variables.oldStamp",
            "variables.ofStatus ? variables.newStatus : variables.newStamp",
            "variables.oldStamp > variables.oldStatus ? variables.oldStamp : variables.oldStatus",
        ]
    } else {
        ["variables.oldStamp", "variables.newStamp", "variables.oldStamp"]
    };
    let derived = [("before", before), ("now", now), ("highest", highest)];
    variables.extend(derived.map(|(name, text)| (name.to_owned(), text.to_owned())));
    variables
}
