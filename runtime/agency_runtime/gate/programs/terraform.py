"""terraform, tofu and terragrunt: which verbs read, plan, change; applying belongs to the Terraform tool alone."""

from collections.abc import Sequence

from agency_runtime.gate.argv import Line, names, parse_line
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect, Pins
from agency_runtime.gate.targets import Field
from agency_runtime.gate.words import known

VALUED = names("-chdir -var -var-file -out -target -state -state-out -backup -lock-timeout -parallelism -replace -backend-config "
               "-from-module -plugin-dir -filter -test-directory -platform -fs-mirror -net-mirror -generate-config-out "
               "--terragrunt-working-dir --terragrunt-config --working-dir --config -junit-xml -type")  # fmt: skip
VERBS: dict[str, Kind] = {
    "version": "read", "show": "read", "output": "read", "graph": "read", "validate": "read", "providers": "read",
    "metadata": "read", "modules": "read", "state list": "read", "state show": "read", "state pull": "read",
    "workspace list": "read", "workspace show": "read", "providers schema": "read", "hclfmt": "local",
    "plan": "plan", "console": "plan", "test": "plan",
    "fmt": "local", "init": "local", "get": "local", "providers lock": "local", "providers mirror": "local",
    "apply": "change", "import": "change", "refresh": "change", "taint": "change", "untaint": "change",
    "login": "change", "logout": "change", "workspace select": "change", "workspace new": "change", "env select": "change",
    "state mv": "change", "state push": "change", "state replace-provider": "change", "force-unlock": "change",
    "apply-all": "change", "destroy-all": "destroy", "plan-all": "plan", "validate-all": "read", "output-all": "read",
    "destroy": "destroy", "state rm": "destroy", "workspace delete": "destroy",
}  # fmt: skip
REFUSED = {
    "apply": "only the Terraform tool applies, and only a plan it has saved and shown",
    "destroy": "destroying is refused; plan -destroy through the Terraform tool shows what it would take",
    "import": "the state is changed by reviewed plans only: write an import block",
    "refresh": "the state is changed by reviewed plans only: plan with -refresh-only",
    "taint": "the state is changed by reviewed plans only: plan with -replace",
    "untaint": "the state is changed by reviewed plans only",
    "state rm": "the state is changed by reviewed plans only: write a removed block",
    "state mv": "the state is changed by reviewed plans only: write a moved block",
    "state push": "the state is never written by hand",
    "state replace-provider": "the state is never written by hand",
    "force-unlock": "a lock belongs to whoever took it",
    "workspace delete": "a workspace is deleted by a person",
    "apply-all": "only the Terraform tool applies, and only a plan it has saved and shown",
    "destroy-all": "destroying is refused; plan -destroy through the Terraform tool shows what it would take",
}
"""Verbs that no road but the Terraform tool may take, whatever rules and mode say."""
BACKEND: dict[str, Field] = {
    "profile": "aws_profile", "access_key": "credentials", "secret_key": "credentials", "role_arn": "credentials", "endpoint": "credentials",
    "config_path": "credentials", "config_context": "kube_context", "credentials": "credentials", "subscription_id": "credentials",
    "shared_credentials_file": "credentials", "token": "credentials",
}  # fmt: skip
"""Settings of state backends that aim elsewhere."""
GROUPS = names("state workspace providers env metadata")


def classify(argv: Sequence[str]) -> Effect:
    """The effect of a terraform command line."""
    line = parse_line(_single_dash(argv[1:]), VALUED)
    words = _words(line)
    if not words or (line.surely("-help", "-h", "-version") and line.words):
        return Effect("read", "terraform shows its help")
    if not known(words[0]):
        return Effect("change", "terraform with a verb not known before it runs", critical=True)
    verb = " ".join(words[:2]) if words[0] in GROUPS and len(words) > 1 else words[0]
    kind = VERBS.get(verb)
    if kind is None:
        return Effect("change", f"terraform {verb}: an unknown verb counts as a change")
    if verb in REFUSED:
        kind = "destroy" if line.has("-destroy") else kind
        return Effect(kind, f"terraform {verb}: {REFUSED[verb]}", refused=True)
    return Effect(_kind(verb, kind, line), f"terraform {verb}", pins=(*_pins(verb, words), *_backend(line)))


def _single_dash(args: Sequence[str]) -> list[str]:
    """Terraform takes `--option` for `-option`."""
    return [word[1:] if word.startswith("--") and len(word) > 2 and "terragrunt" not in word else word for word in args]


def _words(line: Line) -> list[str]:
    words = list(line.words)
    while words and words[0] in ("run-all", "run", "stack", "exec"):
        words = words[1:] or list(line.rest)
    return words


def _kind(verb: str, kind: Kind, line: Line) -> Kind:
    """`fmt` that only checks reads; `init` that moves the state to another backend changes."""
    if verb == "init" and line.has("-migrate-state", "-force-copy"):
        return "change"
    unwritten = any(name == "-write" and value == "false" for name, value in line.options)
    return "read" if verb == "fmt" and (line.has("-check") or unwritten) else kind


def _backend(line: Line) -> Pins:
    """Another account or workspace, given to the backend on the command line."""
    settings = [value.partition("=") for name, value in line.options if name == "-backend-config" and value]
    return tuple((BACKEND[key], value) for key, _, value in settings if key in BACKEND)


def _pins(verb: str, words: Sequence[str]) -> tuple[tuple[Field, str], ...]:
    if verb in ("workspace select", "workspace new", "env select"):
        return (("terraform_workspace", words[2] if len(words) > 2 else "?"),)
    return ()
