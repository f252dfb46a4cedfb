//! Different plugins, as shell scripts.

use std::collections::HashMap;

use super::*;

/// A plugin that runs this script.
fn plugin(script: &str, change: impl FnOnce(&mut ExecConfig)) -> Plugin {
    let mut exec = ExecConfig {
        api_version: Some("client.authentication.k8s.io/v1".to_owned()),
        command: Some("/bin/sh".to_owned()),
        args: Some(vec!["-c".to_owned(), script.to_owned()]),
        interactive_mode: Some(ExecInteractiveMode::Never),
        ..ExecConfig::default()
    };
    change(&mut exec);
    let auth = AuthInfo { exec: Some(exec.clone()), ..AuthInfo::default() };
    Plugin::new(&exec, &auth)
}

fn credential(status: &str) -> String {
    format!(r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{{status}}}}}"#)
}

async fn refused(plugin: Plugin) -> String {
    let Err(error) = plugin.run().await else { panic!("it gave credentials") };
    format!("{error}")
}

#[tokio::test]
async fn a_token_and_its_expiry_are_read() {
    let answer = credential(r#""token":"t0ken","expirationTimestamp":"2033-05-18T03:33:20Z""#);
    let fresh = plugin(&format!("echo '{answer}'; echo some words >&2"), |_| {}).run().await.unwrap();
    let header = fresh.header.unwrap();
    assert!(header == "Bearer t0ken" && header.is_sensitive());
    assert_eq!((fresh.until, fresh.identity.is_none()), (Some(WallTime(2_000_000_000_000_000)), true));
}

#[tokio::test]
async fn a_client_certificate_is_read() {
    let answer = credential(r#""clientCertificateData":"CERT","clientKeyData":"KEY""#);
    let fresh = plugin(&format!("echo '{answer}'"), |_| {}).run().await.unwrap();
    let identity = fresh.identity.unwrap();
    assert_eq!((&*identity.certificate, &*identity.key, fresh.header), (&b"CERT"[..], &b"KEY"[..], None));
}

#[tokio::test]
async fn a_plugin_gets_what_the_protocol_demands() {
    let check = |pattern: &str| {
        let answer = credential(r#""token":"ok""#);
        format!(
            "case \"$KUBERNETES_EXEC_INFO\" in {pattern}) echo '{answer}';; *) echo \"$KUBERNETES_EXEC_INFO\" >&2; exit 1; esac"
        )
    };
    let version =
        r#"*'"apiVersion":"client.authentication.k8s.io/v1"'*'"kind":"ExecCredential"'*'"interactive":false'*"#;
    plugin(&check(version), |_| {}).run().await.unwrap();
    let expected = r#"*'"server":"https://k:6443"'*'"interactive":false'*"#;
    let cluster = |exec: &mut ExecConfig| {
        exec.provide_cluster_info = true;
        exec.cluster =
            Some(kube::config::ExecAuthCluster { server: Some("https://k:6443".into()), ..Default::default() });
    };
    plugin(&check(expected), cluster).run().await.unwrap();
    let answer = credential(r#""token":"ok""#);
    let sees = format!("[ \"$OWN\" = value ] && [ -z \"$PATH_GONE\" ] && ! read line && echo '{answer}'");
    let env = |exec: &mut ExecConfig| {
        let pair = |name: &str, value: &str| {
            HashMap::from([("name".to_owned(), name.to_owned()), ("value".to_owned(), value.to_owned())])
        };
        exec.env = Some(vec![pair("OWN", "value"), pair("PATH_GONE", "set")]);
        exec.drop_env = Some(vec!["PATH_GONE".to_owned()]);
    };
    plugin(&sees, env).run().await.unwrap();
}

#[tokio::test]
async fn a_failure_says_the_exit_code_and_the_last_output_first() {
    let text =
        refused(plugin("echo one >&2; printf 'session expired:\\n log in again\\033[0m\\n' >&2; exit 7", |_| {})).await;
    let start = "the credential plugin `/bin/sh` ended with exit code 7, its last output: `one session expired: log in \
                 again\\u{1b}[0m`: ";
    assert!(text.starts_with(start), "{text}");
    let text = refused(plugin("kill -9 $$", |_| {})).await;
    assert!(text.contains("was ended (signal: 9") && text.contains("printed no error"), "{text}");
    // It is bounded, and shows the end.
    let long = "i=0; while [ $i -lt 20000 ]; do echo \"line $i of many words that nobody reads\"; i=$((i+1)); done >&2; echo END >&2; exit 1";
    let text = refused(plugin(long, |_| {})).await;
    assert!(text.contains("END`: ") && text.contains("`…") && text.chars().count() < 600, "{text}");
}

#[tokio::test]
async fn what_is_secret_is_not_shown() {
    let secret = |exec: &mut ExecConfig| {
        exec.args.as_mut().unwrap().extend(["sh", "--client-secret=CANARY-ARG", "CANARY-ARG-2"].map(str::to_owned));
        exec.env = Some(vec![HashMap::from([
            ("name".to_owned(), "SECRET".to_owned()),
            ("value".to_owned(), "CANARY-ENV\nCANARY-LINE".to_owned()),
        ])]);
    };
    let script = "echo '{\"token\":\"CANARY-OUT\"}'; echo \"tried $1, $2, $SECRET and CANARY-OUT at http://a:CANARY-URL@h/\" >&2; \
                  exit 1";
    // The script itself is not among the arguments, because then it would be found as a whole.
    let plugin = plugin(script, secret);
    let Err(error) = plugin.run().await else { panic!("it gave credentials") };
    for text in [error.to_string(), format!("{error:?}"), format!("{:?}", error.again())] {
        assert!(!text.contains("CANARY"), "{text}");
        assert!(
            text.contains("tried --client-secret=[redacted], [redacted]")
                || text.contains("tried [redacted], [redacted]"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_unusable_output_is_reported_without_quoting_it() {
    for (answer, hint) in [
        ("CANARY".to_owned(), "text that is not JSON"),
        ("{\"CANARY\":1}".to_owned(), "JSON that is not an ExecCredential"),
        (credential("").replace("k8s.io/v1", "k8s.io/v1beta1"), "another `apiVersion`"),
        (credential(""), "no token and no client certificate"),
        (credential(r#""token":"CANARY","expirationTimestamp":"CANARY""#), "that is not a time"),
        (credential(r#""token":"CAN\nARY""#), "that a header cannot contain"),
        (credential(r#""clientKeyData":"CANARY""#), "without its certificate"),
    ] {
        let text = refused(plugin(&format!("printf '%s' '{answer}'"), |_| {})).await;
        assert!(text.contains(hint) && !text.contains("CANARY"), "{hint}: {text}");
    }
}

#[tokio::test]
async fn a_plugin_that_cannot_be_started_names_its_install_hint() {
    let hint = |exec: &mut ExecConfig| {
        exec.command = Some("/nonexistent/plugin".to_owned());
        exec.install_hint = Some("get it from\nthe shop".to_owned());
    };
    let text = refused(plugin("", hint)).await;
    assert!(text.contains("`/nonexistent/plugin` cannot be started") && text.contains("from\\nthe shop"), "{text}");
    let text = refused(plugin("", |exec| exec.command = None)).await;
    assert!(text.contains("`command`"), "{text}");
    let text = refused(plugin("", |exec| exec.interactive_mode = Some(ExecInteractiveMode::Always))).await;
    assert!(text.contains("interactiveMode"), "{text}");
}

/// It prints more than a pipe holds, on stdout and on stderr.
#[tokio::test]
async fn a_plugin_with_a_large_output_does_not_block() {
    let answer = credential(r#""token":"ok""#);
    let script = format!("head -c 3000000 /dev/zero >&2; echo '{answer}'; head -c 100000 /dev/zero | tr '\\0' ' '");
    plugin(&script, |_| {}).run().await.unwrap();
    assert!(refused(plugin("head -c 3000000 /dev/zero", |_| {})).await.contains("text that is not JSON"));
}

/// Like a plugin that starts an agent, which keeps the pipes open.
#[tokio::test]
async fn a_plugin_that_leaves_a_process_behind_has_ended() {
    let answer = credential(r#""token":"ok""#);
    let limit = Duration::from_secs(20);
    let begun = plugin(&format!("sleep 40 & echo '{answer}'"), |_| {});
    tokio::time::timeout(limit, begun.run()).await.expect("it has ended").unwrap();
    let failed = refused(plugin("sleep 40 & echo locked >&2; exit 3", |_| {}));
    let text = tokio::time::timeout(limit, failed).await.expect("it has ended");
    assert!(text.contains("exit code 3") && text.contains("`locked`"), "{text}");
}
