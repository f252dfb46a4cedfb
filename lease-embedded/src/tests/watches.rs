//! Control of watches, and watches that fall behind.

use super::*;

#[tokio::test(start_paused = true)]
async fn watches_can_be_silenced_closed_broken_and_expired() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let mut events = watch(&leases, "0").await;
    assert_eq!(next(&mut events).await, "added x a");
    let made = renew(&leases, &made, "b").await.expect("renewed");
    assert_eq!(next(&mut events).await, "modified x b");

    assert_eq!(api.silence_watches(|call| call.caller == "a"), 1);
    let made = renew(&leases, &made, "c").await.expect("renewed");
    assert_eq!(next(&mut events).await, "silence");
    tokio::time::sleep(LONG).await;
    assert_eq!(next(&mut events).await, "silence", "a silent watch does not end either");
    api.resume_watches(|_| true);
    assert_eq!(next(&mut events).await, "modified x c");
    // Its timeout has expired meanwhile.
    assert_eq!(next(&mut events).await, "end");

    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(api.watches().len(), 1);
    assert_eq!(api.close_watches(|_| true), 1);
    assert_eq!(next(&mut events).await, "end");
    assert_eq!(api.watches().len(), 0);

    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(api.expire_watches(|_| true), 1);
    assert_eq!(next(&mut events).await, "error 410");
    assert_eq!(next(&mut events).await, "end");

    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(api.break_watches(|_| true), 1);
    assert!(next(&mut events).await.starts_with("broken"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_after_its_timeout_with_a_bookmark_shortly_before() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let params = WatchParams::default().timeout(10);
    let begun = tokio::time::sleep(Duration::ZERO).deadline();
    let mut events = Box::pin(leases.watch(&params, "0").await.expect("a watch"));
    let bookmark = timeout(LONG, events.try_next()).await.expect("in time").expect("unbroken");
    assert!(matches!(bookmark, Some(WatchEvent::Bookmark(_))));
    assert_eq!(tokio::time::sleep(Duration::ZERO).deadline() - begun, Duration::from_secs(8));
    assert!(timeout(LONG, events.try_next()).await.expect("in time").expect("unbroken").is_none());
    assert_eq!(tokio::time::sleep(Duration::ZERO).deadline() - begun, Duration::from_secs(10));
}

#[tokio::test]
async fn a_watch_that_falls_behind_gets_410() {
    let api = EmbeddedApi::with(Settings::default().changes_kept(3));
    let leases = leases(&api, "a");
    let mut made = create(&leases, "x").await;
    let mut events = watch(&leases, &version(&made).to_string()).await;
    for holder in ["b", "c", "d", "e", "f"] {
        made = renew(&leases, &made, holder).await.expect("renewed");
    }
    assert_eq!(next(&mut events).await, "error 410");
    assert_eq!(next(&mut events).await, "end");
}

#[tokio::test]
async fn compaction_ends_the_watches_that_start_before_it() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    renew(&leases, &made, "b").await.expect("renewed");
    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(next(&mut events).await, "modified x b");
    api.compact();
    assert_eq!(next(&mut events).await, "silence", "one that is up to date goes on");
    let mut late = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(next(&mut late).await, "error 410");
}
