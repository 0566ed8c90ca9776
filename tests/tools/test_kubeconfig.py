"""The run's own kubeconfig: one context and no other, whole, and every fault of the person's file named."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agency_tools.errors import UsageError
from agency_tools.kubeconfig import person_files, pin


def config(**more: Any) -> dict[str, Any]:
    """A person's kubeconfig with two contexts."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "production",
        "clusters": [
            {"name": "a", "cluster": {"server": "https://a.example:6443", "certificate-authority": "ca.crt"}},
            {"name": "b", "cluster": {"server": "https://b.example", "proxy-url": "http://proxy.example"}},
        ],
        "users": [
            {"name": "jo", "user": {"token": "t0ken-of-jo"}},
            {"name": "root", "user": {"token": "t0ken-of-root"}},
        ],
        "contexts": [
            {"name": "staging", "context": {"cluster": "a", "user": "jo", "namespace": "shop"}},
            {"name": "production", "context": {"cluster": "b", "user": "root"}},
        ],
        **more,
    }


def written(folder: Path, content: object) -> Path:
    """A kubeconfig in `folder`, with the certificate it names."""
    (folder / "ca.crt").write_text("CERTIFICATE")
    path = folder / "config"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_one_context_is_left_with_what_it_needs_and_nothing_of_the_others(tmp_path: Path) -> None:
    pinned = pin([written(tmp_path, config())], context="staging", namespace="web")
    assert json.loads(pinned.text) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "target",
                "cluster": {
                    "server": "https://a.example:6443",
                    "certificate-authority-data": base64.b64encode(b"CERTIFICATE").decode(),
                },
            }
        ],
        "users": [{"name": "target", "user": {"token": "t0ken-of-jo"}}],
        "contexts": [{"name": "staging", "context": {"cluster": "target", "user": "target", "namespace": "web"}}],
        "current-context": "staging",
    }
    assert (pinned.host, pinned.port, pinned.namespace, pinned.secrets) == ("a.example", 6443, "web", ("t0ken-of-jo",))


def test_the_current_context_and_a_proxy_are_not_taken_over(tmp_path: Path) -> None:
    pinned = pin([written(tmp_path, config())], context="production")
    assert "proxy" not in pinned.text
    assert (pinned.host, pinned.port, pinned.namespace) == ("b.example", 443, "default")
    assert pin([tmp_path / "config"], context="staging").namespace == "shop"


def test_a_token_file_is_read_and_a_credential_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    users = [
        {"name": "jo", "user": {"tokenFile": "token"}},
        {"name": "root", "user": {"exec": {"command": "aws", "args": ["eks", "get-token"]}}},
    ]
    file = written(tmp_path, config(users=users))
    assert pin([file], context="staging").secrets == ("from-a-file",)
    assert pin([file], context="production").command == "aws"


def test_of_several_files_the_first_that_has_a_name_counts(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    more = config(contexts=[{"name": "test", "context": {"cluster": "a", "user": "jo"}}])
    files = [tmp_path / "absent", written(tmp_path, config()), written(tmp_path / "more", more)]
    assert pin(files, context="test").host == "a.example"
    assert person_files({"KUBECONFIG": f"{files[1]}{os.pathsep}{files[2]}"}) == files[1:]
    assert person_files({"HOME": "/home/jo"}) == [Path("/home/jo/.kube/config")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (config(contexts=None), "no context 'staging' in .*: there are none"),
        (config(users=[]), "no user 'jo' in "),
        (config(clusters=[{"name": "a", "cluster": {"server": "a.example"}}]), "is no address: 'a.example'"),
        (
            config(clusters=[{"name": "a", "cluster": {"server": "https://a", "certificate-authority": "x"}}]),
            "No such file",
        ),
        ("a: [", "cannot be read"),
        ("- a", "is no kubeconfig: the whole"),
        ("contexts: [{context: {}}]", r"is no kubeconfig: contexts\.0\.name"),
    ],
)
def test_a_faulty_kubeconfig_is_one_line_with_the_culprit(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        pin([written(tmp_path, content)], context="staging")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_missing_context_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no kubeconfig at .*absent"):
        pin([tmp_path / "absent"], context="staging")
    with pytest.raises(UsageError, match="there are staging, production"):
        pin([written(tmp_path, config())], context="stagin")


def test_kubectl_finds_one_context_in_it(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None and os.environ.get("CI") != "true":
        pytest.skip("kubectl is not installed")
    (tmp_path / "pinned").write_text(pin([written(tmp_path, config())], context="staging").text)
    asked = [kubectl or "kubectl", f"--kubeconfig={tmp_path}/pinned", "config", "get-contexts", "--output=name"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "staging\n"
