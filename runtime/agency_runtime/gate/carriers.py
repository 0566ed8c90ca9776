"""Programs that run other programs: what is inside them is judged as if it stood alone."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from agency_runtime.gate.argv import names
from agency_runtime.gate.command import Command
from agency_runtime.gate.decision import Kind, gravest
from agency_runtime.gate.interpreters import INTERPRETERS
from agency_runtime.gate.places import absolute
from agency_runtime.gate.programs import GUARDED, local
from agency_runtime.gate.words import FETCHED, TOKEN, UNKNOWN, known

Argv: TypeAlias = tuple[str, ...]

SHELLS = names("sh bash zsh dash ksh ash mksh fish rbash busybox-sh csh tcsh yash")


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
    "systemd-run": _p("-p --property -u --unit", kind="unknown"), "prlimit": _p(), "parallel": _p("-j --jobs -a --arg-file -S --sshlogin --colsep", joined=True),
    "ssh": _p("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w", 1, "change", True), "torsocks": _p(), "proxychains": _p("-f"),
    "firejail": _p(), "bwrap": _p("--bind --ro-bind --dev --proc --tmpfs --chdir --setenv --uid --gid", kind="unknown"), "catchsegv": _p(), "then": _p(), "do": _p(), "!": _p(),
    "eatmydata": _p(), "chpst": _p("-u -U -b -e"), "softlimit": _p(), "daemonize": _p("-c -e -o -p -l -u"), "setarch": _p("", 1), "linux64": _p(), "linux32": _p(), "entr": _p(),
}  # fmt: skip
SCRIPTED: dict[str, tuple[str, Kind]] = {"su": ("-c --command", "unknown"), "script": ("-c --command", "local"), "flock": ("-c --command", "read"),
                                         "nix-shell": ("--run --command", "local"), "runuser": ("-c --command", "unknown"),
                                         "sg": ("-c", "unknown"), "env": ("-S --split-string", "read")}  # fmt: skip
XARGS_VALUED = names(
    "-I -i -n -P -L -s -d -a -E --max-args --max-procs --max-lines --replace --delimiter --arg-file --max-chars"
)
EXECUTING = names("-exec -execdir -ok -okdir")


@dataclass(frozen=True, slots=True)
class Inside:
    """What a carrier runs. `kind` is the carrier's own class; a doubt is asked; a refusal denied."""

    kind: Kind
    commands: tuple[Argv, ...] = ()
    scripts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    assigns: tuple[tuple[str, str], ...] = ()
    doubt: str = ""
    refusal: str = ""


def inside(command: Command) -> Inside | None:
    """What the command runs in its turn, or None when it carries nothing."""
    program, argv = command.program, command.argv
    if program in SHELLS:
        return _shell(command)
    if program in ("source", "."):
        return Inside("read", files=argv[1:2])
    if program == "eval":
        return _given(" ".join(argv[1:])) if FETCHED in command.argv or not known(" ".join(argv[1:])) else None
    if program == "xargs":
        return _xargs(command)
    if program == "find" and EXECUTING & set(argv):
        return _find(argv)
    if program in SCRIPTED or program in PREFIXES:
        return _both(_scripted(program, argv), _prefix(argv, PREFIXES[program]) if program in PREFIXES else None)
    if "/" in argv[0] and _is_ours(argv[0], command.cwd):
        return Inside("read", files=(argv[0],))
    return _hidden(argv)


def _is_ours(path: str, cwd: str) -> bool:
    """A program that the run may have written itself, unless its name is one that the gate knows."""
    name = posixpath.basename(path)
    if name in KNOWN or name in INTERPRETERS or posixpath.splitext(name)[0] in WRAPPERS:
        return False
    return absolute(path, cwd).startswith(("/workspace/", "/tmp/", "~", UNKNOWN))


def _both(script: Inside | None, prefix: Inside | None) -> Inside | None:
    """A program that takes its command either way: what could be meant is judged, both if need be."""
    if script is None or prefix is None:
        return script or prefix
    commands = tuple(argv for argv in prefix.commands if not argv[0].startswith("-"))
    return replace(
        prefix, kind=gravest((script.kind, prefix.kind)), commands=commands, scripts=script.scripts + prefix.scripts
    )


def _scripted(program: str, argv: Argv) -> Inside | None:
    if program not in SCRIPTED:
        return None
    options, kind = SCRIPTED[program]
    scripts = _scripts(argv, set(options.split()))
    return Inside(kind, scripts=scripts) if scripts else None


def _scripts(argv: Sequence[str], options: set[str]) -> tuple[str, ...]:
    found = [argv[at + 1] for at, word in enumerate(argv[:-1]) if word in options]
    found += [
        word.partition("=")[2]
        for word in argv
        if word.startswith("--") and word.partition("=")[0] in options and "=" in word
    ]
    return tuple(found)


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
        return Inside(prefix.kind, scripts=(" ".join(word for word in rest if word != ":::"),), assigns=tuple(assigns))
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
            return _given(next((text for text in argv[at + 1 :] if text[:1] not in ("-", "+")), ""))
        if word == "--" or word == "-":
            at += 1
            break
        if not word.startswith("--") and "s" in word[1:]:
            return _given(command.stdin)
        at += 2 if word in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file") else 1
    if at < len(argv):
        return Inside("read", files=(argv[at],))
    return _given(command.stdin)


def _only_parses(args: Argv) -> bool:
    """A shell that runs nothing: asked for its version, or given `-n` and files, and no option that could undo it (`-i`, `+n`)."""
    if args in (("--version",), ("--help",)):
        return True
    options = [word for word in args if word[:1] in ("-", "+")]
    plain = all(len(word) > 1 and word[0] == "-" and set(word[1:]) <= set("neuvx") for word in options)
    return (
        plain and any("n" in word for word in options) and args[:1] == tuple(options[:1]) and len(args) > len(options)
    )


def _given(text: str | None) -> Inside:
    if text is None:
        return Inside("unknown", doubt="a shell that reads its commands from its input")
    if FETCHED in text:
        return Inside("unknown", refusal="runs what it fetches from the network")
    return Inside("read", scripts=(text,))


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
                tuple(word.replace("{}", f"{start.rstrip('/')}/{TOKEN}") for word in argv[at + 1 : end])
                for start in starts(argv)
            ]
            at = end
        at += 1
    return Inside("read", commands=tuple(words for words in found if words))


def _hidden(argv: Argv) -> Inside | None:
    """A guarded program among the arguments of a program that may run it: `poetry run …`, `docker exec …`, `npx …`."""
    if argv and posixpath.basename(argv[0]) in _INERT:
        return None
    start = 1
    if posixpath.basename(argv[0]) in _BY_VERB:
        start = next((at + 1 for at, word in enumerate(argv) if word in ("exec", "run", "debug", "--")), len(argv))
    found = [
        argv[at:]
        for at in range(start, len(argv))
        if (
            (posixpath.basename(argv[at]) in _LOOKED_FOR or posixpath.basename(argv[at]).startswith("mkfs"))
            and not argv[at - 1].startswith("--")
        )
        or (argv[at - 1] == "--" and not argv[at].startswith("-"))
    ]
    return Inside("read", commands=tuple(found)) if found else None


_BY_VERB = names("kubectl oc k docker podman nerdctl docker-compose podman-compose")
WRAPPERS = names("gradlew mvnw sbt bazelisk")
"""Build tools that repositories carry with them; what they run is local work."""
KNOWN = (
    GUARDED
    | local.READERS
    | SHELLS
    | names("make npm pnpm yarn bun just pytest tox nox ruff black mypy eslint jest tsc pip uv poetry go cargo")
)
_LOOKED_FOR = (
    GUARDED
    | SHELLS
    | frozenset(local.WRITERS)
    | frozenset(local.TURNING)
    | frozenset(INTERPRETERS)
    | names("sudo env xargs eval find make npm yarn pnpm just")
    - names("k at mc cf eb kind info init service batch copilot mongo http argo fly hub oc")
)
_INERT = names(
    "echo printf ls cat head tail grep egrep fgrep rg ag wc which type whereis whatis diff cmp stat du cd test [ [[ file tree git man help apt "
    "apt-get dpkg brew rm mkdir touch mv cp ln chmod chown sed sort uniq cut tr jq yq terraform tofu helm aws gcloud az gsutil bq pip pip3 gh "
    "export unset alias trap read for local declare find hash command eval : true false pgrep pkill killall dirname basename realpath readlink "
    "tar zip unzip tee apk yum dnf kill ps column date seq sleep exit return set shopt shellcheck tfenv hadolint yamllint"
)
"""Programs whose arguments are never programs to run."""
