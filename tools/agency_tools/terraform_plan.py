"""A saved plan as terraform shows it in JSON: what it would do to each resource."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agency_tools.errors import ToolError

Deed: TypeAlias = Literal["add", "change", "replace", "destroy", "read", "forget"]

_DEEDS: dict[tuple[str, ...], Deed] = {
    ("create",): "add",
    ("update",): "change",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("delete",): "destroy",
    ("read",): "read",
    ("forget",): "forget",
    ("create", "forget"): "replace",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a plan would do to one resource, and why where terraform says."""

    address: str
    deed: Deed
    why: str = ""


BRIEF = """\
import json, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
if done.returncode:
    sys.stdout.buffer.write(done.stdout)
    sys.exit(done.returncode)
plan = json.loads(done.stdout)
def kept(thing, *names):
    return {name: thing[name] for name in names if name in thing}
def brief(resource):
    change = kept(resource["change"], "actions", "replace_paths")
    return {**kept(resource, "address", "action_reason"), "change": change}
def within(module, path):
    for resource in module.get("resources", []):
        address = path + resource["address"]
        for each in resource.get("provisioners", []):
            command = each.get("expressions", {}).get("command", {}).get("constant_value", "")
            yield {"address": address, "runs": each["type"], "command": command}
        if resource.get("mode") == "data" and resource.get("type") in ("external", "http"):
            yield {"address": address, "runs": "data " + resource["type"], "command": ""}
    for name, call in module.get("module_calls", {}).items():
        yield from within(call.get("module", {}), path + "module." + name + ".")
configuration = plan.get("configuration", {})
providers = {each.get("full_name", "") for each in configuration.get("provider_config", {}).values()}
providers |= {each.get("provider_name", "") for each in plan.get("resource_changes", [])}
json.dump({
    "resource_changes": [brief(found) for found in plan.get("resource_changes", [])],
    "resource_drift": [kept(found, "address") for found in plan.get("resource_drift", [])],
    "output_changes": {name: kept(change, "actions") for name, change in plan.get("output_changes", {}).items()},
    "runs": list(within(configuration.get("root_module", {}), "")),
    "providers": sorted(providers - {""}),
}, sys.stdout)
"""
"""Runs the command it is given, and prints of the plan what is read here: no attribute, so no secret and no bulk."""

KNOWN = ("terraform.io/builtin/", "registry.terraform.io/hashicorp/", "registry.opentofu.org/hashicorp/")
"""Whose providers are known; any other is a program of somebody's that the approval names."""


def changes(plan: dict[str, Any]) -> list[Change]:
    """The resources that a plan (`terraform show -json`) would touch, in its order.

    Raises ToolError at an action it does not know, so that no new one is taken for harmless.
    """
    found: list[Change] = []
    for resource in plan.get("resource_changes", []):
        actions = tuple(resource["change"]["actions"])
        if actions != ("no-op",):
            found.append(Change(address=resource["address"], deed=_deed(actions), why=_why(resource)))
    return found


def _deed(actions: tuple[str, ...]) -> Deed:
    if actions not in _DEEDS:
        raise ToolError(f"the plan holds the unknown action {'/'.join(actions)}: read it with show before going on")
    return _DEEDS[actions]


def _why(resource: dict[str, Any]) -> str:
    paths = [".".join(str(step) for step in path) for path in resource["change"].get("replace_paths", [])]
    reason = str(resource.get("action_reason", "")).replace("_", " ")
    return f"{', '.join(paths)} cannot be changed in place" if paths else reason


def report(plan: dict[str, Any]) -> str:
    """One line of counts, then one for each resource that would be touched."""
    found = changes(plan)
    deeds: tuple[Deed, ...] = ("add", "change", "replace", "destroy")
    counts = ", ".join(f"{sum(change.deed == deed for change in found)} to {deed}" for deed in deeds)
    lines = [f"  {change.deed:<8}{change.address}" + (f"  ({change.why})" if change.why else "") for change in found]
    outputs = [
        f"  output  {name}" for name, change in plan.get("output_changes", {}).items() if change["actions"] != ["no-op"]
    ]
    return "\n".join([counts, *lines, *outputs, *_drift(plan)])


def _drift(plan: dict[str, Any]) -> list[str]:
    return [f"  drifted {resource['address']}" for resource in plan.get("resource_drift", [])]


def lines(plan: dict[str, Any]) -> tuple[str, ...]:
    """What would become of each resource and output, a line each."""
    return tuple(line.strip() for line in report(plan).splitlines()[1:])


def destroys(plan: dict[str, Any]) -> bool:
    """Whether anything would be deleted, be it to be made anew."""
    return any(change.deed in ("destroy", "replace") for change in changes(plan))


def warnings(plan: dict[str, Any]) -> tuple[str, ...]:
    """Code that would run besides the providers', and providers that nobody knows."""
    code = (_runs(each) for each in plan.get("runs", []))
    strange = (f"unknown provider {name}" for name in plan.get("providers", []) if not name.startswith(KNOWN))
    return (*code, *strange)


def _runs(each: dict[str, Any]) -> str:
    command = f": {' '.join(str(each['command']).split())[:200]}" if each["command"] else ""
    return f"{each['runs']} in {each['address']} runs code{command}"
