"""kubectl: verbs by what they do to a cluster; a dry run counts only when its value says so."""

from collections.abc import Sequence

from agency_runtime.gate.argv import HELP, Line, names, parse_line
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.targets import Field

VALUED = names("-n --namespace --context --kubeconfig --cluster --user -s --server --token --as --as-group --as-uid -f --filename "
               "-k --kustomize -l --selector -o --output --field-selector --request-timeout --certificate-authority "
               "--client-certificate --client-key --tls-server-name --cache-dir --profile --profile-output -v --v --password "
               "--username -c --container --image --replicas --timeout --grace-period --type -p --patch --patch-file --since "
               "--tail --sort-by -L --label-columns --from-literal --from-file --for --to-revision --field-manager --port "
               "--target-port --subresource --output-directory --helm-command --template --vmodule --log-backtrace-at --since-time --revision --env")  # fmt: skip
SWITCHES = names("-A --all-namespaces --server-side --force-conflicts --recursive -R --watch -w --all --force --now --wait "
                 "--ignore-not-found --no-headers --show-labels --local --overwrite --prune --record --validate -i -t -it -ti "
                 "--stdin --tty --rm --insecure-skip-tls-verify --follow --previous --warnings-as-errors --cascade "
                 "--ignore-daemonsets --delete-emptydir-data --current --minify --flatten --client --raw --enable-helm --enable-exec "
                 "--enable-alpha-plugins --list --quiet --allow-missing-template-keys --contexts --match-server-version --help=true")  # fmt: skip
VERBS: dict[str, Kind] = {
    "get": "read", "describe": "read", "logs": "read", "log": "read", "events": "read", "top": "read", "explain": "read",
    "api-resources": "read", "api-versions": "read", "version": "read", "cluster-info": "read", "wait": "read",
    "options": "read", "help": "read", "completion": "read", "kustomize": "read", "plugin list": "read", "diff": "plan",
    "auth can-i": "read", "auth whoami": "read", "auth reconcile": "change",
    "rollout status": "read", "rollout history": "read", "rollout undo": "change", "rollout restart": "change",
    "rollout pause": "change", "rollout resume": "change",
    "config view": "read", "config get-contexts": "read", "config current-context": "read", "config get-clusters": "read",
    "config get-users": "read", "config use-context": "change", "config use": "change", "config set-context": "change",
    "config set": "change", "config set-cluster": "change", "config set-credentials": "change", "config unset": "change",
    "config rename-context": "change", "config delete-context": "change", "config delete-cluster": "change",
    "config delete-user": "change", "apply view-last-applied": "read", "cluster-info dump": "read",
    "create": "change", "apply": "change", "replace": "change", "patch": "change", "edit": "change", "set": "change",
    "label": "change", "annotate": "change", "scale": "change", "autoscale": "change", "expose": "change", "run": "change",
    "taint": "change", "cordon": "change", "uncordon": "change", "certificate": "change", "debug": "change",
    "attach": "change", "exec": "change", "cp": "change", "port-forward": "change", "proxy": "change",
    "delete": "destroy", "drain": "destroy",
}  # fmt: skip
SWITCHING: dict[str, Field] = {
    "ctx": "kube_context",
    "ns": "namespace",
    "login": "credentials",
    "project": "namespace",
    "krew": "credentials",
}
"""Plugins and oc's own verbs that turn later commands elsewhere."""
SECRETS = names("secret secrets")
GROUPS = names("auth rollout config plugin apply cluster-info")
DRY = names("apply create replace patch set label annotate scale autoscale expose run taint cordon uncordon delete drain "
            "auth rollout debug")  # fmt: skip
PINS: dict[str, Field] = {
    "--context": "kube_context", "-n": "namespace", "--namespace": "namespace", "--kubeconfig": "credentials",
    "--cluster": "credentials", "--user": "credentials", "--server": "credentials", "-s": "credentials",
    "--insecure-skip-tls-verify": "credentials", "--certificate-authority": "credentials", "--client-certificate": "credentials",
    "--client-key": "credentials", "--tls-server-name": "credentials", "--token": "credentials", "--as": "credentials", "--as-group": "credentials", "--username": "credentials",
}  # fmt: skip


def classify(argv: Sequence[str]) -> Effect:
    """The effect of a kubectl command line."""
    line = parse_line(argv[1:], VALUED, SWITCHES)
    if not line.words or line.surely(*HELP):
        return Effect("read", "kubectl shows its help")
    verb = " ".join(line.words[:2]) if line.words[0] in GROUPS else line.words[0]
    kind = VERBS.get(verb) or VERBS.get(line.words[0])
    if line.words[0] == "alpha":
        kind = VERBS.get(" ".join(line.words[1:2]), "change")
    why = f"kubectl {verb}"
    if kind is None:
        return Effect(
            "change", f"{why}: an unknown verb counts as a change", pins=(*_pins(line), *_switched(verb, line))
        )
    if dry(line, line.words[0]):
        return Effect("plan", f"{why}, as a dry run", pins=_pins(line))
    return Effect(_graver(verb, kind, line), why, pins=(*_pins(line), *_switched(verb, line)))


def dry(line: Line, verb: str) -> bool:
    """A dry run for certain: a value that says so, and nothing unknown that could say otherwise."""
    if verb not in DRY or not line.certain:
        return False
    local = line.surely("--local") and verb in ("set", "label", "annotate", "patch")
    return local or (line.value("--dry-run") in ("client", "server") and line.surely("--dry-run"))


def _graver(verb: str, kind: Kind, line: Line) -> Kind:
    prunes = (verb == "apply" and line.has("--prune")) or (verb == "replace" and line.has("--force"))
    halts = verb == "scale" and line.value("--replicas") == "0"
    shows = verb == "config view" and line.has("--raw")
    runs = line.has("--enable-exec", "--enable-alpha-plugins", "--helm-command")
    if kind == "read" and line.has("--output-directory"):
        return "local"
    return "destroy" if prunes or halts else "change" if shows or runs or _secret(verb, line) else kind


def _secret(verb: str, line: Line) -> bool:
    """The values of secrets are printed, and not only their names."""
    kinds = {part.partition("/")[0].partition(".")[0] for word in line.words[1:2] for part in word.lower().split(",")}
    shown = (line.value("-o", "--output") or "").partition("=")[0]
    raw = verb == "get" and line.has("--raw") and any("secrets" in word for word in line.words)
    return raw or (verb == "get" and bool(kinds & SECRETS) and shown not in ("", "name", "wide"))


def _pins(line: Line) -> tuple[tuple[Field, str], ...]:
    return tuple((PINS[name], value or "") for name, value in line.options if name in PINS and value != "false")


def _switched(verb: str, line: Line) -> tuple[tuple[Field, str], ...]:
    if line.words[0] in SWITCHING:
        return ((SWITCHING[line.words[0]], (*line.words[1:], "?")[0]),)
    if verb in ("config use-context", "config use"):
        return (("kube_context", line.words[2] if len(line.words) > 2 else "?"),)
    if verb.startswith("config ") and VERBS.get(verb) == "change":
        return (("credentials", verb),)
    return ()
