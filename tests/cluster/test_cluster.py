"""The test cluster itself: what runs in it behaves as it would with machines behind it."""

from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


def test_a_deployment_becomes_available_and_its_log_can_be_read(cluster: Any, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "create", "deployment", "web", "--image=nginx:1.27", "--replicas=2")
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=20s")
    assert "listening on :8080" in cluster.kubectl("-n", namespace, "logs", "deployment/web")


@pytest.mark.parametrize(("tag", "reason"), [("broken", "ImagePullBackOff"), ("crash", "CrashLoopBackOff")])
def test_an_image_that_does_not_run_keeps_its_rollout_from_ending(
    cluster: Any, namespace: str, tag: str, reason: str
) -> None:
    cluster.kubectl("-n", namespace, "create", "deployment", "web", f"--image=nginx:{tag}")
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=2s", code=1)
    assert reason in cluster.kubectl("-n", namespace, "get", "pods")


def test_a_job_completes(cluster: Any, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "create", "job", "once", "--image=busybox:1")
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Complete", "job/once", "--timeout=20s")
    assert cluster.kubectl("-n", namespace, "get", "job", "once", "--output=jsonpath={.status.succeeded}") == "1"


def test_who_has_no_role_may_do_nothing(cluster: Any, namespace: str) -> None:
    asked = ["auth", "can-i", "get", "pods", "-n", namespace, "--as=deployer", "--as-group=deployers"]
    assert cluster.kubectl(*asked, code=1) == "no"
