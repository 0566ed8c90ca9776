"""The effect of one simple command, whatever kind of program it names."""

from dataclasses import replace

from agency_runtime.gate import interpreters
from agency_runtime.gate.carriers import Inside, ours, starts
from agency_runtime.gate.command import Command
from agency_runtime.gate.decision import gravest
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.places import absolute, place
from agency_runtime.gate.programs import CLASSIFIERS, classify
from agency_runtime.gate.words import FETCHED, known

_FILTERS = frozenset({"-name", "-iname", "-path", "-ipath", "-regex", "-mtime", "-mmin", "-size", "-empty", "-newer"})
_FINDS_WRITING = frozenset({"-fprint", "-fprint0", "-fprintf", "-fls"})
_AWK = frozenset({"awk", "gawk", "mawk"})


def effect(command: Command, root: str, carried: Inside | None) -> Effect:
    """What the command would do; `carried` is what it runs in its turn."""
    if not command.argv:
        return Effect("read", "sets a variable" if command.assigns else "redirects")
    name = command.argv[0]
    if not name.strip():
        return Effect("read", "runs nothing")
    if not _certain(name):
        return Effect("unknown", "the program's name is not known before it runs", refused=FETCHED in name)
    if command.program in interpreters.INTERPRETERS:
        return _interpreted(command, root)
    if command.program == "find":
        return _find(command, root)
    return _own(command, _carrying(command, classify(command.argv), carried))


def _own(command: Command, does: Effect) -> Effect:
    """A program of a known name that lies where the run may have put it may be any program: at least local work."""
    if does.kind not in ("read", "plan") or not ours(command):
        return does
    return replace(does, kind="local", why=f"{command.program} from a folder that the run writes")


def _certain(name: str) -> bool:
    globs = any(sign in name for sign in "*?") or (name.startswith("[") and name not in ("[", "[["))
    return known(name) and not globs


def _carrying(command: Command, own: Effect, carried: Inside | None) -> Effect:
    """A program that runs another has the class of its own road; what is inside is judged by itself."""
    found = interpreters.searched(" ".join(command.argv[1:])) if own.kind == "unknown" else None
    if found and found[0]:
        return Effect("change", f"{own.why}: {found[1]!r}", refused=True)
    if carried is None:
        return _telling(command, own) if own.kind == "local" and not own.writes else own
    if own.kind == "local" and not own.writes and carried.kind != "local" and not own.refused:
        return Effect(carried.kind, f"{command.program} runs what it is given")
    return replace(own, kind=gravest((own.kind, carried.kind)))


def _telling(command: Command, own: Effect) -> Effect:
    """A program of no table that is handed a whole command as one argument, as in `npx -c '…'`."""
    texts = [word for word in command.argv[1:] if " " in word] if command.program not in CLASSIFIERS else []
    found = interpreters.searched("\n".join(texts)) if texts else None
    if found is None:
        return own
    refused, named = found
    return Effect("change", f"{command.program} is handed {named!r}", refused=refused, critical=not refused)


def _interpreted(command: Command, root: str) -> Effect:
    program = command.program
    whole = "\n".join(_texts(command))
    if FETCHED in whole:
        return Effect("unknown", "runs what it fetches from the network", refused=True)
    awk_reads = program in _AWK and not any(sign in whole for sign in (">", "system", "|"))
    if command.argv[1:] in (("--version",), ("-V",), ("--help",)) or awk_reads:
        return Effect("read", f"{program} only reads")
    found = interpreters.searched(whole)
    if found:
        refused, named = found
        return Effect("change", f"{program} names {named!r}", refused=refused, critical=not refused)
    return Effect("local", f"{program} runs a program of its own", writes=_written(whole, command.cwd, root))


def _texts(command: Command) -> list[str]:
    """What an interpreter is given: its arguments, its input and the program file."""
    texts = (
        [*command.argv[1:], command.stdin or ""]
        if interpreters.reads_its_program(command.program, command.argv[1:])
        else [*command.argv[1:]]
    )
    for word in [word for word in command.argv[1:] if not word.startswith("-")][:1]:
        given = command.files.text(word, command.cwd)
        texts += [given] if given else []
    return texts


def _written(text: str, cwd: str, root: str) -> tuple[str, ...]:
    """Protected paths that a text which writes has between quotes."""
    if not interpreters.writes(text):
        return ()
    words = [word for word in interpreters.quoted(text) if known(word)]
    return tuple(word for word in words if place(absolute(word, cwd), root) == "protected")


def _find(command: Command, root: str) -> Effect:
    argv, folders = command.argv, starts(command.argv)
    if "-delete" in argv:
        filtered = bool(_FILTERS & set(argv))
        inside_ = all(place(absolute(folder, command.cwd), root) in ("inside", "scratch") for folder in folders)
        return Effect("local", "find -delete", wipes=() if filtered and inside_ else folders)
    written = tuple(argv[at + 1] for at, word in enumerate(argv[:-1]) if word in _FINDS_WRITING)
    if written:
        return Effect("local", "find writes", writes=written, named=True)
    return Effect("read", "find only reads")
