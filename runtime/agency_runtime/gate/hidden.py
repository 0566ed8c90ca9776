"""Programs that stand among the arguments of another: whatever that one does with them, they are judged."""

import posixpath
import re
from typing import TypeAlias

from agency_runtime.gate.argv import names, program_of
from agency_runtime.gate.interpreters import INTERPRETERS
from agency_runtime.gate.programs import GUARDED, local

Argv: TypeAlias = tuple[str, ...]

SHELLS = names("sh bash zsh dash ksh ash mksh fish rbash busybox-sh csh tcsh yash")
_BY_VERB = names("kubectl oc k docker podman nerdctl docker-compose podman-compose")
_RUN_IMAGES = names("docker podman nerdctl nix ctr crictl kubectl oc k")
CLASSIFIED = names("terraform tofu opentofu terragrunt kubectl helm aws gcloud az")
WRAPPERS = names("gradlew mvnw sbt bazelisk")
"""Build tools that repositories carry with them; what they run is local work."""
KNOWN = (
    GUARDED
    | local.READERS
    | SHELLS
    | names("make npm pnpm yarn bun just pytest tox nox ruff black mypy eslint jest tsc pip uv poetry go cargo")
)
NAMED = KNOWN | frozenset(CLASSIFIED)
"""Programs whose class their name tells, wherever they lie."""
_LOOKED_FOR = (
    GUARDED
    | SHELLS
    | frozenset(local.WRITERS)
    | frozenset(local.TURNING)
    | frozenset(INTERPRETERS)
    | names("sudo env xargs eval find make npm yarn pnpm just")
) - names("k at mc cf eb kind info init service batch copilot mongo http fly hub oc sam task bolt chef")
_INERT = names(
    "echo printf ls cat head tail grep egrep fgrep rg ag wc which type whereis whatis diff cmp stat du cd test [ [[ file tree git man help apt "
    "apt-get dpkg brew rm mkdir touch mv cp ln chmod chown sed sort uniq cut tr jq yq terraform tofu helm aws gcloud az gsutil bq pip pip3 gh "
    "export unset alias trap read for local declare find hash command eval : true false pgrep pkill killall dirname basename realpath readlink "
    "tar zip unzip tee apk yum dnf kill ps column date seq sleep exit return set shopt shellcheck mktemp sha256sum sha1sum md5sum base64 gzip gunzip tfenv hadolint yamllint"
)
"""Programs whose arguments are never programs to run."""


def hidden(argv: Argv) -> tuple[Argv, ...]:
    """The guarded programs among the arguments of a program that may run them: `poetry run …`, `docker exec …`, `npx …`."""
    if posixpath.basename(argv[0]) in _INERT:
        return ()
    start = 1
    if posixpath.basename(argv[0]) in _BY_VERB:
        start = next((at + 1 for at, word in enumerate(argv) if word in ("exec", "run", "debug", "--")), len(argv))
    found = [
        argv[at:]
        for at in range(start, len(argv))
        if (_looked_for(argv[at]) and not argv[at - 1].startswith("--"))
        or (argv[at - 1] == "--" and not argv[at].startswith("-"))
    ]
    found += _in_images(argv, start)
    return tuple(found)


def _looked_for(word: str) -> bool:
    return not word.startswith(("/etc/", "/var/", "/proc/")) and (
        program_of(word) in _LOOKED_FOR or posixpath.basename(word).startswith("mkfs")
    )


def _in_images(argv: Argv, start: int) -> list[Argv]:
    """Images and packages that are a program the gate knows: `docker run hashicorp/terraform apply`, `nix run nixpkgs#terraform`."""
    if posixpath.basename(argv[0]) not in _RUN_IMAGES:
        return []
    found: list[Argv] = []
    for at in range(start, len(argv)):
        name = re.split("[:@]", argv[at].rpartition("/")[2].rpartition("#")[2])[0].removesuffix("-cli")
        if name in CLASSIFIED and name != argv[at]:
            found.append((name, *(word for word in argv[at + 1 :] if word != "--")))
    return found
