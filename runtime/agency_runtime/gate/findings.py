"""What rules, places and target say of one command, beyond its class."""

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agency_runtime.gate import interpreters
from agency_runtime.gate.command import Command
from agency_runtime.gate.decision import Verdict
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.patterns import glob_reaches
from agency_runtime.gate.places import HOSTILE, absolute, place, wiped
from agency_runtime.gate.redirects import STREAMS
from agency_runtime.gate.rules import Rule, Rules
from agency_runtime.gate.targets import HARMLESS, HIJACKING, Aims, Field, aimed_by
from agency_tools.target import Target

_BEFORE_ALLOW: tuple[Verdict, ...] = ("deny", "ask")


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to ask or deny; a firm one is not lifted by an allow rule."""

    verdict: Verdict
    rule: str
    firm: bool = True


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Looks for reasons to ask or deny."""

    rules: Rules
    aims: Aims
    root: str

    def of(self, command: Command, effect: Effect) -> Iterator[Finding]:
        """Everything that speaks against the command."""
        yield from self._ruled("Bash", texts(command))
        if effect.refused:
            yield Finding("deny", effect.why)
        if effect.critical:
            yield Finding("ask", effect.why)
        yield from self.targeted(effect, command.assigned)
        yield from self._words(command)
        yield from _hijacked(command)
        yield from self._written(command, effect)

    def _ruled(self, tool: str, forms: Sequence[str]) -> Iterator[Finding]:
        for verdict in _BEFORE_ALLOW:
            rule = self.rules.first(tool, verdict, forms) if forms else None
            if rule is not None:
                yield Finding(verdict, rule.text)

    def targeted(
        self, effect: Effect, assigned: Iterable[tuple[str, str]] = (), only: Target | None = None
    ) -> Iterator[Finding]:
        """Whether the command leaves the pinned targets, or the `only` one that it names, or changes a protected one."""
        pins: list[tuple[Field, str]] = [
            *effect.pins,
            *((field, value) for name, value in assigned if (field := aimed_by(name))),
        ]
        why = self.aims.astray(pins, only)
        if why:
            yield Finding("deny", why)
        protected = next((target for target in ([only] if only else self.aims.targets) if target.protected), None)
        if protected and effect.kind in ("change", "destroy"):
            yield Finding("ask", f"target {protected.name!r} is protected: a person decides every change")

    # ---- what it reads

    def _words(self, command: Command) -> Iterator[Finding]:
        for word in (*command.argv, *command.reads, *command.writes):
            hostile = HOSTILE.search(word)
            if hostile:
                yield Finding("deny", f"reaches for {hostile[0]}, which gives away the machine or its credentials")
        if self.rules.about("Read", "deny") or self.rules.about("Read", "ask"):
            for word in (*command.argv[1:], *command.reads):
                yield from self._read(word, command.cwd)

    def _read(self, word: str, cwd: str) -> Iterator[Finding]:
        parts = {word, word.partition("=")[2], word.lstrip("@<"), *interpreters.quoted(word)} - {""}
        paths = [absolute(part, cwd) for part in parts]
        for verdict in _BEFORE_ALLOW:
            rule = self.rules.first("Read", verdict, paths) or self._globbed("Read", verdict, word)
            if rule is not None:
                yield Finding(verdict, rule.text)

    def _globbed(self, tool: str, verdict: Verdict, word: str) -> Rule | None:
        """A rule on a plain name that a shell glob could expand to."""
        if not any(sign in word for sign in "*?["):
            return None
        specs = [(rule, rule.spec) for rule in self.rules.about(tool, verdict) if rule.spec]
        return next((rule for rule, spec in specs if glob_reaches(word, spec) or fnmatch.fnmatch(spec, word)), None)

    # ---- what it writes

    def _written(self, command: Command, effect: Effect) -> Iterator[Finding]:
        for path in effect.wipes:
            found = self.wipe(command, path)
            if found:
                yield Finding(found[0], f"{effect.why}: {found[1]}")
        for path in (*effect.writes, *command.writes):
            yield from self.write(absolute(path, command.cwd))

    def wipe(self, command: Command, path: str) -> tuple[Verdict, str] | None:
        """What would be lost beyond repair, if anything."""
        where = absolute(path, command.cwd)
        if command.program != "mv":
            return wiped(where, self.root)
        guarded = where in (self.root, "/", "~") or place(where, self.root) in ("protected", "system")
        return wiped(where, self.root) if guarded else None

    def write(self, path: str) -> Iterator[Finding]:
        """What rules and places say of writing an absolute path; a stream such as /dev/null keeps nothing."""
        if path in STREAMS:
            return
        for verdict in _BEFORE_ALLOW:
            rule = self.rules.first("Edit", verdict, [path]) or self._globbed("Edit", verdict, path)
            if rule is not None:
                yield Finding(verdict, rule.text)
        where = place(path, self.root)
        if where == "system":
            yield Finding("deny", f"writes to the device {path}")
        elif where == "protected":
            yield Finding("ask", f"writes the protected path {path}")
        elif where == "unknown":
            yield Finding("ask", "writes a path that is not known before it runs", firm=False)
        elif where == "outside" and self.rules.first("Edit", "allow", [path]) is None:
            yield Finding("ask", f"writes {path}, outside the workspace", firm=False)


def _hijacked(command: Command) -> Iterator[Finding]:
    for name, value in command.assigned:
        lengthens = name == "PATH" and "$PATH" in command.text
        splits = name == "IFS" and not command.argv
        if name in HIJACKING and not lengthens and not splits and value not in HARMLESS:
            yield Finding("ask", f"sets {name}, which changes what programs run", firm=False)


def texts(command: Command) -> list[str]:
    """Every form in which a deny or ask rule may meet the command: as written, unquoted, without folder, verb first."""
    if not command.argv:
        return [command.text] if command.text else []
    program, args = command.program, command.argv[1:]
    words = [word for word in args if not word.startswith("-")]
    options = [word for word in args if word.startswith("-")]
    forms = [command.argv, (program, *args), (program, *words, *options), *((program, *rest) for rest in _later(args))]
    return list(dict.fromkeys([*(" ".join(form) for form in forms), command.text]))


def _later(args: Sequence[str]) -> Iterator[Sequence[str]]:
    """The arguments behind global options, whether those take a value or not."""
    at = 0
    while at < len(args) and (args[at].startswith("-") or (at and args[at - 1].startswith("-"))):
        at += 1
        yield args[at:]
