"""What the workspace image is made of, and the name that follows from it."""

import functools
import hashlib
import os
from pathlib import Path

HERE = Path(__file__).parent
FILES = (
    *("Dockerfile", "go/go.mod", "go/go.sum", "go/ldflags", "install-validators", "packages.txt"),
    *("policies.txt", "provider_table.py", "providers.txt", "validators.txt"),
)
"""The recipe: a change in any of them is another image."""

SUITE = "trixie"
REPOSITORY = "agency-workspace"
LABEL = "agency.recipe"

COMMANDS = (
    "cfn-lint",
    "check-jsonschema",
    "checkov",
    "detect-secrets",
    "hadolint",
    "kubernetes-validate",
    "shellcheck",
    "yamllint",
    "zizmor",
)
"""The validators' commands, as `install-validators` links them."""

PROGRAMS = ("terraform", "tofu", "kubectl", "helm", "actionlint", "amtool", "kubeconform", "tflint", "trivy")
"""Single-file programs that Debian does not carry: taken from the machine that builds the image, where it has them."""


@functools.cache
def digest() -> str:
    """Of the recipe's files, in hexadecimal."""
    whole = hashlib.sha256(SUITE.encode())
    for name in FILES:
        content = (HERE / name).read_bytes()
        whole.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def reference() -> str:
    """The image's name and tag; the tag changes with the recipe."""
    return f"{REPOSITORY}:{digest()[:12]}"


def packages() -> list[str]:
    """Debian packages, by name."""
    lines = (HERE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def local_places() -> list[Path]:
    """Where the validators may lie for sandboxes without an image: a checkout's `.tools`, then the user's data."""
    checkout = HERE.parents[2]
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    own = [checkout / ".tools"] if (checkout / "pyproject.toml").is_file() else []
    return [*own, data / "agency" / "validators"]


def tool_paths() -> list[str]:
    """The folder of the local validators' commands, or nothing where they are not installed for this user."""
    there = [place for place in local_places() if os.access(place / "venv" / "bin" / "python", os.X_OK)]
    return [str((place / "bin").resolve()) for place in there[:1]]  # their first lines name the real place
