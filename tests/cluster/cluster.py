"""Run etcd, a Kubernetes API server, its controllers and a scheduler on loopback, with nodes and pods that kwok plays.

Prints one JSON line when everything answers: where the kubeconfigs are, the server, the programs. Stands on the standard
library, so that it runs before the project is installed.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STAGES = Path(__file__).with_name("stages.yaml")
READY_S = 60
"""How long the whole may take to answer; it takes some seconds."""

USERS = {"admin": "system:masters", "deployer": "deployers"}
"""Who may speak to the server, and the group each is in; a deployer has no rights until a test gives it some."""


class NotReadyError(Exception):
    """A part ended, or did not answer in time; the message is for the person who started it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is decided before anything starts."""

    programs: Path
    folder: Path
    etcd: int
    peers: int
    server: int
    kubelet: int
    tokens: Mapping[str, str] = field(default_factory=lambda: {user: secrets.token_hex(16) for user in USERS})

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://127.0.0.1:{self.server}"

    def kubeconfig(self, user: str) -> Path:
        """The file by which `user` reaches the server."""
        return self.folder / f"{user}.kubeconfig"


def commands(plan: Plan) -> dict[str, list[str]]:
    """What runs, by name, in the order in which it starts."""
    folder, admin = plan.folder, plan.kubeconfig("admin")
    etcd = f"http://127.0.0.1:{plan.etcd}"
    peers = f"http://127.0.0.1:{plan.peers}"
    key, certificate = folder / "accounts.key", folder / "server.crt"
    return {
        "etcd": [
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={plan.server}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={folder}/server.key",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
            f"--kubelet-certificate-authority={certificate}",
        ],
        "kube-controller-manager": [
            f"--kubeconfig={admin}",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={certificate}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
        "kube-scheduler": [f"--kubeconfig={admin}", "--leader-elect=false", "--secure-port=0"],
        "kwok": [
            f"--kubeconfig={admin}",
            f"--config={STAGES}",
            f"--config={folder}/kubelet.yaml",
            "--manage-all-nodes=true",
            "--node-ip=127.0.0.1",
            f"--node-port={plan.kubelet}",
            f"--server-address=127.0.0.1:{plan.kubelet}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={folder}/server.key",
            "--node-lease-duration-seconds=40",
        ],
    }


def make_plan(programs: Path, folder: Path) -> Plan:
    """A plan with ports that were free just now."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for _ in range(4):
            free = held.enter_context(socket.socket())
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    return Plan(programs=programs, folder=folder, etcd=ports[0], peers=ports[1], server=ports[2], kubelet=ports[3])


def write_files(plan: Plan) -> None:
    """Keys, a self-signed certificate, tokens, kubeconfigs, and what a container of kwok's says when asked for its log."""
    folder = plan.folder
    _openssl("genrsa", "-out", f"{folder}/accounts.key", "2048")
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        *("-keyout", f"{folder}/server.key", "-out", f"{folder}/server.crt"),
    )
    rows = [f'{plan.tokens[user]},{user},{user},"{group}"' for user, group in USERS.items()]
    (folder / "tokens.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for user in USERS:
        plan.kubeconfig(user).write_text(json.dumps(_kubeconfig(plan, user)), encoding="utf-8")
    (folder / "container.log").write_text("2026-01-01T00:00:00Z stdout F listening on :8080\n", encoding="utf-8")
    logs = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "logs"},
        "spec": {"logs": [{"logsFile": f"{folder}/container.log"}]},
    }
    (folder / "kubelet.yaml").write_text(json.dumps(logs), encoding="utf-8")


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def _kubeconfig(plan: Plan, user: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "test", "cluster": {"server": plan.url, "certificate-authority": f"{plan.folder}/server.crt"}}
        ],
        "users": [{"name": user, "user": {"token": plan.tokens[user]}}],
        "contexts": [{"name": user, "context": {"cluster": "test", "user": user}}],
        "current-context": user,
    }


@dataclass
class Cluster:
    """The processes of a plan, and what they are asked over HTTPS."""

    plan: Plan
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])

    def start(self) -> None:
        """Start every part and wait until pods can run. Raises NotReadyError with the end of the culprit's log."""
        wanted = commands(self.plan)
        self._launch("etcd", wanted["etcd"])
        self._launch("kube-apiserver", wanted["kube-apiserver"])
        self._until("/readyz")
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._launch(name, wanted[name])
        for name in ("node-1", "node-2"):
            self._ask("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        self._until("/api/v1/namespaces/default/serviceaccounts/default")
        for name in ("node-1", "node-2"):
            self._until(f"/api/v1/nodes/{name}", holds='"type":"Ready","status":"True"')

    def stop(self) -> None:
        """End every part, the last started first; what does not end within ten seconds is killed."""
        for process in reversed(self.running.values()):
            process.terminate()
        deadline = time.monotonic() + 10
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.wait()

    def check(self) -> None:
        """Raises NotReadyError when a part has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise NotReadyError(f"{name} ended with {process.returncode}:\n{self._log(name)}")

    def _launch(self, name: str, words: Sequence[str]) -> None:
        with (self.plan.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [self.plan.programs / name, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.plan.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.plan.folder)},
                start_new_session=True,  # an interrupt at the terminal reaches this program alone, which ends them in order
            )

    def _until(self, path: str, *, holds: str = "") -> None:
        deadline = time.monotonic() + READY_S
        while True:
            self.check()
            with contextlib.suppress(urllib.error.URLError, OSError):
                if holds in self._ask(path):
                    return
            if time.monotonic() > deadline:
                raise NotReadyError(f"{path} did not answer within {READY_S} s:\n{self._log('kube-apiserver')}")
            time.sleep(0.05)

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        request = urllib.request.Request(
            f"{self.plan.url}{path}",
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {self.plan.tokens['admin']}", "Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=f"{self.plan.folder}/server.crt")
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
            return str(answer.read().decode())

    def _log(self, name: str) -> str:
        return "\n".join((self.plan.folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:])


def described(plan: Plan) -> dict[str, Any]:
    """What whoever started it needs to know."""
    return {
        "server": plan.url,
        "kubeconfigs": {user: str(plan.kubeconfig(user)) for user in USERS},
        "programs": str(plan.programs),
    }


@contextlib.contextmanager
def served(programs: Path) -> Iterator[Cluster]:
    """A cluster that answers, and is gone with all its data afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="agency-cluster-"))
    cluster = Cluster(make_plan(programs, folder))
    try:
        write_files(cluster.plan)
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Serve until standard input ends, a signal comes or a part ends."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("programs", type=Path, help="the folder of the built programs")
    options.add_argument("--forever", action="store_true", help="go on when standard input ends")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with served(given.programs) as cluster:
            sys.stdout.write(json.dumps(described(cluster.plan)) + "\n")
            sys.stdout.flush()
            if not given.forever:
                sys.stdin.read()
            while given.forever:
                time.sleep(1)
                cluster.check()
    except NotReadyError as error:
        sys.stderr.write(f"cluster: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
