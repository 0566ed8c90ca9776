"""The commands that a one-line program of another language names in its strings."""

import re
import shlex

NAMED = frozenset(
    [
        "terraform",
        "tofu",
        "terragrunt",
        "kubectl",
        "oc",
        "helm",
        "docker",
        "podman",
        "aws",
        "gcloud",
        "az",
        "git",
        "gh",
        "glab",
        "rm",
        "dd",
        "ansible",
        "ansible-playbook",
        "pulumi",
        "vault",
        "psql",
        "mysql",
        "sudo",
        "chmod",
        "chown",
        "shutdown",
        "mkfs",
        "eksctl",
        "flux",
        "argocd",
        "sh",
        "bash",
    ]
)
"""Programs that a string is taken for a call of."""
_STRINGS = re.compile(
    r'"""(.+?)"""'
    r"|'''(.+?)'''"
    r'|"((?:[^"\\\n]|\\.)+)"'
    r"|'((?:[^'\\\n]|\\.)+)'"
    r"|`([^`\n]+)`"
    r"|\b(?:qw|qx|q|qq)\s*[({\[/]([^)}\]/\n]+)"
    r"|%x\s*[({\[]([^)}\]\n]+)",
    re.DOTALL,
)
_WORD = r"""["'][^"'\n]{1,200}["']"""
_LISTS = re.compile(rf"{_WORD}\s*,\s*\[?\s*{_WORD}(?:\s*,\s*{_WORD})*")
_MOST_CALLS = 20


def calls(text: str) -> tuple[str, ...]:
    """The strings of a program that look like commands, as shell texts: whole ones, and lists of words."""
    strings = [found[found.lastindex or 0] for found in _STRINGS.finditer(text)]
    found = [string.strip() for string in [*strings, *map(_joined, (found[0] for found in _LISTS.finditer(text)))]]
    return tuple(dict.fromkeys(string for string in found if _calls(string)))[:_MOST_CALLS]


def _joined(words: str) -> str:
    return " ".join(shlex.quote(word) for word in re.findall(r"""["']([^"'\n]+)["']""", words))


def _calls(string: str) -> bool:
    return " " in string and string.split()[0].rpartition("/")[2] in NAMED
