"""What terraform finds in a compartment: its binary, local provider mirrors, and a configuration of our own."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.compartment import Compartment, present

MIRRORS = ("/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins", "/opt/*")
"""Where folders in the layout of a provider mirror (registry/namespace/type) are looked for, as shell patterns."""

INSTEAD = (
    "Neither is tofu. Check what you can by reading the files, and report validate and plan as not run; "
    "`agency doctor` says how to get it."
)

_FIND = """\
store=$1; shift
binary=$(command -v terraform || command -v tofu) || exit 127
mkdir -p "$store" || exit 1
echo "$binary"
for pattern in "$@"; do
  for provider in $pattern/registry.*/*/*/; do
    if [ -d "$provider" ]; then echo "$provider"; fi
  done
done
"""

_WRITE = 'printf %s "$2" > "$1"'


def mirrors_here(root: Path = Path("/")) -> list[str]:
    """The provider mirrors of this machine; mount each read-only at its own place, and a sandbox finds them too."""
    found = (folder.parent for pattern in MIRRORS for folder in root.glob(f"{pattern[1:]}/registry.*"))
    return sorted({str(folder) for folder in found})


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The binary to call and the variables to call it with."""

    binary: str
    env: Mapping[str, str]


async def find(compartment: Compartment, *, store: str, mirrors: Sequence[str] = (), closed: bool = False) -> Setup:
    """Look for the binary and for mirrors, and leave a configuration in `store`. Raises ToolError without a binary.

    closed: no provider is taken from the folders where terraform looks by itself, such as `terraform.d/plugins`.
    """
    looked = await compartment.run(["sh", "-c", _FIND, "sh", store, *MIRRORS, *mirrors])
    binary, *providers = present(looked, "terraform", INSTEAD).output.splitlines()
    file = posixpath.join(store, "terraform.tfrc")
    await compartment.run(["sh", "-c", _WRITE, "sh", file, configuration(providers, closed=closed)])
    return Setup(binary=binary, env=environment(file))


def environment(configuration_file: str) -> dict[str, str]:
    """The variables of every call: nothing asks, nothing phones home, no metadata service is waited for."""
    return {
        "TF_CLI_CONFIG_FILE": configuration_file,
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "GIT_TERMINAL_PROMPT": "0",
    }


def configuration(providers: Sequence[str], *, closed: bool = False) -> str:
    """A command line configuration that takes the `providers` found from their mirrors, and all others as usual."""
    held: dict[str, list[str]] = {}
    for folder in providers:
        mirror, *source = folder.rstrip("/").rsplit("/", 3)
        held.setdefault(mirror, []).append("/".join(source))
    lines = ["disable_checkpoint = true"]
    if held or closed:
        lines += ["provider_installation {", *_methods(held), "}"]
    return "\n".join([*lines, ""])


def _methods(held: Mapping[str, Sequence[str]]) -> list[str]:
    mirrors = [
        f"  filesystem_mirror {{\n    path = {_quoted(at)}\n    include = {_list(of)}\n  }}" for at, of in held.items()
    ]
    if not held:
        return ["  direct {}"]
    return [*mirrors, f"  direct {{\n    exclude = {_list([source for of in held.values() for source in of])}\n  }}"]


def _list(words: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(word) for word in words)}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${")
    return f'"{escaped}"'
