"""What runs beside kubectl and helm, where the target's credentials are: files it reads and writes there never leave.

Sent as one program to `python3 -c`; stands on the standard library. `apart`, `render`, `pack` and `release` print one JSON object,
{"exit_code", "out", "err", "sha256", "digests"}: the two streams of what they ran apart, so that a warning spoils no JSON.
`capture` and `restore` print text and end with the exit code of what they ran.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VOLATILE = ("resourceVersion", "managedFields", "creationTimestamp", "generation", "selfLink")
SUFFIXES = (".yaml", ".yml", ".json")
"""What `kubectl --filename` reads of a folder."""


def ran(argv: Sequence[str]) -> dict[str, Any]:
    """A command's exit code and its streams."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        return {"exit_code": 127, "out": "", "err": f"{argv[0]}: command not found"}
    texts = {"out": done.stdout.decode(errors="replace"), "err": done.stderr.decode(errors="replace")}
    return {"exit_code": done.returncode, **texts}


def written(path: str, text: str) -> str:
    """Write a file that nobody else may read; answers its sha256."""
    data = text.encode()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def apart(argv: Sequence[str]) -> dict[str, Any]:
    """ARGV…: run it. Of objects that it prints as JSON, a digest each: what is told outside may have masked values."""
    done = ran(argv)
    if done["exit_code"] == 0 and argv[:3] == ["helm", "get", "manifest"]:
        return {**done, "sha256": digest_of(done["out"])}
    if done["exit_code"] or argv[0] != "kubectl" or "--output=json" not in argv or argv[1] not in ("apply", "get"):
        return done
    return {**done, "digests": [content(thing) for thing in listed(done["out"])]}


def digest_of(manifest: str) -> str:
    """Digest of a manifest, without blank lines around it."""
    return hashlib.sha256(manifest.strip().encode()).hexdigest()


def content(thing: dict[str, Any]) -> str:
    """Digest of an object without its status and what the server writes."""
    bare = stripped(thing)
    metadata = {name: value for name, value in bare["metadata"].items() if name != "uid"}
    given: dict[str, Any] = metadata.pop("annotations", None) or {}
    notes = {name: value for name, value in given.items() if name not in NOTES}
    whole = {**bare, "metadata": {**metadata, "annotations": notes}}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


NOTES = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
"""Annotations that say nothing of what a person wants."""


def render(argv: Sequence[str]) -> dict[str, Any]:
    """FILE kustomize|files PATH: the manifests of a folder or file, kept in FILE."""
    file, how, path = argv
    done = ran(["kubectl", "kustomize", path]) if how == "kustomize" else joined(Path(path))
    return {**done, "sha256": written(file, done["out"])} if done["exit_code"] == 0 else done


def joined(path: Path) -> dict[str, Any]:
    """The documents of a file, or of a folder's own files, as kubectl would read them."""
    found = [path] if path.is_file() else sorted(each for each in path.glob("*") if each.suffix in SUFFIXES)
    if not found:
        return {"exit_code": 1, "out": "", "err": f"{path}: no such file, and no folder with a manifest in it"}
    try:
        texts = [each.read_text(encoding="utf-8") for each in found]
    except (OSError, UnicodeDecodeError) as problem:
        return {"exit_code": 1, "out": "", "err": str(problem)}
    return {"exit_code": 0, "out": "\n---\n".join(texts), "err": ""}


def capture(argv: Sequence[str]) -> dict[str, Any]:
    """FILE KUBECTL-GET…: the objects as they are, kept in FILE so that `restore` and `kubectl create` take them."""
    file, *command = argv
    done = ran(command)
    if done["exit_code"]:
        return done
    objects = listed(done["out"])
    owners = [owner(each) for each in objects]
    items = [stripped(each) for each in objects]
    written(f"{file}.owners", json.dumps(owners))
    digest = written(file, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1))
    return {**done, "out": f"{len(items)} kept, sha256 {digest}\n"}


def restore(argv: Sequence[str]) -> dict[str, Any]:
    """FILE KUBECTL…: put captured objects back, and who owned which of their fields with them.

    Without the second part a later server-side apply would conflict with the undo.
    """
    file, *kubectl = argv
    done = ran([*kubectl, "replace", f"--filename={file}"])
    for each in json.loads(Path(f"{file}.owners").read_text(encoding="utf-8")) if done["exit_code"] == 0 else ():
        patch = json.dumps([{"op": "replace", "path": "/metadata/managedFields", "value": each["fields"]}])
        place = [f"--namespace={each['namespace']}"] if each["namespace"] else []
        patched = ran([*kubectl, "patch", each["resource"], each["name"], *place, "--type=json", f"--patch={patch}"])
        if patched["exit_code"]:
            return patched
    return done


def pack(argv: Sequence[str]) -> dict[str, Any]:
    """FOLDER CHART VALUES…: the chart and its values copied to FOLDER, so that nobody changes them after the diff."""
    folder, chart, *values = argv
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(chart, f"{folder}/chart")
        for number, name in enumerate(values, 1):
            shutil.copyfile(name, f"{folder}/values-{number}.yaml")
    except (OSError, shutil.Error) as problem:
        return {"exit_code": 1, "out": "", "err": f"the chart cannot be read: {problem}"}
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    whole = hashlib.sha256()
    for path in found:
        content = path.read_bytes()
        whole.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    looks = any(b"lookup" in path.read_bytes() for path in found if "templates" in path.parts)
    return {"exit_code": 0, "out": "lookup" if looks else "", "err": "", "sha256": whole.hexdigest()}


def release(argv: Sequence[str]) -> dict[str, Any]:
    """FILE HELM…: of the release that helm prints as JSON its manifest, kept in FILE with that of its hooks, and these.

    The digest is of the manifest alone.
    """
    file, *command = argv
    done = ran(command)
    if done["exit_code"]:
        return done
    whole = json.loads(done["out"])
    hooks: list[dict[str, Any]] = whole.get("hooks") or []
    written(file, "\n---\n".join([whole.get("manifest") or "", *(hook["manifest"] for hook in hooks)]))
    kept: dict[str, Any] = {
        "manifest": whole.get("manifest") or "",
        "hooks": [{name: hook.get(name) for name in HOOK} for hook in hooks],
    }
    return {**done, "out": json.dumps(kept), "sha256": digest_of(kept["manifest"])}


HOOK = ("name", "kind", "events", "manifest")
"""What is told of a hook."""


def listed(text: str) -> list[dict[str, Any]]:
    """The objects that kubectl printed: a list's, a single one, or none."""
    if not text.strip():
        return []
    whole = json.loads(text)
    return list(whole["items"]) if whole.get("kind") == "List" else [whole]


def stripped(thing: dict[str, Any]) -> dict[str, Any]:
    """The object without what the server alone writes; its uid stays, so that no other object is overwritten."""
    metadata = {name: value for name, value in thing["metadata"].items() if name not in VOLATILE}
    return {**{name: value for name, value in thing.items() if name != "status"}, "metadata": metadata}


def owner(thing: dict[str, Any]) -> dict[str, Any]:
    """Who owns which fields of the object."""
    group = thing["apiVersion"].rpartition("/")[0]
    return {
        "resource": thing["kind"].lower() + (f".{group}" if group else ""),
        "name": thing["metadata"]["name"],
        "namespace": thing["metadata"].get("namespace"),
        "fields": thing["metadata"].get("managedFields", []),
    }


def main(words: Sequence[str]) -> int:
    """Do one command; its exit code."""
    name, *rest = words
    told = {"apart": apart, "render": render, "pack": pack, "release": release}
    if name in told:
        json.dump(told[name](rest), sys.stdout)
        return 0
    done = {"capture": capture, "restore": restore}[name](rest)
    sys.stdout.write(done["out"] + done["err"])
    return int(done["exit_code"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
