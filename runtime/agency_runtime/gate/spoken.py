"""Options by which programs run other programs: `tar --to-command`, `ssh -o ProxyCommand`, `rsync -e`, `git -c alias.x=!…`."""

import re
import shlex
from collections.abc import Iterator, Sequence, Set

from agency_runtime.gate.argv import names, program_of

OPTIONS: dict[str, frozenset[str]] = {
    "tar": names("--checkpoint-action --to-command -I --use-compress-program -F --info-script --new-volume-script --rsh-command --rmt-command"),
    "rsync": names("-e --rsh --rsync-path"), "ssh": names("-o"), "scp": names("-S -o -D"), "sftp": names("-S -o -D"), "sshfs": names("-o"),
    "su": names("-c --command --session-command"), "runuser": names("-c --command"), "script": names("-c --command"), "flock": names("-c --command"),
    "sg": names("-c"), "env": names("-S --split-string"), "nix-shell": names("--run --command"), "nix": names("-c --command"),
    "zip": names("-TT --unzip-command"), "rg": names("--pre --hostname-bin"), "fd": names("-x --exec -X --exec-batch"), "man": names("-P --pager -H"),
    "sort": names("--compress-program"), "split": names("--filter"), "ansible": names("-a --args"), "mosh": names("--ssh --server"),
    "tcpdump": names("-z --postrotate-command"), "xterm": names("-e"), "gnome-terminal": names("-e --command"), "ctest": names("--test-command"),
    "npm": names("-c --call"), "npx": names("-c --call"), "pnpm": names("-c --shell-mode"), "git": names("-x --extcmd --exec --upload-pack --receive-pack -O --open-files-in-pager --tree-filter --index-filter --env-filter --msg-filter --commit-filter --parent-filter --tag-name-filter --setup"),
    "helm": names("--post-renderer"), "kubectl": names("--helm-command"), "kustomize": names("--helm-command"),
}  # fmt: skip
"""Each program with the options whose value is a command."""
_SSH = re.compile(r"(?:Proxy|Local|Remote|KnownHosts)Command\s*[= ]\s*(.*)", re.IGNORECASE | re.DOTALL)
_TAR = re.compile(r"exec=(.*)", re.DOTALL)
_NEVER_SHORT = names("git npm pnpm")


def option_texts(argv: Sequence[str]) -> tuple[str, ...]:
    """The commands that stand as values of options, as shell texts."""
    program = program_of(argv[0]) if argv else ""
    options = OPTIONS.get(program)
    if options is None:
        return ()
    found = [_bare(program, option, value) for option, value in values(argv[1:], options, program not in _NEVER_SHORT)]
    settings = _git_settings(argv[1:]) if program == "git" else []
    return tuple(text for text in [*found, *settings] if text.strip())


def values(args: Sequence[str], options: Set[str], bundled: bool = True) -> Iterator[tuple[str, str]]:
    """The options that are given, each with its value: in the next word, behind `=`, or joined to a short one."""
    for at, word in enumerate(args):
        after = args[at + 1] if at + 1 < len(args) else ""
        name, equals, value = word.partition("=")
        if word in options:
            yield word, after
        elif word.startswith("--") and equals and name in options:
            yield name, value
        elif word[:1] == "-" and word[1:2] not in ("", "-"):
            yield from _joined(word, after, options, bundled)


def _joined(word: str, after: str, options: Set[str], bundled: bool) -> Iterator[tuple[str, str]]:
    """`-cTEXT`, and `-qc TEXT` where letters may be bundled."""
    letters = word[1:] if bundled else word[1:2]
    for at, letter in enumerate(letters):
        if f"-{letter}" in options:
            yield f"-{letter}", word[at + 2 :] or after
            return
        if not letter.isalpha():
            return


def _bare(program: str, option: str, value: str) -> str:
    """The command alone, without the words that say when it runs."""
    if program in ("ssh", "scp", "sftp", "sshfs") and option == "-o":
        found = _SSH.fullmatch(value)
        return found[1] if found else ""
    if program in ("scp", "sftp") and option == "-D":
        return ""
    if option == "--checkpoint-action":
        action = _TAR.fullmatch(value)
        return action[1] if action else ""
    return value


def _git_settings(args: Sequence[str]) -> list[str]:
    """What `-c name=value`, `config name value`, `bisect run` and `submodule foreach` would have git execute."""
    settings = [args[at + 1].partition("=")[2] for at, word in enumerate(args[:-1]) if word in ("-c", "--config")]
    settings += [value for _, value in values(args, {"-u"}, False) if "clone" in args]
    settings += [word.partition("=")[2].partition("=")[2] for word in args if word.startswith("--config=")]
    words = [word for word in args if not word.startswith("-")]
    if "config" in words[:2] and len(words) > 2:
        settings.append(words[-1])
    for verb, then in (("bisect", "run"), ("submodule", "foreach")):
        if verb in words and then in words:
            given = args[list(args).index(then) + 1 :]
            settings.append(given[0] if len(given) == 1 else shlex.join(given))
    return [text.lstrip("!") for text in settings if " " in text.strip() or text.startswith("!")]
