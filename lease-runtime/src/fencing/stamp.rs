//! The fencing token in an object of Kubernetes.

use std::collections::BTreeMap;

use lease_protocol::election::FencingToken;

/// The domain of the annotations that hold the tokens.
pub(super) const DOMAIN: &str = "fence.lease-runtime.dev";

/// The annotation that holds the token of the leader of this lease. It does not name the namespace of the lease.
pub(crate) fn stamp_key(lease: &str) -> String {
    format!("{DOMAIN}/{lease}")
}

/// The token in these annotations. `None` if there is no text that is a token.
pub(crate) fn stamp_of(annotations: Option<&BTreeMap<String, String>>, lease: &str) -> Option<FencingToken> {
    annotations?.get(&stamp_key(lease))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_under_the_name_of_its_lease() {
        let annotations = |text: &str| BTreeMap::from([("fence.lease-runtime.dev/orders".to_owned(), text.to_owned())]);
        assert_eq!(stamp_of(Some(&annotations("260")), "orders"), Some(FencingToken::new(260)));
        assert_eq!(stamp_of(Some(&annotations("260")), "order"), None);
        assert_eq!(stamp_of(Some(&annotations("-1")), "orders"), None);
        assert_eq!(stamp_of(None, "orders"), None);
    }
}
