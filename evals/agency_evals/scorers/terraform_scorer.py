"""`terraform`: assertions over a real plan, or over the configuration as it is written."""

import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from agency_evals.finished import Finished
from agency_evals.results import Score
from agency_evals.scorer_file import Terraform, name_of
from agency_evals.scorers.documents_scorer import judged, read
from agency_evals.scorers.verdict import asserted, broken, unscored
from agency_evals.verifier import bench
from agency_runtime.wire import Json, json_object

SECONDS = 180
UNPLANNABLE = (
    "could not query provider",
    "Failed to query available provider",
    "Missing required provider",
    "Failed to install provider",
)


async def score(spec: Terraform, finished: Finished) -> Score:
    """Passed where everything asked for holds; unscored where no plan can be made here for want of a provider."""
    if spec.source == "plan":
        return await _planned(spec, finished)
    top = "" if spec.dir == "." else spec.dir.strip("/") + "/"
    files, problems = read(finished, [f"{top}**/*.tf"], "hcl")
    if not files:
        problems.append(f"no .tf file is in {spec.dir}")
    if problems:
        return asserted(name_of(spec), problems)
    given = configuration({path: json_object(documents[0]) for path, documents in files.items()})
    return _judged(spec, finished, given | {"changed": finished.changed})


def _judged(spec: Terraform, finished: Finished, given: Mapping[str, Any]) -> Score:
    types = [str(resource["type"]) for resource in given["resources"]]
    few = [
        f"{types.count(wanted)} of {wanted}, fewer than {least}"
        for wanted, least in spec.resources.items()
        if types.count(wanted) < least
    ]
    if few:
        return asserted(name_of(spec), few)
    return judged(name_of(spec), finished, given, spec.that, spec.policies)


def configuration(files: Mapping[str, Json]) -> dict[str, Any]:
    """What the configuration says, in the shape of a plan: labels are unfolded, blocks stand as lists."""
    found: dict[str, Any] = {
        "files": {path: [document] for path, document in files.items()},
        "docs": list(files.values()),
    }
    for kind, name in (("resource", "resources"), ("data", "data_sources")):
        found[name] = [each for path, document in files.items() for each in _labelled(path, document, kind)]
    for kind in ("variable", "output", "module", "provider"):
        found[f"{kind}s"] = {
            label: json_object(body)
            for document in files.values()
            for block in document.get(kind) or ()
            for label, body in json_object(block).items()
        }
    settings: dict[str, Any] = {}
    for document in files.values():
        for block in document.get("terraform") or ():
            settings |= json_object(block)
    return found | {"terraform": settings, "changes": []}


def _labelled(path: str, document: Json, kind: str) -> Iterator[dict[str, Any]]:
    folder = posixpath.dirname(path)
    for block in document.get(kind) or ():
        for type_, named in json_object(block).items():
            for name, body in json_object(named).items():
                address = f"{'data.' if kind == 'data' else ''}{type_}.{name}"
                yield {"address": address, "type": type_, "name": name, "module": folder, "values": json_object(body)}


async def _planned(spec: Terraform, finished: Finished) -> Score:
    name = name_of(spec)
    folder = f"-chdir={shlex.quote(spec.dir)}"
    command = (
        f"terraform {folder} init -input=false -no-color >/tmp/init.log 2>&1 || {{ cat /tmp/init.log; exit 90; }}; "
        f"terraform {folder} plan -input=false -no-color -lock=false -out=/tmp/plan.out >/tmp/plan.log 2>&1"
        f" || {{ cat /tmp/plan.log; exit 91; }}; terraform {folder} show -json /tmp/plan.out > /logs/plan.json"
    )
    async with bench(finished) as box:
        done = await box.run(command, seconds=SECONDS)
        text = box.log("plan.json")
    shown = f"terraform {folder} plan"
    if done.overdue:
        return broken(name, f"it took longer than {SECONDS} s", command=shown, exit_code=done.exit_code)
    absent = done.exit_code == 127 or "terraform: command not found" in done.output
    if absent or (done.exit_code in (90, 91) and any(words in done.output for words in UNPLANNABLE)):
        return unscored(name, done.excerpt, command=shown, exit_code=done.exit_code)
    if done.exit_code or text is None:
        return asserted(name, [f"terraform could not plan: {done.excerpt}"])
    return _judged(spec, finished, planned(json_object(json.loads(text))) | {"changed": finished.changed})


def planned(plan: Json) -> dict[str, Any]:
    """What a plan's JSON says."""
    values = json_object(json_object(plan.get("planned_values")).get("root_module"))
    changes = [json_object(each) for each in plan.get("resource_changes") or ()]
    drift = [json_object(each) for each in plan.get("resource_drift") or ()]
    return {
        "resources": list(_in_module(values)),
        "data_sources": [],
        "variables": json_object(plan.get("variables")),
        "outputs": json_object(plan.get("output_changes")),
        "modules": {},
        "providers": {},
        "terraform": {"version": plan.get("terraform_version")},
        "changes": [
            {"address": each["address"], "actions": json_object(each["change"])["actions"]} for each in changes
        ],
        "docs": drift,
        "files": {},
    }


def _in_module(module: Json) -> Iterator[dict[str, Any]]:
    for each in module.get("resources") or ():
        found = json_object(each)
        yield {
            "address": found["address"], "type": found["type"], "name": found["name"],
            "module": str(module.get("address") or ""), "values": json_object(found.get("values")),
        }  # fmt: skip
    for child in module.get("child_modules") or ():
        yield from _in_module(json_object(child))
