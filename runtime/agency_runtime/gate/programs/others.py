"""Further programs that reach beyond the sandbox: each with its verbs, and what an unlisted verb counts as."""

from collections.abc import Sequence
from typing import cast

from agency_runtime.gate.argv import names, parse_line, program_of
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect, Pins
from agency_runtime.gate.targets import Field

_READS = names("get list ls show analyze checks manifests proxy-status describe status version help diff view logs info lint validate check inspect env tree whoami "
               "fmt-check search history top explain events")  # fmt: skip
_PLANS = names("plan preview synth synthesize render template what-if dry-run simulate package diff")
_DESTROYS = names("delete destroy remove rm uninstall purge nuke teardown wipe drop prune")
_LOCALS = names("init new fmt format build generate")
REACHING: dict[str, str] = {
    "pulumi": "", "cdk": "", "cdktf": "", "serverless": "", "sls": "", "sam": "", "eksctl": "", "kops": "", "kind": "", "k3d": "",
    "minikube": "", "flux": "", "argocd": "", "argo": "", "istioctl": "", "linkerd": "", "skaffold": "", "tilt": "", "helmfile": "",
    "vault": "", "consul": "", "nomad": "", "waypoint": "", "boundary": "", "packer": "", "ansible": "", "ansible-vault": "",
    "gh": "", "glab": "", "hub": "", "heroku": "", "flyctl": "", "fly": "", "vercel": "", "netlify": "", "wrangler": "", "doctl": "",
    "linode-cli": "", "oci": "", "ibmcloud": "", "aliyun": "", "tccli": "", "scw": "", "hcloud": "", "exo": "", "civo": "", "oc": "",
    "rosa": "", "ocm": "", "crossplane": "", "velero": "", "kubeseal": "", "stern": "", "kubectx": "", "kubens": "", "kustomize": "",
    "crictl": "", "ctr": "", "kubeadm": "", "talosctl": "", "juju": "", "salt": "", "chef": "", "knife": "", "puppet": "", "bolt": "",
    "railway": "", "k9s": "", "kubie": "", "supabase": "", "firebase": "", "amplify": "", "eb": "", "copilot": "", "chalice": "", "zappa": "", "cf": "",
    "databricks": "", "snowsql": "", "psql": "", "mysql": "", "mariadb": "", "mongosh": "", "mongo": "", "redis-cli": "", "sqlcmd": "",
    "clickhouse-client": "", "cqlsh": "", "influx": "", "etcdctl": "", "pg_restore": "", "dropdb": "", "createdb": "", "mysqladmin": "",
    "twine": "", "skopeo": "", "crane": "", "oras": "", "cosign": "", "rclone": "", "s3cmd": "", "mc": "", "azcopy": "",
}  # fmt: skip
SPECIAL: dict[str, dict[str, Kind]] = {
    "kustomize": {"build": "read", "cfg": "read", "edit": "local", "create": "local"},
    "packer": {"validate": "read", "inspect": "read", "init": "local", "fmt": "local", "build": "change"},
    "vault": {"read": "change", "kv": "change", "status": "read", "write": "change"},
    "gh": {"api": "change", "auth": "change", "run": "read", "pr": "change", "issue": "change", "repo": "change", "status": "read"},
    "kind": {"get": "read", "build": "local"},
    "sam": {"validate": "read", "build": "local", "local": "local", "deploy": "change"},
    "argo": {"lint": "read"},
    "ansible-vault": {"view": "change", "decrypt": "change", "encrypt": "local"},
    "dropdb": {"": "destroy"},
    "cosign": {"verify": "read", "tree": "read"},
    "kubectx": {"": "change"},
    "kubens": {"": "change"},
    "helmfile": {"lint": "read", "template": "plan", "diff": "plan", "destroy": "destroy"},
    "skaffold": {"render": "plan", "diagnose": "read", "build": "local"},
}  # fmt: skip
GROUPED = names(
    "gh glab argocd flux doctl hcloud velero linkerd argo istioctl eksctl kops rosa heroku fly flyctl consul nomad"
)
"""Programs whose second word is the verb."""
_CREDENTIALS = names("auth secret api config ssh-key gpg-key kv")
VALUED = names("--context --kube-context --kubeconfig -n --namespace --server --token -f --filename --file -o --output -l --selector --profile "
               "--region --address --repo -R -c --chdir --values --environment -e")  # fmt: skip
PINS: dict[str, Field] = {
    "--context": "kube_context", "--kube-context": "kube_context", "--kubeconfig": "credentials", "--server": "credentials",
    "--token": "credentials", "--address": "credentials",
}  # fmt: skip
DATABASES = names("psql mysql mariadb mongosh mongo redis-cli sqlcmd clickhouse-client cqlsh snowsql")
_WRECKING = ("drop ", "truncate ", "delete from", "flushall", "flushdb", "dropdatabase", "deletemany")


def classify(argv: Sequence[str]) -> Effect:
    """The effect of a program that reaches beyond the sandbox."""
    program = program_of(argv[0])
    line = parse_line(argv[1:], VALUED)
    pins: Pins = (
        *((PINS[name], value or "") for name, value in line.options if name in PINS),
        *_switched(program, line.words),
    )
    if program in DATABASES:
        wrecks = any(word in " ".join(argv).lower() for word in _WRECKING)
        return Effect("destroy" if wrecks else "change", f"{program} runs statements on a database")
    if (line.words[:1] == () and line.has("--help", "-h", "--version")) or line.words[:1] in (("version",), ("help",)):
        return Effect("read", f"{program} shows its help")
    return Effect(_kind(program, line.words), f"{program} {' '.join(line.words[:2])}".strip(), pins=pins)


def _switched(program: str, words: Sequence[str]) -> Pins:
    """Programs that turn later commands to another context or namespace."""
    field = {"kubectx": "kube_context", "kubens": "namespace"}.get(program)
    if field is not None:
        return ((cast("Field", field), words[0]),) if words else ()
    return (("kube_context", words[1]),) if program == "kubie" and len(words) > 1 else ()


def _kind(program: str, words: Sequence[str]) -> Kind:
    table = SPECIAL.get(program, {})
    if "" in table:
        return table[""]
    if any(word in _DESTROYS for word in words[:3]):
        return "destroy"
    if program in GROUPED and len(words) > 1 and words[0] not in _CREDENTIALS and words[1] in _READS:
        return "read"
    for word in words[:1]:
        kind = table.get(word)
        if kind:
            return kind
    first = words[0] if words else ""
    return (
        "read"
        if first in _READS
        else "plan"
        if first in _PLANS
        else "local"
        if first in _LOCALS and not table
        else "change"
    )


def classify_ansible_playbook(argv: Sequence[str]) -> Effect:
    """ansible-playbook changes hosts, except with --check or --syntax-check."""
    line = parse_line(argv[1:], names("-i --inventory -e --extra-vars -l --limit -t --tags --skip-tags -u --user -f --forks --vault-id "
                                      "--vault-password-file -c --connection --private-key --key-file -M --module-path"))  # fmt: skip
    reads = line.surely("--syntax-check", "--list-hosts", "--list-tasks", "--list-tags", "--help", "--version")
    kind: Kind = "read" if reads else "plan" if line.surely("--check", "-C") and line.certain else "change"
    return Effect(kind, "ansible-playbook" + ("" if kind == "change" else ", changing nothing"))
