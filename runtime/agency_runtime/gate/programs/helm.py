"""helm: releases are changed by install, upgrade and rollback, destroyed by uninstall, and rendered by the rest."""

from collections.abc import Sequence

from agency_runtime.gate.argv import Line, names, parse_line
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect, Pins
from agency_runtime.gate.targets import Field

VALUED = names("-n --namespace --kube-context --kubeconfig --kube-apiserver --kube-token --kube-as-user --kube-as-group "
               "--kube-ca-file --kube-tls-server-name --registry-config --repository-cache --repository-config -f --values --set "
               "--set-string --set-file --set-json --version --timeout -o --output --repo --username --password --post-renderer "
               "--post-renderer-args --description --max -d --destination --keyring --ca-file --cert-file --key-file -s "
               "--show-only --kube-version -a --api-versions --output-dir --name-template --history-max --burst-limit --qps "
               "--revision -l --selector --labels --app-version")  # fmt: skip
SWITCHES = names("-i --install --wait --atomic --create-namespace --debug --force --reuse-values --reset-values --devel "
                 "--no-hooks --skip-crds --include-crds --validate --cleanup-on-fail --dependency-update -g --generate-name "
                 "--wait-for-jobs --hide-notes --strict --quiet --with-subcharts -A --all-namespaces --is-upgrade")  # fmt: skip
VERBS: dict[str, Kind] = {
    "list": "read", "ls": "read", "status": "read", "get": "read", "history": "read", "hist": "read", "search": "read",
    "show": "read", "inspect": "read", "env": "read", "version": "read", "help": "read", "completion": "read",
    "lint": "read", "verify": "read", "template": "plan", "diff": "plan", "test": "change",
    "repo": "local", "pull": "local", "fetch": "local", "dependency": "local", "dep": "local", "package": "local",
    "create": "local", "repo list": "read", "repo ls": "read", "dependency list": "read", "plugin list": "read",
    "plugin": "unknown", "registry": "change", "push": "change",
    "install": "change", "upgrade": "change", "rollback": "change",
    "uninstall": "destroy", "delete": "destroy", "del": "destroy", "un": "destroy",
}  # fmt: skip
PINS: dict[str, Field] = {
    "--kube-context": "kube_context", "-n": "namespace", "--namespace": "namespace", "--kubeconfig": "credentials",
    "--kube-apiserver": "credentials", "--kube-token": "credentials", "--kube-as-user": "credentials",
    "--kube-as-group": "credentials",
}  # fmt: skip


def classify(argv: Sequence[str]) -> Effect:
    """The effect of a helm command line."""
    line = parse_line(argv[1:], VALUED, SWITCHES)
    if not line.words or line.surely("--help", "-h"):
        return Effect("read", "helm shows its help")
    verb = line.words[0]
    kind = VERBS.get(" ".join(line.words[:2])) or VERBS.get(verb)
    pins: Pins = tuple((PINS[name], value or "") for name, value in line.options if name in PINS)
    if kind is None:
        return Effect("change", f"helm {verb}: an unknown verb counts as a change", pins=pins)
    if line.has("--post-renderer"):
        return Effect(
            "change" if kind in ("change", "destroy") else "unknown", f"helm {verb} runs a post-renderer", pins=pins
        )
    if kind in ("change", "destroy") and _dry(line, verb):
        return Effect("plan", f"helm {verb}, as a dry run", pins=pins)
    return Effect(kind, f"helm {verb}", pins=pins)


def _dry(line: Line, verb: str) -> bool:
    if verb not in ("install", "upgrade", "rollback", "uninstall", "delete", "del", "un") or not line.certain:
        return False
    return line.value("--dry-run") in ("", "client", "server", "true") and line.surely("--dry-run")
