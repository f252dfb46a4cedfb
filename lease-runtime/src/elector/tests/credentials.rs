//! Credential plugins with a whole elector, and that no secret is shown. In real time, because plugins are processes.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::clock::SystemClock;
use crate::embedded::Fault;

/// A folder that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("lease-runtime-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn script(&self, name: &str, content: &str) -> PathBuf {
        let path = self.file(name, &format!("#!/bin/sh\n{content}"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// `cluster` and `user` are YAML in braces.
    fn kubeconfig(&self, cluster: &str, user: &str) -> PathBuf {
        self.file(
            "kubeconfig",
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{ name: c, cluster: {cluster} }}]\n\
                 contexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\nusers: [{{ name: u, user: {user} }}]\n"
            ),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn exec(plugin: &Path) -> String {
    format!(
        "{{ exec: {{ apiVersion: client.authentication.k8s.io/v1, command: '{}', interactiveMode: Never, \
         args: [--client-secret, CANARY-ARG, --key=CANARY-KEY], env: [{{ name: SECRET, value: CANARY-ENV }}] }} }}",
        plugin.display()
    )
}

fn server(url: &str) -> String {
    format!("{{ server: '{url}' }}")
}

/// A program with a time limit for its start: when the limit has passed, the runtime and the plugin end.
#[test]
fn a_plugin_that_hangs_at_the_start_does_not_delay_the_end() {
    let folder = Folder::new("hung");
    let pid = folder.0.join("pid");
    let plugin =
        folder.script("plugin", &format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000\n", pid.display()));
    let config = folder.kubeconfig(&server("http://127.0.0.1:1"), &exec(&plugin));
    let started = pid.clone();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let build = crate::Candidate::builder().kubeconfig(config).build();
            tokio::select! {
                built = build => panic!("{built:?}"),
                () = until("the start of the plugin", || started.exists()) => {}
            }
        });
        drop(runtime);
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("the runtime waits for the plugin");
    let process = format!("/proc/{}", std::fs::read_to_string(pid).unwrap().trim());
    let watch = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    watch.block_on(until("the end of the plugin", || !Path::new(&process).exists()));
}

/// Ten leases, and the plugin is started once.
#[tokio::test]
async fn one_credential_serves_all_leases() {
    let folder = Folder::new("shared");
    let calls = folder.0.join("calls");
    let plugin = folder.script(
        "plugin",
        &format!(
            "echo >> {}\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
             \"status\":{{\"token\":\"t\"}}}}'\n",
            calls.display()
        ),
    );
    let api = EmbeddedApi::new().serve(([127, 0, 0, 1], 0)).await.unwrap();
    let config = folder.kubeconfig(&server(&api.url()), &exec(&plugin));
    let connection = Connection::from_kubeconfig(&config, None).await.unwrap();
    connection.ready().await.unwrap();
    let elector = Elector::start(connection.clone(), "a".into(), Arc::new(SystemClock), Vec::new()).unwrap();
    let leases = (0..10).map(|number| LeaseId::new(NAMESPACE, format!("ledger-{number}")));
    for mut election in leases.map(|lease| elector.contend(lease, Timing::default())).collect::<Vec<_>>() {
        assert!(tokio::time::timeout(Duration::from_secs(60), election.terms.recv()).await.unwrap().is_some());
    }
    connection.client().await.unwrap();
    assert_eq!(std::fs::read_to_string(calls).unwrap().lines().count(), 1);
}

/// A process of its own puts `CANARY`s into all places that may be secret. None may be in its log, at the finest level, in its
/// errors, or on its stderr.
#[test]
fn no_secret_is_said_anywhere() {
    let me = std::env::current_exe().unwrap();
    let mut child = Command::new(me);
    child.args(["--exact", "elector::tests::credentials::say_all_there_is_to_say", "--ignored", "--nocapture"]);
    child.env("HTTPS_PROXY", "http://CANARY-USER:CANARY-PASSWORD@proxy.example.com:3128");
    let out = child.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}");
    // It has reported what it is meant to report.
    for part in [
        "ended with exit code 3, its last output: `no luck with [redacted]",
        "TRACE lease_runtime",
        "started leading",
        "features = [\\\"http-proxy\\\"]",
        "proxy.example.com",
        "does not accept",
        "cannot be parsed, at line",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    // Also in base64, for the user and password of basic authentication.
    for secret in ["CANARY", "Q0FOQVJZ"] {
        let leak = said.lines().find(|line| line.contains(secret));
        assert_eq!(leak, None, "leaked");
    }
}

#[tokio::test]
#[ignore = "run in a process of its own by no_secret_is_said_anywhere"]
async fn say_all_there_is_to_say() {
    tracing::subscriber::set_global_default(Speaker).unwrap();
    let folder = Folder::new("canaries");
    let api = EmbeddedApi::new();
    let served = api.serve(([127, 0, 0, 1], 0)).await.unwrap();
    let plain = server(&served.url());
    let failing = folder.script(
        "failing",
        "echo '{\"token\":\"CANARY-OUT-1\"}'; echo \"no luck with $2 $3 $SECRET CANARY-OUT-1 http://u:CANARY-URL@h\" >&2; exit 3\n",
    );
    // (cluster, user)
    let mut cases = vec![
        (plain.clone(), exec(&failing)),
        (plain.clone(), exec(Path::new("/nonexistent"))),
        (plain.clone(), exec(&folder.script("garbage", "echo CANARY-OUT\n"))),
        (plain.clone(), "{ token: CANARY-TOKEN }".to_owned()),
        (plain.clone(), "{ token: \"CANARY\\nTOKEN\" }".to_owned()),
        (plain.clone(), "{ username: CANARY-USER, password: CANARY-PASSWORD }".to_owned()),
        (plain.clone(), "{ token: { CANARY: 1 } }".to_owned()),
        (plain.clone(), "{ exec: CANARY-EXEC }".to_owned()),
        (plain.clone(), "{ exec: { command: x, interactiveMode: CANARY-MODE } }".to_owned()),
        (plain.clone(), "{ auth-provider: { name: oidc, config: { id-token: CANARY-ID } } }".to_owned()),
        (
            plain.clone(),
            "{ auth-provider: { name: gcp, config: { cmd-path: /bin/sh, cmd-args: CANARY-ARG } } }".to_owned(),
        ),
        (server("https://127.0.0.1:1"), "{ client-certificate-data: CANARY, client-key-data: CANARY }".to_owned()),
        // "CANARY-KEY" in base64, which is not a key.
        (
            server("https://127.0.0.1:1"),
            "{ client-certificate-data: QQ==, client-key-data: Q0FOQVJZLUtFWQ== }".to_owned(),
        ),
        // The proxy of the environment.
        (server("https://api.example.com"), "{ token: CANARY-TOKEN }".to_owned()),
    ];
    for url in
        ["http://u:CANARY-PASSWORD@proxy.example.com:1", "socks5://u:CANARY@proxy.example.com:1", "x://u:CANARY@h"]
    {
        cases.push((format!("{{ server: '{}', proxy-url: '{url}' }}", served.url()), "{}".to_owned()));
    }
    for (cluster, user) in cases {
        println!("--- a case");
        let config = folder.kubeconfig(&cluster, &user);
        let connection = match Connection::from_kubeconfig(&config, None).await {
            Ok(connection) => connection,
            Err(error) => {
                println!("{error} {error:?}");
                continue;
            }
        };
        if let Err(error) = connection.ready().await {
            println!("{error} {error:?}");
        }
        if let Err(error) = crate::Candidate::builder().kubeconfig(&config).build().await {
            println!("{error} {error:?}");
        }
        // As if the first credentials had been fetched: requests fail.
        let elector = match Elector::start(connection, "a".into(), Arc::new(SystemClock), Vec::new()) {
            Ok(elector) => elector,
            Err(error) => {
                println!("{error} {error:?}");
                continue;
            }
        };
        for refusal in [None, Some(Fault::status(401))] {
            let fault = refusal.clone().map(|refusal| api.inject(RequestMatcher::any(), refusal));
            let lease = LeaseId::new(NAMESPACE, format!("ledger-{}", fault.is_some()));
            let mut election = elector.contend(lease, Timing::default());
            let is_settled =
                |status: &LeaseStatus| status.problem.is_some() || matches!(status.standing, Standing::Leader(_));
            let status = tokio::time::timeout(Duration::from_secs(60), election.status.wait_for(is_settled)).await;
            let status = status.unwrap().unwrap().clone();
            status.problem.iter().for_each(|problem| println!("{problem}"));
            println!("{status:?}");
            fault.into_iter().for_each(crate::embedded::Injection::remove);
        }
    }
}

/// Prints all log lines of lease-runtime.
struct Speaker;

impl tracing::Subscriber for Speaker {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("lease_runtime")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, " {}={value:?}", field.name());
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        println!("{} {}{}", event.metadata().level(), event.metadata().target(), fields.0);
    }

    fn enter(&self, _: &tracing::Id) {}

    fn exit(&self, _: &tracing::Id) {}
}
