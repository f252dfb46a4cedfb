//! Finds the proxy between this process and the API server, by the rules that kubectl and other Go programs follow.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Scheme;
use kube::config::Config;

use crate::elector::error::ElectorError;

/// A proxy. It prints itself without user and password.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::elector) struct Proxy {
    /// With user and password, if it has them.
    pub(in crate::elector) uri: Uri,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}", self.uri.host().unwrap_or_default())?;
        self.uri.port_u16().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// The proxy of a connection: the one that its configuration names, or the one that the environment names for its address.
///
/// The environment is read as Go's `http.ProxyFromEnvironment` reads it, and so kubectl: `HTTPS_PROXY` (or `https_proxy`) for an
/// address that begins with `https`, `HTTP_PROXY` for the others, unless `NO_PROXY` names the host or the host is this machine.
///
/// # Errors
///
/// If the value is not the address of a proxy.
pub(in crate::elector) fn proxy_for(
    config: &Config,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ElectorError> {
    if let Some(uri) = &config.proxy_url {
        return usable(uri.clone(), "`proxy-url` of the kubeconfig").map(Some);
    }
    let https = config.cluster_url.scheme() == Some(&Scheme::HTTPS);
    let names = if https { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let Some((name, value)) = first(&env, names) else { return Ok(None) };
    let host = config.cluster_url.host().unwrap_or_default();
    let port = config.cluster_url.port_u16().unwrap_or(if https { 443 } else { 80 });
    let exceptions = first(&env, ["NO_PROXY", "no_proxy"]).map_or(String::new(), |(_, value)| value);
    if goes_direct(host, port, &exceptions) {
        return Ok(None);
    }
    parsed(&value, &format!("`{name}`")).map(Some)
}

fn first(env: impl Fn(&str) -> Option<String>, names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, env(name).filter(|value| !value.is_empty())?)))
}

/// `place` says where the value comes from. The text itself may contain a password.
pub(super) fn parsed(text: &str, place: &str) -> Result<Proxy, ElectorError> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let whole = whole.replacen("socks5h://", "socks5://", 1);
    match whole.parse::<Uri>() {
        Ok(uri) => usable(uri, place),
        Err(_) => Err(no_address(place)),
    }
}

fn usable(uri: Uri, place: &str) -> Result<Proxy, ElectorError> {
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https" | "socks5"), Some(host)) if !host.is_empty() => Ok(Proxy { uri }),
        _ => Err(no_address(place)),
    }
}

fn no_address(place: &str) -> ElectorError {
    ElectorError::Proxy {
        reason: format!("{place} is not the address of a proxy"),
        remedy:
            "give it as `http://HOST:PORT`, `https://HOST:PORT` or `socks5://HOST:PORT`, or name the cluster's host in \
                 NO_PROXY"
                .to_owned(),
    }
}

/// The error for a proxy that needs a feature of this crate.
pub(super) fn needs_feature(uri: &Uri) -> ElectorError {
    let feature = if uri.scheme_str() == Some("socks5") { "socks5" } else { "http-proxy" };
    let proxy = Proxy { uri: uri.clone() };
    ElectorError::Proxy {
        reason: format!(
            "the API server is to be reached through {proxy:?}, and lease-runtime was built without `{feature}`"
        ),
        remedy: format!(
            "write `lease-runtime = {{ version = \"{}\", features = [\"{feature}\"] }}` into Cargo.toml, or name the cluster's \
             host in NO_PROXY",
            env!("CARGO_PKG_VERSION")
        ),
    }
}

/// Whether this host is reached without a proxy.
fn goes_direct(host: &str, port: u16, exceptions: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
    let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    exceptions.split(',').map(|entry| entry.trim().to_lowercase()).any(|entry| matches(&entry, &host, ip, port))
}

fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/') {
        return is_within(network, length, ip).unwrap_or(false);
    }
    let (name, only) = split_port(entry);
    if name.is_empty() || only.is_some_and(|only| only != port) {
        return false;
    }
    if let Ok(listed) = name.parse::<IpAddr>() {
        return ip == Some(listed.to_canonical());
    }
    // `*.example.com` and `.example.com` are the hosts below it; `example.com` is that host as well.
    let domain = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match domain.strip_prefix('.') {
        Some(domain) => is_below(host, domain),
        None => host == domain || is_below(host, domain),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// The host of an entry, and the port that it is limited to.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    if entry.parse::<SocketAddr>().is_err() && entry.starts_with('[') && entry.ends_with(']') {
        return (entry.trim_matches(['[', ']']), None);
    }
    match entry.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host.trim_matches(['[', ']']), Some(port)),
        _ => (entry, None),
    }
}

/// Whether an address is in a network; `None` if the text is not a network.
fn is_within(network: &str, length: &str, ip: Option<IpAddr>) -> Option<bool> {
    let length: u32 = length.parse().ok()?;
    match (network.parse().ok()?, ip?) {
        (IpAddr::V4(network), IpAddr::V4(ip)) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            Some(u32::from(network) & mask == u32::from(ip) & mask)
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            Some(u128::from(network) & mask == u128::from(ip) & mask)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str, vars: &[(&str, &str)]) -> Result<Option<String>, String> {
        let config = Config::new(url.parse().unwrap());
        let env = |name: &str| vars.iter().find(|(have, _)| *have == name).map(|(_, value)| (*value).to_owned());
        proxy_for(&config, env).map(|proxy| proxy.map(|proxy| format!("{proxy:?}"))).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_is_read_as_go_reads_it() {
        let upper = ("HTTPS_PROXY", "http://alice:s3cret@proxy:3128");
        let through = Ok(Some("http://proxy:3128".to_owned()));
        let url = "https://api.example.com:6443";
        assert_eq!(found(url, &[]), Ok(None));
        assert_eq!(found(url, &[upper]), through);
        assert_eq!(found(url, &[("https_proxy", "proxy:3128")]), through);
        assert_eq!(found(url, &[("HTTPS_PROXY", ""), ("https_proxy", "proxy:3128")]), through);
        assert_eq!(found(url, &[("https_proxy", "other:1"), upper]), through);
        assert_eq!(found(url, &[("HTTP_PROXY", "http://proxy:3128")]), Ok(None));
        assert_eq!(found("http://api.example.com", &[("HTTP_PROXY", "http://proxy:3128")]), through);
        assert_eq!(found("http://api.example.com", &[upper]), Ok(None));
        // Go does not know this variable, so kubectl goes direct.
        assert_eq!(found(url, &[("ALL_PROXY", "socks5://proxy:1080")]), Ok(None));
        assert_eq!(
            found(url, &[("HTTPS_PROXY", "socks5h://u:p@proxy:1080")]),
            Ok(Some("socks5://proxy:1080".to_owned()))
        );
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"] {
            assert_eq!(found(&format!("https://{host}:6443"), &[upper]), Ok(None), "{host}");
        }
        for wrong in ["ftp://alice:s3cret@proxy", "http://", "http://alice:s3cret@", "alice:s3cret@pr oxy:1"] {
            let error = found(url, &[("HTTPS_PROXY", wrong)]).unwrap_err();
            assert!(
                error.contains("HTTPS_PROXY") && error.contains("NO_PROXY") && !error.contains("s3cret"),
                "{error}"
            );
            assert_eq!(found(url, &[("HTTPS_PROXY", wrong), ("no_proxy", "example.com")]), Ok(None));
        }
    }

    #[test]
    fn the_kubeconfigs_proxy_wins() {
        let mut config = Config::new("https://127.0.0.1:6443".parse().unwrap());
        config.proxy_url = Some("http://proxy:1".parse().unwrap());
        let env = |name: &str| Some(if name == "NO_PROXY" { "*" } else { "http://other:1" }.to_owned());
        assert_eq!(format!("{:?}", proxy_for(&config, env).unwrap().unwrap()), "http://proxy:1");
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (entries, host, port, direct) in [
            ("*", "a.example.com", 443, true),
            ("", "a.example.com", 443, false),
            (" , ,", "a.example.com", 443, false),
            ("other, Example.COM ", "a.example.com", 443, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "badexample.com", 443, false),
            (".example.com", "a.b.example.com", 443, true),
            (".example.com", "example.com", 443, false),
            ("*.example.com", "a.example.com", 443, true),
            ("*.example.com", "example.com", 443, false),
            ("example.com:6443", "a.example.com", 6443, true),
            ("example.com:6443", "a.example.com", 443, false),
            ("example.com", "A.EXAMPLE.com.", 443, true),
            ("10.0.0.1", "10.0.0.1", 443, true),
            ("10.0.0.1:6443", "10.0.0.1", 443, false),
            ("10.0.0.1:443", "10.0.0.1", 443, true),
            ("10.0.0.0/8", "10.96.0.1", 443, true),
            ("10.0.0.0/8", "11.0.0.1", 443, false),
            ("10.0.0.0/33", "10.0.0.1", 443, false),
            ("0.0.0.0/0", "10.0.0.1", 443, true),
            ("10.0.0.0/8", "a.example.com", 443, false),
            ("fd00::/8", "[fd12::1]", 443, true),
            ("fd00::/8", "[fe80::1]", 443, false),
            ("::/0", "[fe80::1]", 443, true),
            ("[fd12::1]:443", "[fd12::1]", 443, true),
            ("[fd12::1]", "[fd12::1]", 443, true),
            ("fd12::1", "[fd12::1]", 443, true),
            (":443", "a.example.com", 443, false),
        ] {
            assert_eq!(goes_direct(host, port, entries), direct, "{entries:?} for {host}:{port}");
        }
    }

    #[test]
    fn a_missing_feature_is_named_with_its_line() {
        for (uri, feature) in [("http://alice:s3cret@proxy:3128", "http-proxy"), ("socks5://al:s3cret@p", "socks5")] {
            let error = needs_feature(&uri.parse().unwrap());
            let text = format!("{error} {error:?}");
            assert!(text.contains(&format!("features = [\"{feature}\"]")) && !text.contains("s3cret"), "{text}");
        }
    }
}
