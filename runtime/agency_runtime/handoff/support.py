"""Which calls can support which claims.

A claim is of the kinds that its words say; a call shows something, or only repeats what the model put into it. The
tables are the policy: read them to see what counts.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from agency_runtime.calls import Executed
from agency_runtime.handoff.linters import LINTERS
from agency_runtime.handoff.shell_call import ShellCall, Words, read_shell
from agency_tools.mcp.names import PREFIX

SHOWS_NOTHING = frozenset({"TodoWrite", "Skill", "Task", "Handoff", "Escalate", "TaskStop", "Fork"})
"""Tools whose success shows nothing about the repository: their word is the model's own."""

WRITES = frozenset({"Write", "Edit"})
READS = frozenset({"Read", "Grep", "Glob", "WebFetch", "WebSearch"})


def only_reads(tool: str) -> bool:
    """Whether a tool's result says what is written somewhere; what an MCP server says it did is its word alone."""
    return tool in READS or tool.startswith(PREFIX)


PRINTS = frozenset(
    [
        "echo",
        "printf",
        "true",
        ":",
        "cd",
        "pushd",
        "popd",
        "set",
        "export",
        "exit",
        "sleep",
        "mkdir",
        "touch",
        "pwd",
        "date",
        "trap",
        "unset",
        "local",
    ]
)
"""Commands that show nothing: they print what they were given, or nothing."""

SHOWS_CONTENT = frozenset(
    [
        "cat",
        "head",
        "tail",
        "less",
        "more",
        "ls",
        "grep",
        "egrep",
        "fgrep",
        "rg",
        "wc",
        "find",
        "stat",
        "file",
        "jq",
        "yq",
        "sed",
        "awk",
        "sort",
        "uniq",
        "cut",
        "tr",
        "tee",
        "tree",
        "du",
        "which",
        "type",
        "command",
        "sha256sum",
        "md5sum",
        "git",
        "base64",
        "xxd",
        "od",
        "nl",
        "column",
        "basename",
        "dirname",
        "realpath",
    ]
)
"""Commands that show what is in a file, and nothing about whether it is right."""

NEGATED = re.compile(r"\b(?:no|not|nothing|never|none|without|would|cannot|neither|un\w+ed)\b", re.IGNORECASE)

GREEN = (
    r"(?<![-/\w])(?<!blue\sand\s)(?<!blue\sor\s)(?<!blue\sto\s)(?<!blue,\s)(?<!slot\s)(?<!color\s)(?<!colour\s)green(?![-/])"
    r"(?!\s(?:and|or|to)\sblue)(?!\s(?:environments?|slots?|stacks?|deploy\w*|versions?|targets?|fleets?|services?|pods?|sides?|tracks?"
    r"|labels?|selectors?|replicas?|manifests?|files?|ones?)\b)"
)
"""`green` as a result, not as one of the two colours of a blue-green release."""

VALIDATED = rf"(?:{LINTERS}|valid\w*|schemas?|lint\w*|strict|syntax|dry[- ]run)"
"""By what a Deployment, the object, is looked at and nothing is deployed."""

TURN = re.compile(r"[.;:](?=\s)|\sbut\s|,\s(?:and|but|so|then)\s", re.IGNORECASE)
"""Where a negation ends."""

CLAIMS = {
    "test": re.compile(
        r"\b(?:tests?|specs?|suites?)\b(?=[^.;]*\b(?:pass\w*|succe\w+|green|ok|run|ran|fail\w*|complet\w+|exits?)\b)"
        rf"|\b(?:pass\w*|{GREEN})\b[^.;]*\b(?:tests?|suites?)\b|\bcoverage\b",
        re.IGNORECASE,
    ),
    "deployment": re.compile(
        r"\b(?:deployed|provisioned|rolled\s+(?:out|back)|released|went\s+live)\b|\bapply\b[^.;]*\b(?:succe\w+|complet\w+)"
        r"|\bapplied\b|\b(?:deployments?|rollbacks?|rollouts?)\b[^.;]*\b(?:succe\w+|complet(?:es?|ed|ion)\b|tested|verified|work(?:s|ed|ing)?\b"
        r")|\b(?:rollbacks?|rollouts?|deployments?\s(?:to|into|in|on))\b[^.;]*\bpass"
        rf"|\bdeployments?\b[^.;]*\bpass(?:es|ed|ing)?\b(?!\s(?:[\w-]+\s){{0,2}}{VALIDATED}\b)",
        re.IGNORECASE,
    ),
    "scan": re.compile(r"\b(?:vulnerabilit\w+|cves?|scans?|scanned|scanner)\b|\bno\s+secrets?\b", re.IGNORECASE),
    "check": re.compile(
        r"\b(?:pass(?:es|ed|ing)?|valid(?:ates?|ated)?|succe(?:eds?|eded|ss\w*)|lints?|builds?|built|compiles?|works?|healthy"
        r"|accepts?|accepted|clean|starts?|serves?|responds?|exits?|verified)\b"
        rf"|{GREEN}|\b(?:no|0|zero)\s+(?:\w+\s+){{0,2}}(?:errors?|warnings?|findings?|issues?|problems?|violations?)\b",
        re.IGNORECASE,
    ),
}
"""The kinds of claims that need more than a look at a file, by their words."""

ABLE = {
    "test": re.compile(
        r"test|spec\b|check|verify|jest|vitest|mocha|tox|nox|bats|rspec|phpunit|ctest|\bmake\b|gradle|mvn|conftest|\bact\b",
        re.IGNORECASE,
    ),
    "deployment": re.compile(
        r"apply|deploy|upgrade|install|rollout|rollback|undo|promote|push|create|update|\bup\b|\brun\b|destroy|delete|sync|publish",
        re.IGNORECASE,
    ),
    "scan": re.compile(
        r"scan|audit|trivy|grype|zizmor|checkov|hadolint|gitleaks|trufflehog|secret|bandit|semgrep|snyk|tfsec|terrascan|kics"
        r"|kube-?linter|kube-?score|kubesec|dockle|polaris|safety|gosec|brakeman|osv|clair|lint|grep|\brg\b",
        re.IGNORECASE,
    ),
}
"""What the command of a call must name to support such a claim; a `check` takes any program that judges."""

REHEARSED = re.compile(
    r"--dry-run(?!=none)|--check\b|--diff\b|\btemplate\b|\bplan\b|\bvalidate\b|\blint\b", re.IGNORECASE
)
"""A deployment of which nothing came."""


ASKS = re.compile(
    r"(?:^|\s)(?:--version|-V|--help|-h|help|version|--collect-only|--co|--list-tests|--listTests|--no-run|--setup-plan|--list)(?:\s|$)"
    r"|^make\s(?:.*\s)?(?:-n|--dry-run|--just-print)(?:\s|$)"
)
"""A program that is only asked what it is or what it would do."""

PART_OF = re.compile(
    r"(?:^|\s)(?:-k|-m(?=\s+[\"']?\w)|--deselect|--lf|--last-failed|--ignore\S*|--testNamePattern|-t|--grep|-run)(?:[\s=]|$)|::"
)
"""Options by which a test runner runs some of the tests."""

ALL = re.compile(r"\b(?:all|every|whole|full|entire|complete)\b", re.IGNORECASE)
MOVES = frozenset(
    ["cp", "mv", "rm", "chmod", "chown", "ln", "install", "rmdir", "tar", "unzip", "rsync", "truncate", "mktemp"]
)
"""Programs that put files somewhere and judge nothing."""

EXISTS = frozenset({"test", "[", "[["})


RUNS = re.compile(
    r"\b(?:works?|worked|starts?|started|serves?|responds?|answers?|builds?|built|compiles?|healthy|runs?|ran|succe\w+|exits?|deploy(?:s|ed)?)\b",
    re.IGNORECASE,
)
"""Words of something that was run, which no look at a file shows."""

TOLD = re.compile(r"\n\nValidators, on what this call changed:\n(?P<lines>(?:(?!\n\n).)*)", re.DOTALL)
PASSED = re.compile(r"^passed: (?P<names>.+)$", re.MULTILINE)


def validated(call: Executed) -> tuple[str, ...]:
    """The validators that ran on what a file tool wrote and found nothing; none where one found something.

    Its own text comes first and holds no such title at the beginning of a line: what it shows of a file is numbered.
    """
    told = [found["lines"] for found in TOLD.finditer(call.output)] if call.tool in WRITES and not call.failed else []
    passed = PASSED.search(told[-1]) if told else None
    return tuple(passed["names"].split(", ")) if passed and told[-1].startswith("passed: ") else ()


def kinds_of(statement: str) -> tuple[str, ...]:
    """The kinds of a claim; none where it only says what is in a file. `nothing was deployed` is no deployment."""
    found = [kind for kind, words in CLAIMS.items() if _asserted(kind, words, statement)]
    return tuple(kind for kind in found if kind != "check" or found == ["check"])


def _asserted(kind: str, words: "re.Pattern[str]", statement: str) -> bool:
    said = words.search(statement)
    if said is None:
        return False
    if kind != "deployment":
        return True
    start = max((end.end() for end in TURN.finditer(statement, 0, said.start())), default=0)
    return NEGATED.search(statement[start : said.end()]) is None


def unsupported(statement: str, cited: Iterable[Executed]) -> str:
    """Why none of the cited calls can support the claim; empty where one can."""
    calls = list(cited)
    kinds = kinds_of(statement)
    faults = [_fault(kinds, statement, call) or _partial(kinds, statement, call) for call in calls]
    return next((fault for fault in faults if fault), "") if all(faults) else ""


def _by_validators(statement: str, call: Executed) -> bool:
    """Whether validators passed on what the call wrote, and the statement names no other program that did not."""
    passed = validated(call)
    named = re.findall(rf"\b(?:{LINTERS})\b", statement, re.IGNORECASE)
    return bool(passed) and all(name.lower() in passed for name in named)


def _fault(kinds: tuple[str, ...], statement: str, call: Executed) -> str:
    if call.tool in WRITES:
        shown = kinds == ("check",) and RUNS.search(statement) is None and _by_validators(statement, call)
        return f"call {call.ref} only wrote the file; cite one that checked it" if kinds and not shown else ""
    if only_reads(call.tool):
        wanted = [kind for kind in kinds if not (kind == "scan" and call.tool == "Grep")]
        return f"call {call.ref} only read; cite one that ran the {wanted[0]}" if wanted else ""
    if call.tool == "Bash" and (fault := _shell_fault(kinds, call)):
        return fault
    return next((_unable(kind, call) for kind in kinds if _unable(kind, call)), "")


def _partial(kinds: tuple[str, ...], statement: str, call: Executed) -> str:
    """A call that ran some of the tests shows nothing of all of them."""
    if "test" not in kinds or call.tool != "Bash" or not ALL.search(statement):
        return ""
    runners = [
        " ".join(words) for words in shell_of(call).commands if ABLE["test"].search(words[0]) or "pytest" in words
    ]
    parts = [re.sub(r"^.*?-m\s+(?:py)?test\b", "", runner) for runner in runners]
    if parts and all(PART_OF.search(part) for part in parts):
        return f"call {call.ref} ({brief(call.command)}) ran only some of the tests"
    return ""


def _unable(kind: str, call: Executed) -> str:
    if kind in ABLE and not any(ABLE[kind].search(command) for command in _ran(call)):
        return f"call {call.ref} ({brief(call.command)}) is no {kind}"
    if kind == "deployment" and REHEARSED.search(call.command):
        return f"call {call.ref} ({brief(call.command)}) only rehearsed it"
    return ""


def _ran(call: Executed) -> list[str]:
    """What a call ran, and whose success its exit code shows; no comment, and nothing that was only printed."""
    if call.tool != "Bash":
        return [call.command]
    return [" ".join(words) for words in shell_of(call).certain if words[0] not in PRINTS]


def _shell_fault(kinds: tuple[str, ...], call: Executed) -> str:
    """A shell command proves by its exit code; one that is masked, or that only prints, proves nothing."""
    shell = shell_of(call)
    working = [words for words in shell.commands if words[0] not in PRINTS]
    if not working:
        return f"call {call.ref} ({brief(call.command)}) only prints what it was given"
    if not kinds:
        return ""
    asked = [words for words in working if ASKS.search(" ".join(words[:4])) is None]
    if not asked:
        return f"call {call.ref} ({brief(call.command)}) only asks what the program is or would do"
    if faked := next((words[0] for words in asked if words[0] in shell.functions), ""):
        return f"call {call.ref} defines a function {faked} of its own, and runs that"
    judging = [words for words in asked if _judges(words) or (kinds == ("scan",) and _searches(words))]
    if not judging:
        return f"call {call.ref} ({brief(call.command)}) only shows content; cite one that ran the {kinds[0]}"
    if not any(words in shell.certain for words in judging):
        return (
            f"the exit code of call {call.ref} is not that of `{brief(' '.join(judging[0]))}`; run it without what follows it,"
            " or with `set -o pipefail`"
        )
    return ""


def _judges(words: Words) -> bool:
    """Whether a command's exit code says that something is right, and not only that it could be read."""
    if words[0] in EXISTS:
        return any("$(" in word for word in words)
    return words[0] not in SHOWS_CONTENT | MOVES or bool({"--check", "--exit-code"} & set(words))


def _searches(words: Words) -> bool:
    return words[0] in ("grep", "egrep", "fgrep", "rg") or words[:2] == ("git", "grep")


@lru_cache(maxsize=512)
def _read(command: str) -> ShellCall:
    return read_shell(command)


def shell_of(call: Executed) -> ShellCall:
    """The commands of a Bash call."""
    return _read(str(call.input.get("command", "")))


def brief(text: str) -> str:
    """A command on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
