"""Programs that run other programs: what is inside them is judged as if it stood alone."""

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agency_runtime.gate.argv import names
from agency_runtime.gate.calls import calls
from agency_runtime.gate.command import Command
from agency_runtime.gate.decision import Kind, gravest
from agency_runtime.gate.files import STDIN
from agency_runtime.gate.hidden import NAMED, SHELLS, WRAPPERS, Argv, hidden
from agency_runtime.gate.interpreters import INTERPRETERS, reads_its_program
from agency_runtime.gate.places import absolute
from agency_runtime.gate.spoken import option_texts
from agency_runtime.gate.words import FETCHED, TOKEN, UNKNOWN, known


@dataclass(frozen=True, slots=True)
class Prefix:
    """A program whose arguments, after its own options and `skip` words, are another command."""

    valued: frozenset[str] = frozenset()
    skip: int = 0
    kind: Kind = "read"
    joined: bool = False


def _p(valued: str = "", skip: int = 0, kind: Kind = "read", joined: bool = False) -> Prefix:
    return Prefix(names(valued), skip, kind, joined)


PREFIXES: dict[str, Prefix] = {
    "timeout": _p("-k --kill-after -s --signal", 1), "time": _p("-f --format -o --output"), "nice": _p("-n --adjustment"), "nohup": _p(),
    "stdbuf": _p("-i -o -e --input --output --error"), "command": _p(), "builtin": _p(), "noglob": _p(), "exec": _p("-a"),
    "setsid": _p(), "ionice": _p("-c -n -p --class --classdata"), "chrt": _p("-T -P -D", 1), "taskset": _p("", 1),
    "flock": _p("-w --timeout --wait -E --conflict-exit-code", 1), "watch": _p("-n --interval -q", joined=True),
    "strace": _p("-e -o -p -s -u -E -I -O -S -P"), "ltrace": _p("-e -o -p -s -u"), "unbuffer": _p(), "fakeroot": _p("-l -s -i"), "xvfb-run": _p("-s -n -e -f -w"),
    "dbus-run-session": _p(), "caffeinate": _p("-t -w"), "busybox": _p(), "toybox": _p(), "coproc": _p(), "env": _p("-u --unset -C --chdir -a --argv0"),
    "sudo": _p("-u --user -g --group -h --host -p --prompt -C -r --role -t --type -T -U -D --chdir -R", kind="unknown"),
    "doas": _p("-u -C", kind="unknown"), "pkexec": _p("--user", kind="unknown"), "runuser": _p("-u --user -g --group", kind="unknown"),
    "setpriv": _p("--reuid --regid --groups", kind="unknown"), "gosu": _p("", 1, "unknown"), "su-exec": _p("", 1, "unknown"),
    "chroot": _p("", 1, "unknown"), "nsenter": _p("-t --target -S -G", kind="unknown"), "unshare": _p("", kind="unknown"),
    "systemd-run": _p("-p --property -u --unit", kind="unknown"), "prlimit": _p(), "parallel": _p("-j --jobs -a --arg-file -S --sshlogin --colsep -n -N --max-args --delay --retries --timeout --results --joblog", joined=True),
    "ssh": _p("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w", 1, "change", True), "torsocks": _p(), "proxychains": _p("-f"),
    "firejail": _p(), "bwrap": _p("--bind --ro-bind --dev --proc --tmpfs --chdir --setenv --uid --gid", kind="unknown"), "catchsegv": _p(), "then": _p(), "do": _p(), "!": _p(),
    "eatmydata": _p(), "chpst": _p("-u -U -b -e"), "softlimit": _p(), "daemonize": _p("-c -e -o -p -l -u"), "setarch": _p("", 1), "linux64": _p(), "linux32": _p(), "entr": _p(),
}  # fmt: skip
KINDS: dict[str, Kind] = {
    "su": "unknown",
    "runuser": "unknown",
    "sg": "unknown",
    "flock": "read",
    "env": "read",
    "script": "local",
    "mosh": "change",
    "ssh": "change",
    "scp": "change",
    "sftp": "change",
}
"""Programs whose options may hold a command, with the class of their own road; the others are local work."""
SHELLS_OF_THEIR_OWN = names("su sudo doas chroot runuser ssh nsenter unshare sg newgrp script login mosh")
"""Programs that start a shell when they are given no command."""
PYTHON_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("pipenv", "run"), ("rye", "run"),
                  ("pipx", "run"), ("coverage", "run"), ("conda", "run")}  # fmt: skip
XARGS_VALUED = names(
    "-I -i -n -P -L -s -d -a -E --max-args --max-procs --max-lines --replace --delimiter --arg-file --max-chars"
)
EXECUTING = names("-exec -execdir -ok -okdir")


@dataclass(frozen=True, slots=True)
class Inside:
    """What a carrier runs. `kind` is the carrier's own class; a doubt is asked; a refusal denied.

    scripts: shell texts, each with its `$0` and arguments. files: scripts by path, each with its arguments.
    """

    kind: Kind
    commands: tuple[Argv, ...] = ()
    scripts: tuple[Argv, ...] = ()
    files: tuple[Argv, ...] = ()
    assigns: tuple[tuple[str, str], ...] = ()
    doubt: str = ""
    refusal: str = ""


def inside(command: Command) -> Inside | None:
    """What the command runs in its turn, or None when it carries nothing."""
    found = _inside(command)
    texts = tuple((text,) for text in option_texts(command.argv))
    if not texts:
        return found
    kind = KINDS.get(command.program, "local")
    base = found or Inside(kind)
    plain = tuple(argv for argv in base.commands if not argv[0].startswith("-"))
    return replace(base, kind=gravest((base.kind, kind)), commands=plain, scripts=(*base.scripts, *texts))


def _inside(command: Command) -> Inside | None:
    program, argv = command.program, command.argv
    if program in SHELLS:
        return _shell(command)
    if program == "find" and EXECUTING & set(argv):
        return _find(argv)
    if program in _OTHERS:
        return _OTHERS[program](command)
    if program in INTERPRETERS:
        return _interpreter(command)
    if program in PREFIXES or program in SHELLS_OF_THEIR_OWN:
        return _prefix(argv, PREFIXES[program]) if _runs_a_word(command) else _own_shell(command)
    if ours(command) and (program not in NAMED or command.files.text(argv[0], command.cwd) is not None):
        return Inside("read", files=(argv,))
    return _by_verb(argv) or _hidden(argv)


def _by_verb(argv: Argv) -> Inside | None:
    """Version managers of terraform, and runners that are given a Python file."""
    if argv[0] in ("tfenv", "tofuenv", "tgenv") and argv[1:2] == ("exec",):
        return Inside("read", commands=(("terraform", *argv[2:]),))
    if argv[:2] in PYTHON_RUNNERS and argv[2:] and argv[2].endswith(".py"):
        return Inside("local", commands=(("python3", *argv[2:]),))
    return None


def _hidden(argv: Argv) -> Inside | None:
    found = hidden(argv)
    return Inside("read", commands=found) if found else None


def _source(command: Command) -> Inside | None:
    """A script that runs in the shell itself; without arguments of its own it has the shell's."""
    path, args = command.argv[1:2], command.argv[2:] or (UNKNOWN,)
    return Inside("read", files=((*path, *args),)) if path else None


def _eval(command: Command) -> Inside | None:
    """What is known of it the walk has already gone into."""
    text = " ".join(command.argv[1:])
    return None if known(text) else _given(text)


def _interpreter(command: Command) -> Inside | None:
    """The commands that a one-line program names; a program in a file is searched, but not taken apart."""
    given = command.stdin or "" if reads_its_program(command.program, command.argv[1:]) else ""
    found = calls("\n".join([*command.argv[1:], given]))
    beside = _hidden(command.argv)
    if not found:
        return beside
    return replace(beside or Inside("local"), kind="local", scripts=tuple((text,) for text in found))


def ours(command: Command) -> bool:
    """A program by a path where the run may have put it itself, build tools that carry themselves excepted."""
    path = command.argv[0] if command.argv else ""
    name = posixpath.basename(path)
    if "/" not in path or name in INTERPRETERS or posixpath.splitext(name)[0] in WRAPPERS:
        return False
    return absolute(path, command.cwd).startswith(("/workspace/", "/tmp/", "~", UNKNOWN))


def _runs_a_word(command: Command) -> bool:
    """A prefix that is given a command, and not only options."""
    prefix = PREFIXES.get(command.program)
    return prefix is not None and (
        command.program not in SHELLS_OF_THEIR_OWN or _prefix(command.argv, prefix) not in (None, Inside(prefix.kind))
    )


def _own_shell(command: Command) -> Inside:
    """A shell of another user, root or machine, that reads what it is given."""
    prefix = PREFIXES.get(command.program)
    kind = prefix.kind if prefix else KINDS.get(command.program, "unknown")
    if command.stdin is None:
        return Inside(kind)
    return replace(_given(command.stdin), kind=kind)


def _prefix(argv: Argv, prefix: Prefix) -> Inside | None:
    if argv[:2] in (("command", "-v"), ("command", "-V")):
        return None
    at = 1
    assigns: list[tuple[str, str]] = []
    while at < len(argv) and (argv[at].startswith("-") or (not prefix.joined and _assigns(argv[at]))):
        if argv[at] == "--":
            at += 1
            break
        if not argv[at].startswith("-"):
            name, _, value = argv[at].partition("=")
            assigns.append((name, value))
        at += 2 if argv[at] in prefix.valued else 1
    rest = argv[at + prefix.skip :]
    if not rest:
        return None if prefix.kind == "read" else Inside(prefix.kind)
    if prefix.joined or (len(rest) == 1 and " " in rest[0]):
        return Inside(prefix.kind, scripts=((" ".join(rest),),), assigns=tuple(assigns))
    return Inside(prefix.kind, commands=(rest,), assigns=tuple(assigns))


def _assigns(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _shell(command: Command) -> Inside:
    argv, at = command.argv, 1
    if _only_parses(argv[1:]):
        return Inside("read")
    while at < len(argv) and argv[at][:1] in ("-", "+"):
        word = argv[at]
        if not word.startswith("--") and "c" in word[1:]:
            given = next((to for to in range(at + 1, len(argv)) if argv[to][:1] not in ("-", "+")), len(argv))
            return _given("".join(argv[given : given + 1]), argv[given + 1 :])
        if word == "--" or word == "-":
            at += 1
            break
        if not word.startswith("--") and "s" in word[1:]:
            return _given(command.stdin)
        at += 2 if word in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file") else 1
    if at < len(argv) and argv[at] not in STDIN:
        return Inside("read", files=(argv[at:],))
    return _given(command.stdin, argv[at:])


def _only_parses(args: Argv) -> bool:
    """A shell that runs nothing: asked for its version, or given `-n` and files, and no option that could undo it (`-i`, `+n`)."""
    if args in (("--version",), ("--help",)):
        return True
    options = [word for word in args if word[:1] in ("-", "+")]
    plain = all(len(word) > 1 and word[0] == "-" and set(word[1:]) <= set("neuvx") for word in options)
    return (
        plain and any("n" in word for word in options) and args[:1] == tuple(options[:1]) and len(args) > len(options)
    )


def _given(text: str | None, args: Argv = ()) -> Inside:
    if text is None:
        return Inside("unknown", doubt="a shell that reads its commands from its input")
    if FETCHED in text:
        return Inside("unknown", refusal="runs what it fetches from the network")
    return Inside("read", scripts=((text, *args),))


def _xargs(command: Command) -> Inside:
    argv, at, token = command.argv, 1, None
    while at < len(argv) and argv[at].startswith("-"):
        word = argv[at]
        if word[:2] in ("-I", "-i") or word.startswith("--replace"):
            token = word[2:] or (argv[at + 1] if word == "-I" and at + 1 < len(argv) else "{}")
        at += 2 if word in XARGS_VALUED and word != "-i" else 1
    rest = argv[at:] or ("echo",)
    given = command.stdin
    if given is not None and FETCHED in given and posixpath.basename(rest[0]) in SHELLS:
        return Inside("unknown", refusal="runs what it fetches from the network")
    items = tuple((given or "").split()) if given is not None and UNKNOWN not in given else (UNKNOWN,)
    if token:
        return Inside("read", commands=tuple(tuple(word.replace(token, item) for word in rest) for item in items[:16]))
    bare = (tuple(rest),) if items == (UNKNOWN,) and len(rest) > 1 else ()
    return Inside("read", commands=((*rest, *items[:200]), *bare))


def _parallel(command: Command) -> Inside:
    """A template for each of its arguments: those behind `:::`, else the lines of its input; without one they are commands."""
    words = _after_options(command.argv, PREFIXES["parallel"].valued)
    end = next((at for at, word in enumerate(words) if word.startswith(":::")), len(words))
    template, given = " ".join(words[:end]), words[end + 1 :]
    if any(word.startswith("::::") for word in words) or not (given or command.stdin is not None):
        items: tuple[str, ...] = (UNKNOWN,)
    else:
        items = tuple(word for word in given if not word.startswith(":::")) or tuple((command.stdin or "").splitlines())
    filled = [template.replace("{}", item) if "{}" in template else f"{template} {item}".strip() for item in items[:16]]
    return Inside("local", scripts=tuple((text,) for text in filled))


def _after_options(argv: Argv, valued: frozenset[str]) -> Argv:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in valued else 1
    return argv[at:]


def starts(argv: Sequence[str]) -> tuple[str, ...]:
    """The folders that find starts from."""
    end = next((at for at, word in enumerate(argv) if at and word[:1] in ("-", "(", "!")), len(argv))
    return tuple(argv[1:end]) or (".",)


def _find(argv: Argv) -> Inside:
    found: list[Argv] = []
    at = 0
    while at < len(argv):
        if argv[at] in EXECUTING:
            end = next(
                (
                    to
                    for to in range(at + 1, len(argv))
                    if argv[to] == ";" or (argv[to] == "+" and argv[to - 1] == "{}")
                ),
                len(argv),
            )
            found += [
                tuple(word.replace("{}", f"{start.rstrip('/')}/{_named(argv)}") for word in argv[at + 1 : end])
                for start in starts(argv)
            ]
            at = end
        at += 1
    return Inside("read", commands=tuple(words for words in found if words))


def _named(argv: Argv) -> str:
    """What find's `-name` finds, where it is no pattern."""
    name = next((argv[at + 1] for at, word in enumerate(argv[:-1]) if word == "-name"), "*")
    return TOKEN if any(sign in name for sign in "*?[") or not known(name) else name


_OTHERS: dict[str, Callable[[Command], Inside | None]] = {
    "source": _source, ".": _source, "parallel": _parallel, "eval": _eval, "xargs": _xargs,
}  # fmt: skip
