"""Every simple command that a shell text could run, found by walking its syntax tree.

Variables, functions, aliases, the working folder and files written on the way are followed as far as they are
certain; what is not certain is marked, and never guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from agency_runtime.gate.output import output
from agency_runtime.gate.places import absolute
from agency_runtime.gate.shell import MOST_CHARACTERS, parse, text_of, unfit
from agency_runtime.gate.words import SEVERAL, TOKEN, UNKNOWN, Words, known

UNKNOWN_TEXT = "a shell text that is not known before it runs"
_MOST_DEPTH = 12
_MOST_COMMANDS = 400
_MOST_TURNS = 8
_MOST_GUESSES = 4
_INHERITED = {"HOME": "~", "PWD": ".", "IFS": " ", "TMPDIR": "/tmp", "USER": TOKEN, "LOGNAME": TOKEN, "HOSTNAME": TOKEN,
              "RANDOM": TOKEN, "SECONDS": TOKEN, "LINENO": TOKEN, "UID": TOKEN, "EUID": TOKEN, "EPOCHSECONDS": TOKEN,
              "?": TOKEN, "#": TOKEN, "$": TOKEN, "!": TOKEN, "-": TOKEN}  # fmt: skip
_WRITES = {">", ">>", ">|", "&>", "&>>", ">&", "<>"}
_HEREDOC_PARTS = {"heredoc_start", "heredoc_body", "heredoc_end", "file_redirect", "file_descriptor"}
_STREAMS = {"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/1", "/dev/fd/2"}


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command: its words after expansion, and what surrounds it."""

    argv: tuple[str, ...]
    text: str
    cwd: str
    assigns: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    stdin: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def program(self) -> str:
        """The name of the program, without its folder."""
        return self.argv[0].rpartition("/")[2] if self.argv else ""


@dataclass(slots=True)
class Surround:
    """What the redirects of a command come to."""

    stdin: str | None
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """All commands of one text, and the faults that make the text uncertain as a whole."""

    commands: tuple[Command, ...]
    faults: tuple[str, ...]


def read_script(text: str, *, cwd: str, files: Mapping[str, str] | None = None, most: int = MOST_CHARACTERS) -> Script:
    """The commands of a shell text; whatever the text, an answer."""
    fault = UNKNOWN_TEXT if UNKNOWN in text else unfit(text.replace(TOKEN, "x"), most=most)
    if fault and len(text) > 4 * most:
        return Script((), (fault,))
    walk = Walk(cwd, files)
    try:
        walk.text(text)
    except RecursionError:
        walk.faults.append("nested too deeply to be judged")
    return Script(tuple(walk.commands), tuple([fault, *walk.faults] if fault else walk.faults))


class Walk:
    """One pass over one shell text."""

    def __init__(self, cwd: str, files: Mapping[str, str] | None = None, *, args: tuple[str, ...] | None = None) -> None:
        self.commands: list[Command] = []
        self.faults: list[str] = []
        self._cwd = cwd
        self._files = dict(files or {})
        self._env: dict[str, str] = {}
        self._args = args
        self._functions: dict[str, Any] = {}
        self._called: set[str] = set()
        self._aliases: dict[str, str] = {}
        self._values: dict[str, list[str]] = {}
        self._guess: int | None = None
        self._hung: dict[int, list[Any]] = {}
        self._depth = 0
        self._words = Words(self._look, self._substitute)

    def text(self, text: str) -> str:
        """Walk a whole text; answers what it prints."""
        root = parse(text)
        if root.has_error:
            self._fault("cannot be parsed for certain")
        out = self._visit(root, None)
        if self._depth == 0:
            self._uncalled()
        return out

    def _fault(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)

    def _uncalled(self) -> None:
        for name in [name for name in self._functions if name not in self._called]:
            self._call(name, None)

    # ---- nodes

    def _visit(self, node: Any, stdin: str | None) -> str:
        """Walk a node; answers what it prints, as far as that is known."""
        redirects = self._hung.pop(node.id, None) if self._hung else None
        if redirects is not None:
            command = node.type == "command"
            return self._command(node, stdin, redirects) if command else self._around(node, stdin, redirects)
        act = _ACTS.get(node.type)
        if act is not None:
            return act(self, node, stdin)
        return self._sequence(node.named_children, stdin)

    def _sequence(self, nodes: list[Any], stdin: str | None) -> str:
        return "".join([self._visit(node, stdin) for node in nodes])

    def _maybe(self, nodes: list[Any], stdin: str | None) -> str:
        """Walk what may or may not run: an assignment in it is certain only while inside."""
        before, cwd = dict(self._env), self._cwd
        self._sequence(nodes, stdin)
        self._env = {name: value if before.get(name) == value else UNKNOWN for name, value in self._env.items()}
        if cwd != self._cwd:
            self._cwd = UNKNOWN
        return UNKNOWN

    def _list(self, node: Any, stdin: str | None) -> str:
        sign = node.children[1].type
        first, *rest = _spine(node, sign)
        out = self._visit(first, stdin)
        if sign != "&&":
            self._alternative(rest, stdin)
            return out + UNKNOWN
        before = dict(self._env)
        out += self._sequence(rest, stdin)
        if first.type not in ("variable_assignment", "variable_assignments"):
            self._env = {name: value if before.get(name) == value else UNKNOWN for name, value in self._env.items()}
        return out

    def _alternative(self, nodes: list[Any], stdin: str | None) -> None:
        """The right of `||`: it runs when the left failed, so the folder stays what success made it."""
        cwd = self._cwd
        self._maybe(nodes, stdin)
        self._cwd = cwd

    def _branch(self, node: Any, stdin: str | None) -> str:
        return self._maybe(node.named_children, stdin)

    def _subshell(self, node: Any, stdin: str | None) -> str:
        env, cwd = dict(self._env), self._cwd
        out = self._sequence(node.named_children, stdin)
        self._env, self._cwd = env, cwd
        return out

    def _loop(self, node: Any, stdin: str | None) -> str:
        self._forget(node)
        return self._maybe(node.named_children, stdin)

    def _for(self, node: Any, stdin: str | None) -> str:
        self._forget(node)
        name = text_of(node.named_children[0])
        values = [word for item in node.named_children[1:-1] for word in self._words.split(item)]
        few = values and len(values) <= _MOST_TURNS and node.children[0].type == "for"
        for value in values if few else [UNKNOWN]:
            self._env[name] = value
            self._maybe([node.named_children[-1]], stdin)
        self._env[name] = UNKNOWN
        return UNKNOWN

    def _forget(self, node: Any) -> None:
        """What a loop assigns anywhere is uncertain everywhere in it."""
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._env[text_of(child.named_children[0])] = UNKNOWN
            self._forget(child)

    def _case(self, node: Any, stdin: str | None) -> str:
        self._words.whole(node.named_children[0])
        for item in node.named_children[1:]:
            closing = next((at for at, child in enumerate(item.children) if child.type == ")"), 0)
            self._maybe([child for child in item.children[closing + 1 :] if child.is_named], stdin)
        return UNKNOWN

    def _function(self, node: Any, _stdin: str | None) -> str:
        self._forget(node)
        self._functions[text_of(node.named_children[0])] = node.named_children[-1]
        return ""

    def _call(self, name: str, args: tuple[str, ...] | None, stdin: str | None = None) -> str:
        if self._depth > _MOST_DEPTH:
            self._fault(f"function {name!r} calls itself without end in sight")
            return UNKNOWN
        before, self._args = self._args, args
        self._called.add(name)
        self._depth += 1
        out = self._visit(self._functions[name], stdin)
        self._depth -= 1
        self._args = before
        return out

    def _pipeline(self, node: Any, stdin: str | None) -> str:
        env, cwd = dict(self._env), self._cwd
        out = stdin or ""
        for at, part in enumerate(node.named_children):
            out = self._visit(part, out if at else stdin)
        self._env, self._cwd = env, cwd
        return out

    def _substitute(self, node: Any) -> str:
        """Command and process substitution, for the words."""
        if self._guess is not None:
            return UNKNOWN
        out = self._subshell(node, None)
        if node.type == "process_substitution":
            path = f"/dev/fd/{63 + len(self._files)}"
            self._files[path] = out
            return path
        return out.rstrip("\n")

    # ---- assignments

    def _assignment(self, node: Any, _stdin: str | None = None) -> str:
        name, value = self._assigned(node)
        plus = any(child.type == "+=" for child in node.children)
        certain = not plus and node.named_children[0].type == "variable_name"
        self._env[name] = value if certain else UNKNOWN
        self._values.setdefault(name, []).append(value)
        self._emit(Command((), f"{name}={value}", self._cwd, assigns=((name, value),), files=self._files))
        return ""

    def _assigned(self, node: Any) -> tuple[str, str]:
        name = text_of(node.named_children[0])
        value = self._words.whole(node.named_children[1]) if len(node.named_children) > 1 else ""
        return name.partition("[")[0], value

    def _declaration(self, node: Any, _stdin: str | None) -> str:
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._assignment(child)
            else:
                for word in self._words.split(child):
                    if "=" in word and not word.startswith("-"):
                        self._env[word.partition("=")[0]] = UNKNOWN
        return ""

    def _unset(self, node: Any, _stdin: str | None) -> str:
        for child in node.named_children:
            self._env[text_of(child)] = UNKNOWN
        return ""

    # ---- commands

    def _redirected(self, node: Any, stdin: str | None) -> str:
        """Redirects belong to the last command of what the grammar puts under them."""
        body = node.child_by_field_name("body")
        redirects = [child for child in node.named_children if child != body]
        if body is None:
            return self._around(node, stdin, redirects)
        last = body
        while last.type in ("list", "pipeline"):
            last = last.named_children[-1]
        self._hung[last.id] = redirects
        return self._visit(body, stdin)

    def _around(self, node: Any, stdin: str | None, redirects: list[Any]) -> str:
        """A compound command, or none, with redirects."""
        surround = self._redirects(redirects, stdin)
        if surround.writes or surround.reads:
            self._emit(Command((), text_of(node)[:200], self._cwd, writes=surround.writes, reads=surround.reads))
        out = "" if node.type == "redirected_statement" else self._visit(node, surround.stdin)
        return self._after(redirects, self._kept(surround, out))

    def _kept(self, surround: Surround, out: str) -> str:
        """What still flows on after the redirects; files keep what they were given."""
        for path in surround.writes:
            self._files[absolute(path, self._cwd)] = self._files[path] = out
        return "" if surround.writes else out

    def _command(self, node: Any, stdin: str | None, redirects: list[Any] | None = None) -> str:
        argv: list[str] = []
        words: list[Any] = []
        assigns: list[tuple[str, str]] = []
        inner = list(redirects or [])
        for child in node.named_children:
            if child.type == "variable_assignment":
                assigns.append(self._assigned(child))
            elif child.type.endswith("_redirect"):
                inner.append(child)
            else:
                words.append(child.children[0] if child.type == "command_name" else child)
                argv += self._words.split(words[-1])
        surround = self._redirects(inner, stdin)
        command = Command(tuple(argv), text_of(node), self._cwd, tuple(assigns), surround.writes, surround.reads, surround.stdin, self._files)  # fmt: skip
        self._emit(command)
        if self._values and any(UNKNOWN in word for word in argv):
            self._guesses(words, command)
        return self._after(inner, self._kept(surround, self._run(command)))

    def _guesses(self, words: list[Any], command: Command) -> None:
        """Where a variable may have one of several values, the command with each of them is judged as well."""
        for turn in range(min(_MOST_GUESSES, max(map(len, self._values.values())))):
            self._guess = turn
            argv = tuple(word for node in words for word in self._words.split(node))
            self._guess = None
            if argv != command.argv:
                self._emit(replace(command, argv=argv))

    def _emit(self, command: Command) -> None:
        if len(self.commands) >= _MOST_COMMANDS:
            self._fault(f"runs more than {_MOST_COMMANDS} commands")
            return
        self.commands.append(command)

    def _redirects(self, nodes: list[Any], stdin: str | None) -> Surround:
        surround = Surround(stdin=stdin)
        for node in nodes:
            if node.type == "herestring_redirect":
                surround.stdin = self._words.whole(node.named_children[-1]) + "\n"
            elif node.type == "heredoc_redirect":
                self._heredoc(node, surround)
            elif node.type == "file_redirect":
                self._file(node, surround)
        return surround

    def _file(self, node: Any, surround: Surround) -> None:
        sign = next((child.type for child in node.children if not child.is_named), "")
        path = self._words.whole(node.named_children[-1])
        if sign in (">&", "<&") and (path.isdigit() or path in ("-", "") or path.rstrip("-").isdigit()):
            return
        if sign in _WRITES and path not in _STREAMS:
            surround.writes = (*surround.writes, path)
        elif sign == "<":
            surround.reads = (*surround.reads, path)
            surround.stdin = self._files.get(path, self._files.get(absolute(path, self._cwd), UNKNOWN))

    def _heredoc(self, node: Any, surround: Surround) -> None:
        start = next((text_of(child) for child in node.named_children if child.type == "heredoc_start"), "")
        for child in node.named_children:
            if child.type == "heredoc_body":
                quoted = any(mark in start for mark in "'\"\\")
                surround.stdin = text_of(child) if quoted else self._words.heredoc(child)
            elif child.type == "file_redirect":
                self._file(child, surround)

    def _after(self, redirects: list[Any], out: str) -> str:
        """What the grammar hangs below a heredoc: the rest of its line."""
        for redirect in redirects:
            for child in redirect.named_children if redirect.type == "heredoc_redirect" else ():
                if child.type == "pipeline":
                    out = self._pipeline(child, out)
                elif child.type not in _HEREDOC_PARTS:
                    out = self._visit(child, None)
        return out

    # ---- what commands do to the shell itself

    def _run(self, command: Command) -> str:
        argv = command.argv
        while argv and argv[0] in ("command", "builtin", "exec", "noglob", "\\") and len(argv) > 1:
            argv = argv[1:]
        if not argv:
            return ""
        name = argv[0]
        if name in self._functions:
            return self._call(name, argv[1:], command.stdin)
        if name in self._aliases:
            return self._nested(" ".join([self._aliases[name], *argv[1:]]))
        act = _BUILTINS.get(name)
        if act is not None:
            return act(self, argv[1:])
        return output(argv, command.stdin, self._cwd, self._files)

    def _nested(self, text: str) -> str:
        if self._depth > _MOST_DEPTH:
            self._fault("text evaluated without end in sight")
            return UNKNOWN
        self._depth += 1
        out = self.text(text)
        self._depth -= 1
        return out

    def _cd(self, args: tuple[str, ...]) -> str:
        paths = [word for word in args if not word.startswith("-")]
        target = paths[0] if paths else "~"
        self._cwd = absolute(target, self._cwd) if known(target) and "-" not in args else UNKNOWN
        return ""

    def _eval(self, args: tuple[str, ...]) -> str:
        text = " ".join(args)
        return self._nested(text) if known(text) else UNKNOWN

    def _trap(self, args: tuple[str, ...]) -> str:
        words = [word for word in args if word != "--"]
        if len(words) > 1 and not words[0].startswith("-") and known(words[0]):
            self._nested(words[0])
        return ""

    def _alias(self, args: tuple[str, ...]) -> str:
        for word in args:
            name, equals, value = word.partition("=")
            if equals:
                self._aliases[name] = value
                self._nested(value)
        return ""

    def _reads(self, args: tuple[str, ...]) -> str:
        for word in args:
            if not word.startswith("-"):
                self._env[word] = UNKNOWN
        return ""

    def _look(self, name: str) -> str:
        if self._guess is not None and self._env.get(name, "") == UNKNOWN and name in self._values:
            return self._values[name][min(self._guess, len(self._values[name]) - 1)]
        if name in self._env:
            return self._env[name]
        if name in ("@", "*"):
            return SEVERAL.join(self._args) if self._args is not None else UNKNOWN
        if name.isdigit() and self._args is not None and name != "0":
            return self._args[int(name) - 1] if int(name) <= len(self._args) else ""
        return _INHERITED.get(name, UNKNOWN)


def _spine(node: Any, sign: str) -> list[Any]:
    """The operands of a chain `a && b && c`, left to right."""
    left, *rest = node.named_children
    chained = left.type == "list" and left.children[1].type == sign
    return [*(_spine(left, sign) if chained else [left]), *rest]


_Act: TypeAlias = Callable[[Walk, Any, str | None], str]
_ACTS: dict[str, _Act] = {
    "list": Walk._list,
    "pipeline": Walk._pipeline,
    "command": Walk._command,
    "redirected_statement": Walk._redirected,
    "subshell": Walk._subshell,
    "if_statement": Walk._branch,
    "while_statement": Walk._loop,
    "c_style_for_statement": Walk._loop,
    "for_statement": Walk._for,
    "case_statement": Walk._case,
    "function_definition": Walk._function,
    "variable_assignment": Walk._assignment,
    "declaration_command": Walk._declaration,
    "unset_command": Walk._unset,
}
_BUILTINS: dict[str, Callable[[Walk, tuple[str, ...]], str]] = {
    "cd": Walk._cd,
    "pushd": Walk._cd,
    "popd": Walk._cd,
    "eval": Walk._eval,
    "trap": Walk._trap,
    "alias": Walk._alias,
    "read": Walk._reads,
    "mapfile": Walk._reads,
    "readarray": Walk._reads,
    "getopts": Walk._reads,
    "let": Walk._reads,
}
