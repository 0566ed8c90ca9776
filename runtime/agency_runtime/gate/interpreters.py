"""Text of other languages, python -c and its like: searched for acts that would not be allowed in the open."""

import re
from collections.abc import Sequence

from agency_runtime.gate.files import STDIN

_GAP = r"(?:\W+[\w=./@:-]+){0,6}?\W+"
_REFUSED = re.compile(
    r"\b(?:terraform|tofu|terragrunt)\b"
    + _GAP
    + r"(?:apply|destroy|import|taint|force-unlock|state\W+(?:rm|mv|push))\b"
    r"|docker\.sock|\b169\.254\.169\.254\b|metadata\.google\.internal",
)
_SUSPECT = re.compile(
    r"\b(?:kubectl|oc)\b" + _GAP + r"(?:delete|apply|drain|scale|patch|exec|replace|edit|create|rollout)\b"
    r"|\bhelm\b" + _GAP + r"(?:install|upgrade|uninstall|delete|rollback)\b"
    r"|\b(?:aws|gcloud|az)\b" + _GAP + r"(?:delete|terminate|create|put|update|rm|rb|destroy|purge|deploy)[\w-]*"
    r"|\bgit\b" + _GAP + r"(?:push|reset\W+--hard|clean|filter-branch|rebase)\b"
    r"|\brm\W+-\w*[rR]\w*\W+[\"']?[/~$.*]|\bmkfs\b|/dev/(?:sd|nvme|vd|xvd|disk)"
    r"|rmtree\(\s*[\"'](?:/|~|\.|\.\.|/workspace/?|\.git)[\"']|removeSync\(\s*[\"']/"
    r"|\b(?:pulumi|cdk|eksctl|serverless|sls)\b" + _GAP + r"(?:up|deploy|destroy|delete|remove)\b"
    r"|\b(?:system|popen|exec\w*|eval|run|call|check_output|spawn\w*|Popen)\s*\(.{0,120}?(?:b64decode|base64|fromhex|unhexlify|atob|rot13)"
    r"|(?:curl|wget)\b[^|;]*\|\s*(?:ba|z|da)?sh\b",
)
INTERPRETERS = {
    "python": ("-c",), "python2": ("-c",), "python3": ("-c",), "pypy3": ("-c",), "perl": ("-e", "-E", "-ne", "-pe", "-i"), "ruby": ("-e",),
    "node": ("-e", "--eval", "-p", "--print"), "nodejs": ("-e", "-p"), "deno": ("eval",), "bun": ("-e",), "php": ("-r",), "lua": ("-e",),
    "Rscript": ("-e",), "osascript": ("-e",), "awk": (), "gawk": (), "mawk": (), "tclsh": (), "expect": ("-c",), "groovy": ("-e",),
    "ipython": ("-c",), "pwsh": ("-c", "-Command"), "vim": ("-c",), "vi": ("-c",), "ed": (), "ex": (), "emacs": ("--eval",), "gdb": ("-ex",),
    "sqlite3": (), "jshell": (), "scala": ("-e",), "elixir": ("-e",), "julia": ("-e",),
}  # fmt: skip
_PATHS = re.compile(r"[\"'`]([^\"'`\n]{1,200})[\"'`]")
_WRITING = re.compile(r"open\([^)]*[\"'][wax]|write|unlink|remove|rename|rmtree|copy|>|mkdir|truncate|chmod")


_GENERAL = ("python", "pypy", "perl", "ruby", "node", "php", "deno", "bun")


def reads_its_program(program: str, args: Sequence[str]) -> bool:
    """The interpreter takes its program from its input; else its input is data."""
    if program in ("awk", "gawk", "mawk"):
        return False
    if not program.startswith(_GENERAL):
        return True
    options = {word for word in args if word.startswith("-") and word not in STDIN}
    words = [word for word in args if not word.startswith("-") and word not in STDIN]
    return not words and not options & {*INTERPRETERS[program], "-m"}


def searched(text: str) -> tuple[bool, str] | None:
    """What a text names that would be refused (True) or asked (False), and where; None when nothing."""
    for refused, pattern in ((True, _REFUSED), (False, _SUSPECT)):
        found = pattern.search(text)
        if found:
            return refused, " ".join(found[0].split())[:80]
    return None


def quoted(text: str) -> list[str]:
    """The strings of a text that could be paths."""
    return [word for word in _PATHS.findall(text) if " " not in word]


def writes(text: str) -> bool:
    """The text looks as if it changed files."""
    return _WRITING.search(text) is not None
