"""A real API server, one for all tests of this folder, and a namespace of its own for each test."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "cluster.sh"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A cluster that answers: `admin` may do everything; `deployer` nothing, until it is given a role."""

    server: str
    admin: Path
    deployer: Path
    programs: Path

    def kubectl(self, *words: str, code: int = 0) -> str:
        """What kubectl prints for the admin, on either stream; its exit code is the one expected."""
        done = subprocess.run(
            [shutil.which("kubectl") or "kubectl", f"--kubeconfig={self.admin}", *words],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        assert done.returncode == code, done.stdout
        return done.stdout.strip()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A machine without the built programs, or without kubectl, skips these tests; in CI it fails them."""
    if item.get_closest_marker("cluster") is None:
        return
    why = None
    if subprocess.run([SCRIPT, "built"], capture_output=True).returncode:
        why = "the test cluster is not built: run scripts/cluster.sh build"
    elif shutil.which("kubectl") is None:
        why = "kubectl is not installed"
    if why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Served]:
    """A cluster that ends with the tests."""
    with subprocess.Popen([SCRIPT, "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline() or "{}")
        assert told, "scripts/cluster.sh run did not come up; its words are on standard error"
        files = {user: Path(path) for user, path in told["kubeconfigs"].items()}
        yield Served(server=told["server"], programs=Path(told["programs"]), **files)
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.fixture
def namespace(cluster: Served, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for one test."""
    name = f"t-{abs(hash(request.node.nodeid)) % 10**9}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
