"""Every simple command that a shell text could run, found by walking its syntax tree.

Variables, functions, aliases, the working folder and files written on the way are followed as far as they are
certain; what is not certain is marked, and never guessed to be harmless.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agency_runtime.gate.builtins import Builtins
from agency_runtime.gate.command import Command, Script
from agency_runtime.gate.copies import after
from agency_runtime.gate.files import Files
from agency_runtime.gate.output import output
from agency_runtime.gate.redirects import Surround, surround
from agency_runtime.gate.shell import MOST_CHARACTERS, parse, text_of, unfit
from agency_runtime.gate.targets import HIJACKING, aimed_by
from agency_runtime.gate.variables import Variables
from agency_runtime.gate.words import SEVERAL, TOKEN, UNKNOWN, Words

UNKNOWN_TEXT = "a shell text that is not known before it runs"
_MOST_DEPTH = 12
_MOST_COMMANDS = 400
_MOST_TURNS = 8
_MOST_GUESSES = 4
_HEREDOC_PARTS = {"heredoc_start", "heredoc_body", "heredoc_end", "file_redirect", "file_descriptor"}


def read_script(
    text: str, *, cwd: str, files: Files | None = None, most: int = MOST_CHARACTERS, args: Sequence[str] | None = None
) -> Script:
    """The commands of a shell text; whatever the text, an answer. args: `$0` and what follows it, where they are known."""
    fault = UNKNOWN_TEXT if UNKNOWN in text else unfit(text.replace(TOKEN, "x"), most=most)
    if fault and len(text) > 4 * most:
        return Script((), (fault,))
    walk = Walk(cwd, files or Files())
    walk.variables.called(args)
    try:
        walk.text(text)
    except RecursionError:
        walk.fault("nested too deeply to be judged")
    return Script(tuple(walk.commands), tuple([fault, *walk.faults] if fault else walk.faults))


class Walk:
    """One pass over one shell text. Visiting a node answers what it prints, as far as that is known."""

    def __init__(self, cwd: str, files: Files) -> None:
        self.commands: list[Command] = []
        self.faults: list[str] = []
        self.cwd = cwd
        self.variables = Variables()
        self._files = files
        self._functions: dict[str, Any] = {}
        self._called: set[str] = set()
        self._hung: dict[int, list[Any]] = {}
        self._depth = 0
        self._words = Words(self.variables.look, self._substitute, self.variables.offer)
        self._builtins = Builtins(self)
        self._acts: dict[str, Callable[[Any, str | None], str]] = {
            "list": self._list, "pipeline": self._pipeline, "command": self._command, "redirected_statement": self._redirected,
            "subshell": self._subshell, "if_statement": self._branch, "while_statement": self._loop,
            "c_style_for_statement": self._loop, "for_statement": self._for, "case_statement": self._case,
            "function_definition": self._function, "variable_assignment": self._assignment,
            "declaration_command": self._declaration, "unset_command": self._unset,
        }  # fmt: skip

    def fault(self, fault: str) -> None:
        """The text as a whole is uncertain, and why."""
        if fault not in self.faults:
            self.faults.append(fault)

    def text(self, text: str) -> str:
        """Walk a whole text."""
        root = parse(text)
        if root.has_error:
            self.fault("cannot be parsed for certain")
        out = self._visit(root, None)
        if self._depth == 0:
            self._uncalled()
        return out

    def nested(self, text: str) -> str:
        """Walk a text that the shell runs in itself: eval, trap, an alias."""
        if self._depth > _MOST_DEPTH:
            self.fault("text evaluated without end in sight")
            return UNKNOWN
        self._depth += 1
        out = self.text(text)
        self._depth -= 1
        return out

    def _visit(self, node: Any, stdin: str | None) -> str:
        redirects = self._hung.pop(node.id, None) if self._hung else None
        if redirects is not None:
            command = node.type == "command"
            return self._command(node, stdin, redirects) if command else self._around(node, stdin, redirects)
        act = self._acts.get(node.type)
        return act(node, stdin) if act is not None else self._sequence(node.named_children, stdin)

    def _sequence(self, nodes: list[Any], stdin: str | None) -> str:
        return "".join([self._visit(node, stdin) for node in nodes])

    # ---- what may or may not run

    def _maybe(self, nodes: list[Any], stdin: str | None) -> str:
        before, cwd = self.variables.snapshot(), self.cwd
        self._sequence(nodes, stdin)
        self.variables.keep_certain(before)
        self.cwd = cwd if cwd == self.cwd else UNKNOWN
        return UNKNOWN

    def _list(self, node: Any, stdin: str | None) -> str:
        sign = node.children[1].type
        first, *rest = _spine(node, sign)
        out = self._visit(first, stdin)
        if sign != "&&":
            return out + self._alternative(rest, stdin)
        before = self.variables.snapshot()
        out += self._sequence(rest, stdin)
        if first.type not in ("variable_assignment", "variable_assignments"):
            self.variables.keep_certain(before)
        return out

    def _alternative(self, nodes: list[Any], stdin: str | None) -> str:
        """The right of `||`: it runs when the left failed, so the folder stays what success made it."""
        cwd = self.cwd
        self._maybe(nodes, stdin)
        self.cwd = cwd
        return UNKNOWN

    def _branch(self, node: Any, stdin: str | None) -> str:
        return self._maybe(node.named_children, stdin)

    def _loop(self, node: Any, stdin: str | None) -> str:
        self._forget(node)
        return self._maybe(node.named_children, stdin)

    def _for(self, node: Any, stdin: str | None) -> str:
        self._forget(node)
        name = text_of(node.named_children[0])
        values = [word for item in node.named_children[1:-1] for word in self._words.split(item)]
        few = values and len(values) <= _MOST_TURNS and node.children[0].type == "for"
        for value in values if few else [UNKNOWN]:
            self.set(name, value)
            self._maybe([node.named_children[-1]], stdin)
        self.variables.doubt(name)
        return UNKNOWN

    def _forget(self, node: Any) -> None:
        """What a loop or a function assigns anywhere is uncertain everywhere in it."""
        for child in node.named_children:
            if child.type == "variable_assignment":
                self.variables.doubt(text_of(child.named_children[0]))
            self._forget(child)

    def _case(self, node: Any, stdin: str | None) -> str:
        self._words.whole(node.named_children[0])
        for item in node.named_children[1:]:
            closing = next((at for at, child in enumerate(item.children) if child.type == ")"), 0)
            self._maybe([child for child in item.children[closing + 1 :] if child.is_named], stdin)
        return UNKNOWN

    # ---- functions, subshells, pipelines

    def _function(self, node: Any, _stdin: str | None) -> str:
        self._forget(node)
        self._functions[text_of(node.named_children[0])] = node.named_children[-1]
        return ""

    def _uncalled(self) -> None:
        for name in [name for name in self._functions if name not in self._called]:
            self._call(name, None)

    def _call(self, name: str, args: tuple[str, ...] | None, stdin: str | None = None) -> str:
        if self._depth > _MOST_DEPTH:
            self.fault(f"function {name!r} calls itself without end in sight")
            return UNKNOWN
        before, self.variables.args = self.variables.args, args
        self._called.add(name)
        self._depth += 1
        out = self._visit(self._functions[name], stdin)
        self._depth -= 1
        self.variables.args = before
        return out

    def _subshell(self, node: Any, stdin: str | None) -> str:
        before, cwd = self.variables.snapshot(), self.cwd
        out = self._sequence(node.named_children, stdin)
        self.variables.restore(before)
        self.cwd = cwd
        return out

    def _pipeline(self, node: Any, stdin: str | None) -> str:
        before, cwd = self.variables.snapshot(), self.cwd
        out = stdin or ""
        for at, part in enumerate(node.named_children):
            out = self._visit(part, out if at else stdin)
        self.variables.restore(before)
        self.cwd = cwd
        return out

    def _substitute(self, node: Any) -> str:
        """Command and process substitution, for the words."""
        if self.variables.guess is not None:
            return UNKNOWN
        out = self._subshell(node, None)
        if node.type == "process_substitution":
            path = f"/dev/fd/{63 + len(self._files.written)}"
            self._files = self._files.after(path, self.cwd, out)
            return path
        return out.rstrip("\n")

    # ---- assignments

    def _assignment(self, node: Any, _stdin: str | None = None) -> str:
        name, value = self._assigned(node)
        plus = any(child.type == "+=" for child in node.children)
        if plus or node.named_children[0].type != "variable_name":
            self.variables.doubt(name, value)
        else:
            self.variables.set(name, value)
        self._emit(Command((), text_of(node), self.cwd, assigns=((name, value),), files=self._files))
        return ""

    def _assigned(self, node: Any) -> tuple[str, str]:
        name = text_of(node.named_children[0])
        given = node.named_children[1] if len(node.named_children) > 1 else None
        if given is not None and given.type == "array":
            return name, SEVERAL.join(word for item in given.named_children for word in self._words.split(item))
        return name.partition("[")[0], self._words.whole(given) if given is not None else ""

    def set(self, name: str, value: str) -> None:
        """A variable gets a value without an assignment of its own; one that others heed shows as a command."""
        self.variables.set(name, value)
        if aimed_by(name) or name in HIJACKING:
            self._emit(Command((), f"{name}={value}", self.cwd, assigns=((name, value),), files=self._files))

    def _declaration(self, node: Any, _stdin: str | None) -> str:
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._assignment(child)
                continue
            for word in self._words.split(child):
                if "=" in word and not word.startswith("-"):
                    self.variables.doubt(*word.split("=", 1))
        return ""

    def _unset(self, node: Any, _stdin: str | None) -> str:
        for child in node.named_children:
            name = text_of(child)
            self.variables.doubt(name)
            if aimed_by(name):
                self._emit(Command((), text_of(node), self.cwd, assigns=((name, ""),), files=self._files))
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
        found = surround(redirects, stdin, self._words, self._look)
        if found.writes or found.reads:
            self._emit(Command((), text_of(node)[:200], self.cwd, writes=found.writes, reads=found.reads))
        bare = node.type == "redirected_statement" and node.child_by_field_name("body") is None
        out = "" if bare else self._visit(node, found.stdin)
        return self._after(redirects, self._kept(found, out))

    def _look(self, path: str) -> str | None:
        return self._files.text(path, self.cwd)

    def _kept(self, found: Surround, out: str) -> str:
        """What still flows on after the redirects; files keep what they were given."""
        for path in found.writes:
            self._files = self._files.after(path, self.cwd, out)
        return "" if found.writes else out

    def _after(self, redirects: list[Any], out: str) -> str:
        """What the grammar hangs below a heredoc: the rest of its line."""
        for redirect in redirects:
            for child in redirect.named_children if redirect.type == "heredoc_redirect" else ():
                if child.type == "pipeline":
                    out = self._pipeline(child, out)
                elif child.type not in _HEREDOC_PARTS:
                    out = self._visit(child, None)
        return out

    def _command(self, node: Any, stdin: str | None, redirects: list[Any] | None = None) -> str:
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
        argv = self._argv(words)
        found = surround(inner, stdin, self._words, self._look)
        command = Command(
            argv, text_of(node), self.cwd, tuple(assigns), found.writes, found.reads, found.stdin, self._files
        )
        self._emit(command)
        if self.variables.guesses and any(UNKNOWN in word for word in argv):
            self._guesses(words, command)
        return self._after(inner, self._kept(found, self._run(command)))

    def _argv(self, words: list[Any]) -> tuple[str, ...]:
        return tuple(word for node in words for word in self._words.split(node))

    def _guesses(self, words: list[Any], command: Command) -> None:
        """Where a variable may have one of several values, the command with each of them is judged as well."""
        for turn in range(min(_MOST_GUESSES, self.variables.guesses)):
            self.variables.guess = turn
            argv = self._argv(words)
            self.variables.guess = None
            if argv != command.argv:
                self._emit(replace(command, argv=argv))
                if argv[:1] == ("eval",):
                    self.nested(" ".join(argv[1:]))

    def _emit(self, command: Command) -> None:
        if len(self.commands) < _MOST_COMMANDS:
            self.commands.append(command)
        else:
            self.fault(f"runs more than {_MOST_COMMANDS} commands")

    def _run(self, command: Command) -> str:
        """What a command does to the shell itself, and what it prints."""
        argv = command.argv
        while len(argv) > 1 and argv[0] in ("command", "builtin", "exec", "noglob"):
            argv = argv[1:]
        if not argv:
            return ""
        if argv[0] in self._functions:
            return self._call(argv[0], argv[1:], command.stdin)
        self._files = after(argv, command.stdin, self.cwd, self._files)
        changed = self._builtins.run(argv, command.stdin)
        return output(argv, command.stdin, self.cwd, self._files) if changed is None else changed


def _spine(node: Any, sign: str) -> list[Any]:
    """The operands of a chain `a && b && c`, left to right."""
    left, *rest = node.named_children
    chained = left.type == "list" and left.children[1].type == sign
    return [*(_spine(left, sign) if chained else [left]), *rest]
