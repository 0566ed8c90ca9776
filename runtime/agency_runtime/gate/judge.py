"""Judges shell commands: rules, places, targets and effects of every simple command, and of all that it carries."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agency_runtime.gate import interpreters
from agency_runtime.gate.carriers import Inside, inside
from agency_runtime.gate.decision import Kind, Segment, Verdict, gravest
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.modes import NEVER_ASKS, TABLE, WRITES_NOTHING, Mode
from agency_runtime.gate.patterns import glob_reaches
from agency_runtime.gate.places import HOSTILE, absolute, place, wiped
from agency_runtime.gate.programs import classify
from agency_runtime.gate.recipes import Reader, recipe
from agency_runtime.gate.rules import Rules
from agency_runtime.gate.targets import VARIABLES, Target
from agency_runtime.gate.walk import Command, Script, read_script
from agency_runtime.gate.words import FETCHED, UNKNOWN, known, readable

_MOST_NESTING = 8
_SCRIPT_CHARACTERS = 100_000
SAFE_VARIABLES = frozenset({
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "NO_COLOR", "FORCE_COLOR", "CI", "DEBUG", "VERBOSE", "NODE_ENV", "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "RUST_BACKTRACE", "RUST_LOG", "GOFLAGS", "GOOS", "GOARCH", "CGO_ENABLED", "COLUMNS",
    "TF_IN_AUTOMATION", "TF_INPUT", "TF_LOG", "CHECKPOINT_DISABLE", "PYTEST_ADDOPTS", "DOCKER_BUILDKIT", "COMPOSE_PROJECT_NAME",
    "GIT_PAGER", "PAGER", "AWS_PAGER", "MAKEFLAGS", "CLICOLOR", "HOME", "TMPDIR",
}) - {"GOFLAGS", "GIT_PAGER", "PAGER", "AWS_PAGER", "PYTEST_ADDOPTS", "MAKEFLAGS", "HOME"}  # fmt: skip
"""Assignments an allow rule may be read without; others can change what the command does."""
HIJACKING = frozenset({"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "BASH_ENV", "ENV", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS",
                       "PYTHONSTARTUP", "PYTHONPATH", "PERL5OPT", "PERL5LIB", "RUBYOPT", "NODE_OPTIONS", "GIT_SSH", "GIT_SSH_COMMAND",
                       "GIT_EXTERNAL_DIFF", "GIT_PAGER", "PAGER", "EDITOR", "VISUAL", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_ASKPASS",
                       "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_DIR", "GIT_EXEC_PATH", "IFS", "KUBECTL_EXTERNAL_DIFF", "HELM_PLUGINS",
                       "TF_CLI_ARGS", "TF_CLI_ARGS_apply", "TF_CLI_ARGS_plan", "LESSOPEN", "LESSCLOSE", "MANPAGER", "BROWSER", "PS4"})  # fmt: skip
"""Variables that make a harmless program run another; `PATH` only ever lengthens in earnest work."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One finding on a command; `firm` findings are not lifted by an allow rule."""

    verdict: Verdict
    rule: str
    firm: bool = True


@dataclass(kw_only=True)
class Judge:
    """Judges one Bash call after another; keeps nothing between them."""

    mode: Mode
    rules: Rules
    target: Target | None
    root: str
    read: Reader | None = None
    _seen: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])

    def script(self, text: str, cwd: str) -> list[Segment]:
        """Every segment of a shell text, those of all it carries included."""
        self._seen.clear()
        return list(self._segments(read_script(text, cwd=cwd), text, 0, False))

    def _segments(self, script: Script, text: str, depth: int, covered: bool) -> Iterator[Segment]:
        for fault in script.faults:
            yield self._doubt(text, fault)
        if depth > _MOST_NESTING:
            yield self._doubt(text, "nested too deeply to be judged")
            return
        for command in script.commands:
            yield from self._command(command, depth, covered)

    def _command(self, command: Command, depth: int, covered: bool) -> Iterator[Segment]:
        effect = self._effect(command)
        segment, allowed = self._judged(command, effect, covered)
        yield segment
        carried = inside(command) if command.argv else None
        if carried is not None:
            yield from self._carried(command, carried, depth, covered or allowed)
        ran = recipe(command.argv, command.cwd, self._text) if command.argv else None
        if ran is not None:
            yield from self._recipe(command, ran.text, ran.missing, depth, covered or allowed)

    def _text(self, path: str) -> str | None:
        return self.read(absolute(path, self.root)) if self.read else None

    # ---- what is inside

    def _carried(self, command: Command, carried: Inside, depth: int, covered: bool) -> Iterator[Segment]:
        if carried.refusal:
            yield Segment(command=readable(command.text), kind="unknown", verdict="deny", rule=carried.refusal)
        if carried.doubt:
            yield self._doubt(command.text, carried.doubt)
        for argv in carried.commands:
            inner = Command(argv, readable(" ".join(argv)), command.cwd, (), (), (), command.stdin, command.files)
            yield from self._deeper(inner, depth, covered)
        for text in carried.scripts:
            script = read_script(text, cwd=command.cwd, files=command.files)
            yield from self._segments(script, readable(text), depth + 1, covered)
        for path in carried.files:
            yield from self._file(command, path, depth, covered)

    def _deeper(self, command: Command, depth: int, covered: bool) -> Iterator[Segment]:
        if depth >= _MOST_NESTING:
            yield self._doubt(command.text, "nested too deeply to be judged")
            return
        yield from self._command(command, depth + 1, covered)

    def _file(self, command: Command, path: str, depth: int, covered: bool) -> Iterator[Segment]:
        place_ = absolute(path, command.cwd)
        text = command.files.get(place_, command.files.get(path))
        if text is None and known(path):
            text = self._text(place_)
        if text is not None and FETCHED in text:
            yield Segment(
                command=readable(command.text),
                kind="unknown",
                verdict="deny",
                rule="runs what it fetches from the network",
            )
        elif text is None:
            yield self._doubt(command.text, f"runs {readable(path)}, which cannot be read before it runs")
        else:
            script = read_script(text, cwd=command.cwd, files=command.files, most=_SCRIPT_CHARACTERS)
            yield from self._segments(script, f"{readable(path)}", depth + 1, covered)

    def _recipe(self, command: Command, text: str, missing: str, depth: int, covered: bool) -> Iterator[Segment]:
        if missing:
            if not covered:
                yield self._doubt(command.text, f"its recipe cannot be read: no {readable(missing)}")
            return
        script = read_script(text, cwd=command.cwd, most=_SCRIPT_CHARACTERS)
        yield from self._segments(script, f"recipe of {command.text}", depth + 1, covered)

    # ---- one command

    def _doubt(self, text: str, why: str) -> Segment:
        found = interpreters.searched(text)
        if found and found[0]:
            return Segment(command=_short(text), kind="change", verdict="deny", rule=f"{why}, and names {found[1]!r}")
        return Segment(command=_short(text), kind="unknown", verdict=self._final("ask", "unknown"), rule=why)

    def _effect(self, command: Command) -> Effect:
        if not command.argv:
            return Effect("read", "sets a variable" if command.assigns else "redirects")
        name = command.argv[0]
        if not known(name) or any(sign in name for sign in "*?") or (name.startswith("[") and name not in ("[", "[[")):
            fetched = FETCHED in name
            return Effect("unknown", "the program's name is not known before it runs", refused=fetched)
        if not name.strip():
            return Effect("read", "runs nothing")
        carried = inside(command)
        program = command.program
        if program in interpreters.INTERPRETERS:
            return self._interpreted(command)
        if program == "find":
            return _find(command.argv)
        effect = classify(command.argv)
        if carried is not None and effect.kind == "local" and not effect.writes and carried.kind != "local":
            return Effect(carried.kind, f"{program} runs what it is given")
        return (
            effect
            if carried is None or carried.kind == "read"
            else Effect(
                gravest((effect.kind, carried.kind)),
                effect.why,
                effect.refused,
                pins=effect.pins,
                writes=effect.writes,
                wipes=effect.wipes,
            )
        )

    def _interpreted(self, command: Command) -> Effect:
        texts = [*command.argv[1:], command.stdin or ""]
        files = [word for word in command.argv[1:] if not word.startswith("-")][:1]
        texts += [
            text
            for path in files
            if known(path) and (text := command.files.get(path) or self._text(absolute(path, command.cwd)))
        ]
        text = "\n".join(texts)
        if FETCHED in text:
            return Effect("unknown", "runs what it fetches from the network", refused=True)
        if command.argv[1:] in (("--version",), ("-V",), ("--help",)) or (
            command.program in ("awk", "gawk", "mawk") and ">" not in text and "system" not in text and "|" not in text
        ):
            return Effect("read", f"{command.program} only reads")
        found = interpreters.searched(text)
        if found:
            return Effect("change", f"{command.program} names {found[1]!r}", refused=found[0], critical=not found[0])
        writes = (
            tuple(
                word
                for word in interpreters.quoted(text)
                if known(word) and place(absolute(word, command.cwd), self.root) == "protected"
            )
            if interpreters.writes(text)
            else ()
        )
        return Effect("local", f"{command.program} runs a program of its own", writes=writes)

    def _judged(self, command: Command, effect: Effect, covered: bool) -> tuple[Segment, bool]:
        findings = list(self._findings(command, effect))
        kind: Kind = "destroy" if any(self._wipe(command, path) for path in effect.wipes) else effect.kind
        if command.writes and kind in ("read", "plan"):
            kind = "local"
        allow = None
        if not any(found.firm and found.verdict != "allow" for found in findings):
            allow = self.rules.first("Bash", "allow", _allow_texts(command)) if self.rules.allow else None
        verdict, rule = self._settle(findings, kind, effect, allow.text if allow else None, covered)
        shown = readable(command.text)
        firm = any(found.firm and found.verdict != "allow" for found in findings)
        permit = "" if firm or not command.argv else f"Bash({readable(' '.join(command.argv))})"
        return Segment(
            command=shown, kind=kind, verdict=self._final(verdict, kind), rule=rule, permit=permit
        ), allow is not None

    def _settle(
        self, findings: Sequence[_Found], kind: Kind, effect: Effect, allow: str | None, covered: bool
    ) -> tuple[Verdict, str]:
        for verdict in ("deny", "ask"):
            for found in findings:
                if found.verdict == verdict and (found.firm or allow is None):
                    return found.verdict, found.rule
        if allow is not None and not (self.mode in WRITES_NOTHING and kind not in ("read", "plan")):
            return "allow", allow
        if covered and kind in ("read", "plan", "local") and self.mode not in WRITES_NOTHING:
            return "allow", f"{effect.why}, inside a command that a rule allows"
        return TABLE[self.mode][kind], f"{effect.why} (class {kind}, mode {self.mode})"

    def _final(self, verdict: Verdict, kind: Kind) -> Verdict:
        if verdict == "ask" and (
            self.mode in NEVER_ASKS or (self.mode in WRITES_NOTHING and kind not in ("read", "plan"))
        ):
            return "deny"
        return verdict

    def _findings(self, command: Command, effect: Effect) -> Iterator[_Found]:
        texts = _deny_texts(command)
        for which, verdict in (("deny", "deny"), ("ask", "ask")):
            rule = self.rules.first("Bash", which, texts) if texts else None
            if rule is not None:
                yield _Found(verdict, rule.text)  # type: ignore[arg-type]
        if effect.refused:
            yield _Found("deny", effect.why)
        if effect.critical:
            yield _Found("ask", effect.why)
        yield from self._target(command, effect)
        yield from self._words(command)
        yield from self._assigned(command)
        yield from self._writes(command, effect)

    def _target(self, command: Command, effect: Effect) -> Iterator[_Found]:
        if self.target is None:
            return
        for name, value in effect.pins:
            why = self.target.differs(name, value)
            if why:
                yield _Found("deny", why)
        for variable, value in (*command.assigns, *_env_assigns(command)):
            if variable in VARIABLES:
                why = self.target.differs(VARIABLES[variable], value)
                if why:
                    yield _Found("deny", why)
        if self.target.protected and effect.kind in ("change", "destroy"):
            yield _Found("ask", f"target {self.target.name!r} is protected: a person decides every change")

    def _words(self, command: Command) -> Iterator[_Found]:
        for word in (*command.argv, *command.reads, *command.writes):
            hostile = HOSTILE.search(word)
            if hostile:
                yield _Found("deny", f"reaches for {hostile[0]}, which gives away the machine or its credentials")
        if self.rules.about("Read", "deny") or self.rules.about("Read", "ask"):
            for word in (*command.argv[1:], *command.reads):
                yield from self._guarded_read(word, command)

    def _guarded_read(self, word: str, command: Command) -> Iterator[_Found]:
        parts = {word, word.partition("=")[2], word.lstrip("@<"), *interpreters.quoted(word)} - {""}
        for which, verdict in (("deny", "deny"), ("ask", "ask")):
            rule = self.rules.first("Read", which, [absolute(part, command.cwd) for part in parts])
            if rule is None and any(sign in word for sign in "*?["):
                rule = next(
                    (rule for rule in self.rules.about("Read", which) if rule.spec and glob_reaches(word, rule.spec)),
                    None,
                )
            if rule is not None:
                yield _Found(verdict, rule.text)  # type: ignore[arg-type]

    def _assigned(self, command: Command) -> Iterator[_Found]:
        for variable, value in (*command.assigns, *_env_assigns(command)):
            if (
                variable in HIJACKING
                and not (variable == "PATH" and "$PATH" in command.text)
                and not (variable == "IFS" and not command.argv)
                and value not in ("cat", "", "true")
            ):
                yield _Found("ask", f"sets {variable}, which changes what programs run", firm=False)

    # ---- what it writes

    def _writes(self, command: Command, effect: Effect) -> Iterator[_Found]:
        for path in effect.wipes:
            found = self._wipe(command, path)
            if found:
                yield _Found(found[0], f"{effect.why}: {found[1]}")
        for path in effect.writes:
            yield from self.write(absolute(path, command.cwd))
        for path in command.writes:
            yield from self.write(absolute(path, command.cwd))

    def _wipe(self, command: Command, path: str) -> tuple[Verdict, str] | None:
        where = absolute(path, command.cwd)
        return _moved(where, self.root) if command.program == "mv" else wiped(where, self.root)

    def write(self, path: str) -> Iterator[_Found]:
        """What the rules and the places say of writing a path."""
        for which, verdict in (("deny", "deny"), ("ask", "ask")):
            rule = self.rules.first("Edit", which, [path])
            if rule is None and any(sign in path for sign in "*?["):
                rule = next(
                    (
                        rule
                        for rule in self.rules.about("Edit", which)
                        if rule.spec and (glob_reaches(path, rule.spec) or fnmatch.fnmatch(rule.spec, path))
                    ),
                    None,
                )
            if rule is not None:
                yield _Found(verdict, rule.text)  # type: ignore[arg-type]
        where = place(path, self.root)
        if where == "system":
            yield _Found("deny", f"writes to the device {path}")
        elif where == "protected":
            yield _Found("ask", f"writes the protected path {path}")
        elif where == "unknown":
            yield _Found("ask", "writes a path that is not known before it runs", firm=False)
        elif where == "outside" and self.rules.first("Edit", "allow", [path]) is None:
            yield _Found("ask", f"writes {path}, outside the workspace", firm=False)


def _moved(path: str, root: str) -> tuple[Verdict, str] | None:
    return (
        wiped(path, root)
        if path == root or place(path, root) in ("protected", "system") or path in ("/", "~")
        else None
    )


def _find(argv: Sequence[str]) -> Effect:
    starts = tuple(
        argv[1 : next((at for at, word in enumerate(argv) if at and word[:1] in ("-", "(", "!")), len(argv))]
    ) or (".",)
    if "-delete" in argv:
        filtered = any(
            word in ("-name", "-iname", "-path", "-ipath", "-regex", "-mtime", "-mmin", "-size", "-empty", "-newer")
            for word in argv
        )
        return Effect(
            "local",
            "find -delete",
            writes=starts if not filtered else (),
            wipes=() if filtered and place(absolute(starts[0], "/workspace"), "/workspace") == "inside" else starts,
        )
    written = tuple(
        argv[at + 1] for at, word in enumerate(argv[:-1]) if word in ("-fprint", "-fprintf", "-fls", "-fprint0")
    )
    return Effect("local" if written else "read", "find writes" if written else "find only reads", writes=written)


def _env_assigns(command: Command) -> list[tuple[str, str]]:
    if command.program not in ("env", "sudo", "export", "declare"):
        return []
    pairs = [word.partition("=") for word in command.argv[1:] if "=" in word and not word.startswith("-")]
    return [(name, value) for name, _, value in pairs if name.isidentifier()]


def _allow_texts(command: Command) -> list[str]:
    if not command.argv or any(name not in SAFE_VARIABLES for name, _ in command.assigns):
        return []
    return [" ".join(command.argv)]


def _deny_texts(command: Command) -> list[str]:
    if not command.argv:
        return [command.text] if command.text else []
    plain = " ".join(command.argv)
    based = " ".join((command.program, *command.argv[1:]))
    moved = " ".join((command.program, *_verbs_first(command.argv[1:])))
    return list(dict.fromkeys((plain, based, moved, command.text)))


def _verbs_first(args: Sequence[str]) -> list[str]:
    """Options after words, so that a rule on a verb also meets it behind global options."""
    words = [word for word in args if not word.startswith("-")]
    return [*words, *(word for word in args if word.startswith("-"))]


def _short(text: str) -> str:
    return readable(text if len(text) <= 300 else text[:300] + "…")


def merged(segments: Mapping[str, Segment]) -> list[Segment]:
    """The segments in order, without their keys."""
    return list(segments.values())


assert UNKNOWN
