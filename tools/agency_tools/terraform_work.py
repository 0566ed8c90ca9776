"""Where terraform works for a target: a copy of the root module that it may write beside, made of links to the repository.

The repository is read-only in a target's compartment, and terraform insists on writing beside its files. So the folders
on the way to the root module are made anew in scratch, everything else is a link, and local state goes where the target says.
"""

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agency_tools.errors import ToolError

MIRROR = """\
import json, os, re, shutil, sys
root, work, directory, store = sys.argv[1:5]
OWN = {".terraform", ".terraform.lock.hcl", "terraform.tfstate", "terraform.tfstate.backup", "terraform.tfstate.d",
       ".terraform.tfstate.lock.info"}
def link(source, sink, but):
    for name in os.listdir(source):
        if name not in but:
            os.symlink(source + "/" + name, sink + "/" + name)
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
here, there = root, work
for part in [] if directory == "." else directory.split("/"):
    link(here, there, {part, ".git"})
    here, there = here + "/" + part, there + "/" + part
    os.mkdir(there)
if not os.path.isdir(here):
    sys.exit("there is no folder " + directory)
link(here, there, OWN | {".git"})
if os.path.exists(here + "/.terraform.lock.hcl"):
    shutil.copyfile(here + "/.terraform.lock.hcl", there + "/.terraform.lock.hcl")
found = ""
for name in sorted(os.listdir(here)):
    if name.endswith(".tf"):
        with open(here + "/" + name, encoding="utf-8", errors="replace") as file:
            text = re.sub(r"/[*].*?[*]/", "", file.read(), flags=re.S)
        match = re.search(r'^[^#\\n]*?(?:\\bbackend\\s+"([^"]+)"|\\b(cloud)\\s*[{])', text, re.M)
        found = found or (match and (match[1] or match[2])) or ""
    elif name.endswith(".tf.json"):
        with open(here + "/" + name, encoding="utf-8", errors="replace") as file:
            block = json.load(file).get("terraform") or {}
        for each in block if isinstance(block, list) else [block]:
            found = found or "".join(list(each.get("backend") or {})[:1]) or ("cloud" if "cloud" in each else "")
if store and found in ("", "local"):
    place = os.path.normpath(store + "/" + directory)
    os.makedirs(place, exist_ok=True)
    local = {"path": place + "/terraform.tfstate", "workspace_dir": place + "/terraform.tfstate.d"}
    name = "agency_override.tf.json" if found else "agency_backend.tf.json"
    with open(there + "/" + name, "w") as file:
        json.dump({"terraform": {"backend": {"local": local}}}, file)
print(json.dumps({"backend": found, "where": there}))
"""
"""Makes the copy; prints which backend the configuration declares, and where the root module is now."""

SURVEY = r"""
import hashlib, json, os, re, subprocess, sys
root, directory, data, plan, binary = sys.argv[1:6]
extra = sys.argv[6:]
def inside(path):
    path = os.path.realpath(path)
    return path if path == root or path.startswith(root + "/") else None
folders = [os.path.normpath(root + "/" + directory)]
try:
    with open(data + "/modules/modules.json") as file:
        for module in json.load(file)["Modules"]:
            folders.append(os.path.normpath(os.path.join(root, directory, module["Dir"])))
except OSError:
    pass
files, waiting, seen, runs = {}, [], set(), []
CODE = (
    (r'\bdata\s+"?external\b', "an external data source"),
    (r"^\s*exec\s*[{=]", "a provider's exec block"),
    (r"\b(?:credential_process|shared_config_files|shared_credentials_files)\b", "credentials of its own choosing"),
    (r"/tmp/agency|/proc/", "a path of the compartment's own"),
)
def look(name, text):
    text = re.sub(r"/[*].*?[*]/|^\s*(?:#|//).*?$", "", text, flags=re.S | re.M)
    runs.extend(what + " in " + name for shape, what in CODE if re.search(shape, text, re.M))
    if name.endswith(".json") and '"external"' in text:
        runs.append("an external data source in " + name)
SKIPPED = {".terraform", ".git", "terraform.tfstate.d", ".agency"}
def take(path):
    path = inside(path)
    if path is None or path in seen:
        return
    seen.add(path)
    if os.path.isdir(path):
        for base, names, found in os.walk(path):
            names[:] = sorted(name for name in names if name not in SKIPPED)
            for name in sorted(found):
                take_file(base + "/" + name)
    elif os.path.isfile(path):
        take_file(path)
def take_file(path):
    name = os.path.relpath(path, root)
    if name in files or re.search(r"terraform\.tfstate|\.tfplan$", os.path.basename(path)) or not inside(path):
        return
    with open(path, "rb") as file:
        content = file.read()
    files[name] = hashlib.sha256(content).hexdigest()
    if path.endswith((".tf", ".tf.json")):
        text = content.decode("utf-8", "replace")
        look(name, text)
        beside = os.path.dirname(path)
        for found in re.findall(r"(?:path[.](?:module|root)[}]/|(?<![\w/])\.{1,2}/)[\w./@+-]+", text):
            waiting.append(os.path.join(beside, re.sub(r"^path[.]\w+[}]/", "", found)))
for folder in folders:
    take(folder)
for base, _, found in os.walk(data + "/modules"):
    for name in sorted(found):
        if name.endswith((".tf", ".tf.json")):
            with open(base + "/" + name, "rb") as file:
                content = file.read()
            shown = "module " + os.path.relpath(base + "/" + name, data + "/modules")
            files[shown] = hashlib.sha256(content).hexdigest()
            look(shown, content.decode("utf-8", "replace"))
for path in extra:
    take(os.path.join(root, directory, path))
while waiting:
    path = waiting.pop()
    if path and os.path.realpath(path) not in folders and not any(f.startswith(os.path.realpath(path) + "/") for f in folders):
        take(path)
pulled = subprocess.run([binary, "state", "pull"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
problem = pulled.stderr.decode("utf-8", "replace")[-2000:] if pulled.returncode else ""
state = json.loads(pulled.stdout) if pulled.stdout.strip() and not problem else {}
workspace = subprocess.run([binary, "workspace", "show"], stdout=subprocess.PIPE).stdout.decode().strip()
sha = ""
if os.path.exists(plan):
    with open(plan, "rb") as file:
        sha = hashlib.sha256(file.read()).hexdigest()
print(json.dumps({"files": files, "lineage": state.get("lineage", ""), "serial": state.get("serial", 0), "workspace": workspace, "plan": sha,
                  "problem": problem, "runs": sorted(set(runs))}))
"""
"""Prints what a plan holds for: the files that terraform reads or runs, the state's lineage and serial, the workspace."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """files: the digest of each by its path in the repository; state: lineage and serial, or "none"; plan: its sha256.

    problem: why the state could not be read. runs: what would run with the credentials while a plan is only made.
    """

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    state: str
    workspace: str
    plan: str
    problem: str = ""
    runs: tuple[str, ...] = ()

    @property
    def binding(self) -> dict[str, str]:
        """What a prepared change is bound to, by names that read well after "changed since the plan"."""
        return {**self.files, "the state": self.state, "the workspace": self.workspace, "the plan file": self.plan}

    @property
    def configuration(self) -> dict[str, str]:
        """The files that are the same for every target: all but variables' values."""
        return {name: digest for name, digest in self.files.items() if not name.endswith((".tfvars", ".tfvars.json"))}


def survey_of(answer: Mapping[str, Any]) -> Survey:
    """What SURVEY printed."""
    problem = str(answer["problem"]).strip()
    lineage, serial = str(answer["lineage"]), int(answer["serial"])
    return Survey(
        files={str(name): str(digest) for name, digest in answer["files"].items()},
        state="unreadable" if problem else f"lineage {lineage} serial {serial}" if lineage else "none",
        problem=problem,
        runs=tuple(str(each) for each in answer["runs"]),
        workspace=str(answer["workspace"]),
        plan=str(answer["plan"]),
    )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one root module is worked on: its copy, and terraform's own folder for it."""

    where: str
    data: str


def place_of(answer: Mapping[str, Any], *, data: str, target: str, state: bool) -> Place:
    """What MIRROR printed. Raises ToolError where what would be applied could not be remembered."""
    backend = str(answer["backend"])
    if backend in ("", "local") and not state:
        raise ToolError(
            f"not run: the configuration keeps its state in a local file, and target {target!r} has no place for one, so what was "
            "applied would be forgotten. A person adds `terraform_state: FOLDER` to the target in .agency/policy.yaml, "
            "or the configuration gets a remote backend."
        )
    return Place(where=str(answer["where"]), data=data)


def said(text: str) -> dict[str, Any]:
    """The one line of JSON that a script printed last. Raises ToolError with what was said instead."""
    line = text.strip().rpartition("\n")[2]
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        raise ToolError(f"not run: {text.strip()[:2000]}") from None
    return found


def slug(directory: str) -> str:
    """A directory as a part of a file's name."""
    kept = "".join(letter if letter.isalnum() else "-" for letter in posixpath.normpath(directory)).strip("-")
    return kept or "root"
