"""Objects as values: what of them is compared, what is hidden, what a person is warned of, what lies outside a target."""

from typing import Any

import pytest

from agency_tools.cluster_inside import joined, owner, stripped
from agency_tools.errors import ToolError
from agency_tools.kubernetes_objects import (
    Identity,
    dangers,
    differences,
    identity,
    listed,
    scaled_to_zero,
    templated,
    version,
    wanted,
)
from agency_tools.kubernetes_place import Place, documents, explicit_namespaces, place
from agency_tools.kubernetes_undo import hand_undo
from agency_tools.target import Target


def thing(kind: str = "Deployment", **more: Any) -> dict[str, Any]:
    """An object as a server gives it."""
    metadata = {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"deployment.kubernetes.io/revision": "2"},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"replicas": 2},
        "status": {"x": 1},
        **more,
    }


def test_what_the_server_writes_is_not_compared() -> None:
    assert wanted(thing()) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2},
    }


def test_an_object_has_changed_when_its_wishes_did_and_not_when_its_status_moved() -> None:
    before = thing()
    moved = thing(status={"x": 2}, metadata={**before["metadata"], "resourceVersion": "8"})
    changed = thing(metadata={**before["metadata"], "generation": 3})
    another = thing(metadata={**before["metadata"], "uid": "other"})
    assert version(moved) == version(before)
    assert version(changed) != version(before)
    assert version(another) != version(before)
    bare = {name: value for name, value in before.items() if name != "status"}
    assert version({**bare, "metadata": {**before["metadata"], "resourceVersion": "8"}}) != version(bare)


def test_differences_name_the_path_and_both_values() -> None:
    old = thing(spec={"replicas": 2, "containers": [{"name": "a", "image": "x:1"}, {"name": "b"}], "list": [1, 2]})
    new = thing(
        spec={"replicas": 0, "containers": [{"name": "b"}, {"name": "a", "image": "x:2"}], "list": [1, 3], "new": {}}
    )
    assert differences(old, new) == [
        "~ spec.replicas: 2 → 0",
        "~ spec.containers[a].image: x:1 → x:2",
        "~ spec.list[1]: 2 → 3",
        "+ spec.new: {}",
    ]
    assert differences(old, thing(spec={})) == [
        "- spec.replicas: 2",
        "- spec.containers[a].name: a",
        "- spec.containers[a].image: x:1",
        "- spec.containers[b].name: b",
        "- spec.list[0]: 1",
        "- spec.list[1]: 2",
        "+ spec: {}",
    ]


def test_a_secret_shows_that_it_changes_and_never_to_what() -> None:
    old, new = (thing("Secret", data={"password": value}, spec={}) for value in ("b2xk", "bmV3"))
    assert differences(old, new) == ["~ data.password: (hidden) → (hidden)"]
    added = thing("Secret", stringData={"password": "plain"}, data={"password": "b2xk"}, spec={})
    assert differences(old, added) == ["+ stringData.password: (hidden)"]
    assert "plain" not in str(differences(None, added))


def test_a_long_value_is_cut_and_says_so() -> None:
    [line] = differences(thing(spec={"a": "y"}), thing(spec={"a": "x" * 500}))
    assert line == f"~ spec.a: y → {'x' * 200} … (500 characters)"


@pytest.mark.parametrize(
    ("old", "new", "gone"), [(2, 0, True), (0, 0, False), (2, 1, False), (None, 0, False), (2, None, False)]
)
def test_scaling_to_zero_is_seen_only_where_pods_would_go(old: int | None, new: int | None, gone: bool) -> None:
    assert scaled_to_zero(thing(spec={"replicas": old}), thing(spec={"replicas": new})) is gone
    assert not scaled_to_zero(None, thing(spec={"replicas": 0}))


@pytest.mark.parametrize(
    ("kind", "pod", "said"),
    [
        ("Deployment", {"hostNetwork": True, "hostPID": True}, ["hostNetwork", "hostPID"]),
        ("DaemonSet", {"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}, {"name": "w"}]}, ["the node's /etc"]),
        ("Job", {"initContainers": [{"securityContext": {"privileged": True}}]}, ["a privileged container"]),
        ("Deployment", {"containers": [{"securityContext": {"privileged": False}}]}, []),
        ("ClusterRoleBinding", {}, ["gives rights in the whole cluster"]),
    ],
)
def test_what_reaches_beyond_its_pod_is_named(kind: str, pod: dict[str, Any], said: list[str]) -> None:
    found = dangers(thing(kind, spec={"template": {"spec": pod}}))
    assert found == [f"{kind}/web in shop: {each}" for each in said]


def test_pods_and_cron_jobs_are_read_at_their_own_depth() -> None:
    pod = {"hostNetwork": True}
    assert dangers(thing("Pod", spec=pod)) == ["Pod/web in shop: hostNetwork"]
    nested = {"jobTemplate": {"spec": {"template": {"spec": pod}}}}
    assert dangers(thing("CronJob", spec=nested)) == ["CronJob/web in shop: hostNetwork"]
    assert dangers(thing("Deployment", spec=None)) == []


def test_a_rollouts_history_and_the_workload_are_compared_by_their_template() -> None:
    now = thing(spec={"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"a": 1}}})
    labels = {"app": "web", "pod-template-hash": "123"}
    metadata = {"labels": labels, "creationTimestamp": None}
    then = thing("ReplicaSet", spec={"replicas": 0, "template": {"metadata": metadata, "spec": {"a": 2}}})
    assert differences(templated(now), templated(then)) == ["~ spec.template.spec.a: 1 → 2"]


def test_lists_single_objects_and_several_are_read() -> None:
    assert listed("") == []
    assert listed('{"kind": "A"}\n{"kind": "List", "items": [{"kind": "B"}, {"kind": "C"}]}') == [
        {"kind": "A"},
        {"kind": "B"},
        {"kind": "C"},
    ]


def test_an_identity_is_what_kubectl_and_a_person_call_it() -> None:
    one = identity(thing())
    assert (str(one), one.resource) == ("Deployment/web in shop", "deployment.apps")
    whole = Identity(kind="Namespace", group="", namespace="", name="shop")
    assert (str(whole), whole.resource) == ("Namespace/shop", "namespace")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "no YAML"),
        ("", "no object"),
        ("---\n---\n", "no object"),
        ("- a", "lacks kind or apiVersion"),
        ("kind: A", "lacks kind or apiVersion"),
        ("kind: Job\napiVersion: batch/v1\nmetadata: {generateName: x-}", "kind Job has no metadata.name"),
        ("kind: List\napiVersion: v1\nitems: [{kind: A}]", "lacks kind or apiVersion"),
    ],
)
def test_manifests_that_cannot_be_compared_are_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        documents(text)


def test_every_document_and_every_item_of_a_list_is_read() -> None:
    item = "{kind: A, apiVersion: v1, metadata: {name: %s, namespace: %s}}"
    text = f"{item % ('a', 'x')}\n---\nkind: List\napiVersion: v1\nitems: [{item % ('b', 'y')}, {item % ('c', 'x')}]\n"
    found = documents(text)
    assert [each["metadata"]["name"] for each in found] == ["a", "b", "c"]
    assert explicit_namespaces(found) == ["x", "y"]


def test_a_place_admits_its_namespaces_and_names_the_rest() -> None:
    shop = place(Target(name="staging", namespaces=("shop", "web")), None)
    assert (shop.flag, place(Target(name="staging", namespaces=("shop", "web")), "web").flag) == (
        ["--namespace=shop"],
        ["--namespace=web"],
    )
    inside = Identity(kind="A", group="", namespace="web", name="a")
    shop.admit([inside], "this")
    beyond = [
        Identity(kind="Role", group="", namespace="kube-system", name="r"),
        Identity(kind="Node", group="", namespace="", name="n"),
    ]
    with pytest.raises(ToolError, match="Role/r in kube-system; Node/n, which belongs to the whole cluster"):
        shop.admit([inside, *beyond], "this")


def test_a_target_without_a_list_keeps_to_its_contexts_namespace() -> None:
    anywhere = place(Target(name="staging"), None)
    assert anywhere == Place(target="staging", namespace=None, allowed=())
    anywhere.admit([Identity(kind="Node", group="", namespace="", name="n")], "this")  # named in the approval instead
    with pytest.raises(ToolError, match="is pinned to namespace the context's own, not 'shop'"):
        place(Target(name="staging"), "shop")


def test_what_is_kept_for_an_undo_has_the_uid_and_nothing_a_server_would_refuse() -> None:
    kept = stripped(thing())
    assert kept["metadata"] == {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "annotations": {"deployment.kubernetes.io/revision": "2"},
    }
    assert "status" not in kept
    assert owner(thing()) == {
        "resource": "deployment.apps",
        "name": "web",
        "namespace": "shop",
        "fields": [{"manager": "kubectl"}],
    }


def test_a_folder_is_read_as_kubectl_reads_it(tmp_path: Any) -> None:
    for name in ("b.yml", "a.yaml", "c.json", "d.txt", "deeper/e.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert joined(tmp_path)["out"] == "a.yaml\n---\nb.yml\n---\nc.json"
    assert joined(tmp_path / "deeper" / "none")["exit_code"] == 1


def test_an_undo_by_hand_holds_no_secret_and_says_what_is_lacking() -> None:
    secret = thing("Secret", data={"password": "b2xk"})
    made = Identity(kind="ConfigMap", group="", namespace="shop", name="c")
    undo = hand_undo(Target(name="staging", kube_context="k"), "x", former=[thing(), secret], added=[made])
    assert undo.commands == (
        "kubectl --context=k replace --filename=former.yaml",
        "kubectl --context=k --namespace=shop delete configmap/c",
    )
    assert undo.lacking == ("the former values of Secret/web in shop",)
    assert "b2xk" not in undo.former
    assert "replicas: 2" in undo.former
