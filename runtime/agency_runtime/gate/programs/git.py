"""git: reading is free, local history grows freely; what rewrites history, throws work away or leaves the machine is asked."""

import re
from collections.abc import Sequence

from agency_runtime.gate.argv import Line, names, parse_line
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect

GLOBALS = names("-C -c --git-dir --work-tree --namespace --exec-path --config-env --super-prefix --attr-source")
VALUED = names("-m --message -F --file -b -B --author --date -n --max-count --since --until --format --pretty -S -G -L -o --output "
               "--grep --onto -s --strategy -X --depth --branch --reference -u --set-upstream-to --sort --contains --points-at "
               "--upload-pack --receive-pack --exec -x --source --pathspec-from-file --prefix --start-number -t --track")  # fmt: skip
READS = names("status log diff show blame annotate shortlog describe rev-parse rev-list ls-files ls-tree ls-remote cat-file grep "
              "name-rev merge-base for-each-ref show-ref show-branch whatchanged count-objects fsck var version help check-ignore "
              "check-attr check-ref-format diff-tree diff-index diff-files cherry range-diff verify-commit verify-tag archive "
              "bugreport get-tar-commit-id merge-tree patch-id stripspace interpret-trailers column fmt-merge-msg")  # fmt: skip
LOCALS = names("add commit mv rm init clone fetch pull merge cherry-pick revert am apply format-patch switch checkout branch tag stash "
               "worktree submodule notes bundle sparse-checkout restore mergetool difftool bisect remote config update-index "
               "hash-object write-tree commit-tree read-tree rebase maintenance pack-refs repack lfs rerere reset gc")  # fmt: skip
DESTROYS = {
    "reset": r"--hard|--merge|--keep", "clean": r"", "rebase": r"", "filter-branch": r"", "filter-repo": r"", "reflog": r"expire|delete",
    "stash": r"drop|clear|pop", "branch": r"-D|-M|-C|--delete|-d|--force|-f", "tag": r"-d|--delete|-f|--force", "restore": r"",
    "worktree": r"remove|prune", "update-ref": r"", "gc": r"--prune.*|--aggressive", "prune": r"", "remote": r"remove|rm|prune|set-url",
    "checkout": r"-f|--force|--|\.|-B", "switch": r"-f|--force|--discard-changes|-C", "commit": r"--amend", "rm": r"-f|--force|-rf|-fr",
    "push": r"--force.*|-f|--mirror|--delete|-d|--prune|\+.*|:.+", "submodule": r"deinit", "read-tree": r"--reset|-u", "am": r"--abort",
    "notes": r"remove|prune", "lfs": r"prune|migrate", "sparse-checkout": r"set|reapply", "symbolic-ref": r"", "replace": r"",
}  # fmt: skip
"""Verbs, and the argument that makes them throw work away; an empty pattern means always."""
DRY = names("clean push rm add")
EXECUTING = re.compile(r"(core\.(fsmonitor|hookspath|sshcommand|pager|editor|askpass|gitproxy|worktree)|alias\.|.*\.(textconv|command|cmd|clean|smudge|process|driver|helper|program)|credential\.|include|sequence\.editor|gpg\.|diff\.external|uploadpack\.|protocol\.|pager\.|url\.)", re.IGNORECASE)  # fmt: skip
RUNS = {
    "bisect": "run",
    "submodule": "foreach",
    "rebase": "--exec",
    "filter-branch": "",
    "difftool": "",
    "mergetool": "",
}
LISTING = {"branch": r"-a|-r|-v|-vv|-l|--list|--show-current|--contains|--merged|--no-merged|--all|--remotes|--sort|--format|--points-at|-av|-avv",
           "tag": r"-l|--list|-n|--contains|--points-at|--sort|--merged|--format", "remote": r"-v|--verbose|show|get-url",
           "stash": r"list|show", "worktree": r"list", "config": r"--get|--list|-l|--get-all|--get-regexp|--show-origin|get|list|--show-scope",
           "submodule": r"status|summary", "notes": r"list|show", "reflog": r"show|", "bisect": r"log|view", "bundle": r"verify|list-heads",
           "lfs": r"ls-files|status|env|version", "symbolic-ref": r"--short|-q", "sparse-checkout": r"list"}  # fmt: skip
BARE_READS = names("branch tag remote reflog stash-list")


def classify(argv: Sequence[str]) -> Effect:
    """The effect of a git command line."""
    before, verb, args = _verb(argv[1:])
    if verb is None:
        return Effect("read", "git shows its help")
    line = parse_line(args, VALUED)
    reason = _executes(before, verb, line, args)
    if reason:
        return Effect("unknown", f"git {verb} {reason}")
    kind = _kind(verb, line, args)
    writes = (
        tuple(value for name, value in line.options if name in ("-o", "--output") and value) if kind == "read" else ()
    )
    return Effect("local" if writes else kind, _why(verb, kind), writes=writes)


def _verb(args: Sequence[str]) -> tuple[list[str], str | None, list[str]]:
    before: list[str] = []
    at = 0
    while at < len(args) and args[at].startswith("-"):
        takes = args[at] in GLOBALS
        before += args[at : at + 2] if takes else [args[at]]
        at += 2 if takes else 1
    return before, args[at] if at < len(args) else None, list(args[at + 1 :])


def _executes(before: Sequence[str], verb: str, line: Line, args: Sequence[str]) -> str | None:
    settings = [before[at + 1] for at, word in enumerate(before[:-1]) if word in ("-c", "--config-env")]
    if verb == "config" and not _lists(verb, line, args):
        settings += [word for word in line.words if "." in word or word == "include"]
    settings += [value for name, value in line.options if name in ("-c", "--config") and value and verb == "clone"]
    if any(EXECUTING.match(setting) for setting in settings) or any(
        word.startswith(("--exec-path=", "--git-dir")) for word in before if word != "--git-dir"
    ):
        return "sets what git itself executes"
    pager = verb == "grep" and any(word.startswith(("-O", "--open-files-in-pager")) for word in args)
    if pager or line.has("--ext-diff", "--upload-pack", "--receive-pack", "--textconv"):
        return "runs another program"
    if any(word.startswith("ext::") for word in args) or (RUNS.get(verb) in args and RUNS.get(verb)):
        return "runs another program"
    return (
        "names other users' settings"
        if verb == "config" and line.has("--global", "--system", "--file", "-f") and not _lists(verb, line, args)
        else None
    )


def _kind(verb: str, line: Line, args: Sequence[str]) -> Kind:
    if line.surely("--help"):
        return "read"
    if verb in DRY and line.surely("-n", "--dry-run") and line.certain and not _forces(verb, args):
        return "read"
    if verb in READS or _lists(verb, line, args):
        return "read"
    if verb in DESTROYS and _destroys(verb, line, args):
        return "destroy"
    if verb == "push" or verb in (
        "send-email",
        "request-pull",
        "svn",
        "p4",
        "credential",
        "daemon",
        "instaweb",
        "send-pack",
    ):
        return "change"
    return "local" if verb in LOCALS else "unknown"


def _forces(verb: str, args: Sequence[str]) -> bool:
    return verb in DRY and "--no-dry-run" in args


def _lists(verb: str, line: Line, args: Sequence[str]) -> bool:
    if verb not in LISTING:
        return False
    if not args:
        return verb in BARE_READS
    if verb == "config" and len(line.words) == 1 and not line.options and "." in line.words[0]:
        return True
    pattern = re.compile(LISTING[verb])
    options = [name for name, _ in line.options]
    if verb in ("branch", "tag", "config", "symbolic-ref"):
        return (bool(options) and all(pattern.fullmatch(name) for name in options)) or (
            verb == "config" and bool(pattern.fullmatch(args[0]))
        )
    return pattern.fullmatch(args[0]) is not None


def _destroys(verb: str, line: Line, args: Sequence[str]) -> bool:
    if verb == "restore" and line.has("--staged", "-S") and not line.has("--worktree", "-W"):
        return False
    if verb == "stash" and args[:1] == ["pop"]:
        return False
    if verb == "rebase" and args[:1] in (["--abort"], ["--continue"]):
        return args[0] == "--abort"
    pattern = re.compile(DESTROYS[verb] or ".*")
    return not DESTROYS[verb] or any(pattern.fullmatch(word) or _bundled(word, DESTROYS[verb]) for word in args)


def _bundled(word: str, pattern: str) -> bool:
    """`-fd` holds `-f`."""
    letters = re.findall(r"(?:^|\|)-([a-zA-Z])(?=\||$)", pattern)
    return re.fullmatch(r"-[a-zA-Z]{2,}", word) is not None and any(letter in word[1:] for letter in letters)


def _why(verb: str, kind: Kind) -> str:
    return f"git {verb} may throw work away" if kind == "destroy" else f"git {verb}"
