//! `GET` of many objects.

use serde_json::{Value, json};

use crate::case::{Check, Test, ensure, lacks, lease, same, version, with};
use crate::cases;

/// The names in a list, as JSON.
fn names(list: &Value) -> Value {
    list["items"].as_array().into_iter().flatten().map(|item| item["metadata"]["name"].clone()).collect()
}

async fn three(t: &Test) -> Result<u64, String> {
    t.create(&with(lease("b"), "/metadata/labels", json!({ "app": "x", "tier": "back" }))).await?;
    t.create(&with(lease("a"), "/metadata/labels", json!({ "app": "x", "tier": "front" }))).await?;
    version(&t.create(&lease("c")).await?)
}

cases! {
    "a list is sorted by name, and its items have no kind" => |t| {
        let last = three(&t).await?;
        let list =
            t.list("").await?.code(200)?.is("/kind", "LeaseList")?.is("/apiVersion", "coordination.k8s.io/v1")?.json();
        same("names", &names(&list), &json!(["a", "b", "c"]))?;
        lacks(&list, "/items/0/kind")?;
        lacks(&list, "/items/0/apiVersion")?;
        lacks(&list, "/metadata/continue")?;
        ensure(version(&list)? >= last, || format!("the list is older than its items: {list}"))
    }
    "a list of nothing, and one in no namespace, are empty lists" => |t| {
        t.list("").await?.code(200)?.is("/items", json!([]))?;
        let reply = t.read("/apis/coordination.k8s.io/v1/namespaces/conformance-none/leases").await?;
        reply.code(200)?.is("/items", json!([]))
    }
    "a list over all namespaces has those of each" => |t| {
        three(&t).await?;
        let list = t.read("/apis/coordination.k8s.io/v1/leases").await?.code(200)?.json();
        let here: Vec<&Value> = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|item| item["metadata"]["namespace"] == t.namespace.as_str())
            .collect();
        ensure(here.len() == 3, || format!("{} of 3", here.len()))
    }
    "fieldSelector=metadata.name selects by name" => |t| {
        three(&t).await?;
        same("one", &names(&t.list("fieldSelector=metadata.name%3Da").await?.code(200)?.json()), &json!(["a"]))?;
        same(
            "two equal signs",
            &names(&t.list("fieldSelector=metadata.name%3D%3Da").await?.code(200)?.json()),
            &json!(["a"]),
        )?;
        same("none", &names(&t.list("fieldSelector=metadata.name%3Dz").await?.code(200)?.json()), &json!([]))?;
        same("not", &names(&t.list("fieldSelector=metadata.name!%3Da").await?.code(200)?.json()), &json!(["b", "c"]))?;
        let both = format!("fieldSelector=metadata.name%3Da,metadata.namespace%3D{}", t.namespace);
        same("both", &names(&t.list(&both).await?.code(200)?.json()), &json!(["a"]))
    }
    "a fieldSelector of another field is 400" => |t| {
        let reply = t.list("fieldSelector=spec.holderIdentity%3Da").await?.refused(400, "BadRequest")?;
        reply.message(
            "\"spec.holderIdentity\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        )
    }
    "an invalid fieldSelector is 400" => |t| {
        t.list("fieldSelector=name").await?.refused(400, "BadRequest")
    }
    "labelSelector selects by equality, sets and existence" => |t| {
        three(&t).await?;
        for (selector, wanted) in [
            ("app%3Dx", json!(["a", "b"])),
            ("app%3Dx,tier!%3Dback", json!(["a"])),
            ("tier%20in%20(back,front)", json!(["a", "b"])),
            ("tier%20notin%20(back)", json!(["a", "c"])),
            ("app", json!(["a", "b"])),
            ("!app", json!(["c"])),
            ("app!%3Dx", json!(["c"])),
        ] {
            same(selector, &names(&t.list(&format!("labelSelector={selector}")).await?.code(200)?.json()), &wanted)?;
        }
    }
    "an invalid labelSelector is 400" => |t| {
        t.list("labelSelector=a%20b").await?.refused(400, "BadRequest")
    }
    "a list comes in pages of limit, each continuing the last" => |t| {
        three(&t).await?;
        let first = t.list("limit=2").await?.code(200)?.is("/metadata/remainingItemCount", 1)?.json();
        same("first page", &names(&first), &json!(["a", "b"]))?;
        t.create(&lease("bb")).await?;
        let token = first["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        let second = t.list(&format!("limit=2&continue={token}")).await?.code(200)?.json();
        same("second page, of the same moment", &names(&second), &json!(["c"]))?;
        lacks(&second, "/metadata/continue")?;
        same("version", &second["metadata"]["resourceVersion"], &first["metadata"]["resourceVersion"])
    }
    "a page of a selection does not count what remains" => |t| {
        three(&t).await?;
        let reply = t.list("limit=1&labelSelector=app%3Dx").await?.code(200)?.lacks("/metadata/remainingItemCount")?;
        let list = reply.json();
        same("names", &names(&list), &json!(["a"]))?;
        ensure(list["metadata"]["continue"].is_string(), || list.to_string())
    }
    "an invalid continue token is 400" => |t| {
        t.list("limit=1&continue=nonsense").await?.refused(400, "BadRequest")
    }
    "a list at version 0 or a past version is one of now" => |t| {
        let last = three(&t).await?;
        // With a version, the answer may come from a stale cache. The first request waits until the cache is up to date.
        for query in
            [format!("resourceVersion={last}&resourceVersionMatch=NotOlderThan"), "resourceVersion=0".to_owned()]
        {
            same(&query, &names(&t.list(&query).await?.code(200)?.json()), &json!(["a", "b", "c"]))?;
        }
    }
    "resourceVersionMatch without resourceVersion is 422" => |t| {
        t.list("resourceVersionMatch=Exact").await?.refused(422, "Invalid")
    }
    "a list at a version yet to come is 504" => |t| {
        let last = three(&t).await?;
        let query = format!("resourceVersion={}&resourceVersionMatch=NotOlderThan", last + 1_000_000);
        t.list(&query).await?.refused(504, "Timeout")?.message_has("Too large resource version")
    }
    "a list at exactly a past version is of that moment" => |t| {
        let first = version(&t.create(&lease("a")).await?)?;
        t.create(&lease("b")).await?;
        let list = t.list(&format!("resourceVersion={first}&resourceVersionMatch=Exact")).await?.code(200)?.json();
        same("names", &names(&list), &json!(["a"]))?;
        same("version", &list["metadata"]["resourceVersion"], &json!(first.to_string()))
    }
}
