"""Judges shell commands: every simple command of a text, and of all the texts and commands it carries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agency_runtime.gate import interpreters
from agency_runtime.gate.carriers import Inside, inside
from agency_runtime.gate.checks import only_checks
from agency_runtime.gate.command import Command, Script
from agency_runtime.gate.decision import Kind, Segment, Verdict, sentence
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.effects import effect
from agency_runtime.gate.files import STDIN, Files, Reader
from agency_runtime.gate.findings import Finding, Findings
from agency_runtime.gate.modes import TABLE, WRITES_NOTHING, Mode, lifts, settled
from agency_runtime.gate.places import absolute, place
from agency_runtime.gate.recipes import recipe
from agency_runtime.gate.rules import Rules
from agency_runtime.gate.targets import HARMLESS, HIJACKING
from agency_runtime.gate.walk import read_script
from agency_runtime.gate.words import FETCHED, UNKNOWN, readable

_MOST_NESTING = 8
_SCRIPT_CHARACTERS = 100_000
_SHOWN = 300
SAFE_VARIABLES = frozenset({
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CI", "DEBUG", "VERBOSE", "NODE_ENV", "COLUMNS",
    "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "RUST_BACKTRACE", "RUST_LOG", "GOOS", "GOARCH", "CGO_ENABLED",
    "TF_IN_AUTOMATION", "TF_INPUT", "TF_LOG", "CHECKPOINT_DISABLE", "DOCKER_BUILDKIT", "COMPOSE_PROJECT_NAME", "TMPDIR",
})  # fmt: skip
"""Assignments that an allow rule is read without; any other could change what the command does."""
_FETCHES = "runs what it fetches from the network"


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges one shell text after another; keeps nothing between them. sealed: the repository is mounted read-only."""

    mode: Mode
    rules: Rules
    findings: Findings
    read: Reader | None = None
    sealed: bool = False

    def script(self, text: str, cwd: str) -> list[Segment]:
        """Every segment of a shell text, those of all it carries included."""
        return list(self._segments(read_script(text, cwd=cwd, files=Files(read=self._text)), text, 0, False))

    def _segments(self, script: Script, text: str, depth: int, covered: bool) -> Iterator[Segment]:
        for fault in script.faults:
            yield self._doubt(text, fault)
        if depth > _MOST_NESTING:
            yield self._doubt(text, "nested too deeply to be judged")
            return
        for command in script.commands:
            yield from self._command(command, depth, covered)

    def _command(self, command: Command, depth: int, covered: bool) -> Iterator[Segment]:
        """`covered`: an allow rule already speaks for the command that carries this one."""
        carried = inside(command) if command.argv and command.argv[0].strip() else None
        segment, allowed = self._judged(command, covered, carried)
        yield segment
        if not command.argv:
            return
        if carried is not None:
            yield from self._carried(command, carried, depth, covered or allowed)
        ran = recipe(command.argv, command.cwd, lambda path: _seen(command, path))
        if ran is not None and ran.missing and not (covered or allowed):
            yield self._doubt(command.text, f"its recipe cannot be read: no {readable(ran.missing)}")
        elif ran is not None:
            script = read_script(ran.text, cwd=command.cwd, files=command.files, most=_SCRIPT_CHARACTERS)
            yield from self._segments(script, f"recipe of {command.text}", depth + 1, covered or allowed)

    def _text(self, path: str) -> str | None:
        return self.read(absolute(path, self.findings.root)) if self.read else None

    # ---- what is inside

    def _carried(self, command: Command, carried: Inside, depth: int, covered: bool) -> Iterator[Segment]:
        if carried.refusal:
            yield self._refusal(command, carried.refusal)
        if carried.doubt:
            yield self._doubt(command.text, carried.doubt)
        for argv in carried.commands:
            shown = readable(" ".join(argv))
            inner = Command(argv, shown, command.cwd, carried.assigns, (), (), command.stdin, command.files)
            yield from self._deeper(inner, depth, covered)
        for text, *args in carried.scripts:
            script = read_script(text, cwd=command.cwd, files=command.files, args=args)
            yield from self._segments(script, readable(text), depth + 1, covered)
        for path, *args in carried.files:
            yield from self._file(command, path, args, depth, covered)

    def _deeper(self, command: Command, depth: int, covered: bool) -> Iterator[Segment]:
        if depth >= _MOST_NESTING:
            yield self._doubt(command.text, "nested too deeply to be judged")
        else:
            yield from self._command(command, depth + 1, covered)

    def _file(self, command: Command, path: str, args: Sequence[str], depth: int, covered: bool) -> Iterator[Segment]:
        """A script that the command runs: what this very text wrote there, else what the repository holds."""
        text = command.stdin if path in STDIN else command.files.text(path, command.cwd)
        if text is None:
            yield self._doubt(command.text, f"runs {readable(path)}, which cannot be read before it runs")
        elif FETCHED in text:
            yield self._refusal(command, _FETCHES)
        elif _foreign(text):
            yield from self._foreign(command, path, text)
        else:
            named = [path, *args]
            script = read_script(text, cwd=command.cwd, files=command.files, most=_SCRIPT_CHARACTERS, args=named)
            yield from self._segments(script, readable(path), depth + 1, covered)

    def _foreign(self, command: Command, path: str, text: str) -> Iterator[Segment]:
        """A script of another language."""
        found = interpreters.searched(text)
        if found:
            refused, named = found
            why = f"{readable(path)} names {named!r}"
            yield self._refusal(command, why) if refused else self._doubt(command.text, why)

    def _refusal(self, command: Command, why: str) -> Segment:
        shown = readable(command.text)
        told = sentence(f"`{shown}`", "deny", "in every mode and whatever the rules say")
        return Segment(command=shown, kind="unknown", verdict="deny", rule=why, why=told)

    def _doubt(self, text: str, why: str) -> Segment:
        """What cannot be judged is asked, unless it names what is refused in the open."""
        shown = readable(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
        found = interpreters.searched(text)
        if found and found[0]:
            told = sentence(f"`{shown}`", "deny", "in every mode and whatever the rules say")
            return Segment(
                command=shown, kind="change", verdict="deny", rule=f"{why}, and names {found[1]!r}", why=told
            )
        verdict = settled(self.mode, "ask", "unknown")
        told = sentence(f"`{shown}`", verdict, f"as mode {self.mode} treats what cannot be judged before it runs")
        return Segment(command=shown, kind="unknown", verdict=verdict, rule=why, why=told)

    # ---- one command

    def _judged(self, command: Command, covered: bool, carried: Inside | None) -> tuple[Segment, bool]:
        """The command's segment, and whether an allow rule spoke for it."""
        does = effect(command, self.findings.root, carried)
        found = list(self.findings.of(command, does))
        kind = self._kind(command, does)
        firm = any(finding.firm for finding in found)
        allow = None if firm or not self.rules.allow else self.rules.first("Bash", "allow", _allowed_as(command))
        verdict, rule = self._verdict(command, does, kind, found, allow.text if allow else None, covered)
        permit = "" if firm or not command.argv else f"Bash({readable(' '.join(command.argv))})"
        verdict = settled(self.mode, verdict, kind)
        shown = readable(command.text)
        told = sentence(_subject(shown, command, does), verdict, self._because(verdict, kind, found, allow is not None))
        return Segment(command=shown, kind=kind, verdict=verdict, rule=rule, permit=permit, why=told), allow is not None

    def _because(self, verdict: Verdict, kind: Kind, found: Sequence[Finding], allowed: bool) -> str:
        """What the rule that decided leaves unsaid."""
        if any(finding.firm and finding.verdict == verdict for finding in found):
            return "and no allow rule lifts that"
        if verdict == "allow" and allowed:
            return "as a rule speaks for it"
        return f"as mode {self.mode} treats class {kind}"

    def _kind(self, command: Command, does: Effect) -> Kind:
        if any(self.findings.wipe(command, path) for path in does.wipes):
            return "destroy"
        further = command.writes or _turned(command)
        return "local" if further and does.kind in ("read", "plan") else does.kind

    def _verdict(
        self, command: Command, does: Effect, kind: Kind, found: Sequence[Finding], allow: str | None, covered: bool
    ) -> tuple[Verdict, str]:
        for verdict in ("deny", "ask"):
            for finding in found:
                if finding.verdict == verdict and (finding.firm or allow is None):
                    return finding.verdict, finding.rule
        if allow is not None and lifts(self.mode, kind):
            return "allow", allow
        if covered and kind in ("read", "plan", "local") and lifts(self.mode, kind):
            return "allow", f"{_act(command, does)}, inside a command that a rule allows"
        if self.mode in WRITES_NOTHING and kind == "local" and self._stays(command, does):
            return "allow", f"{_act(command, does)}, and leaves the repository alone (class {kind}, mode {self.mode})"
        return TABLE[self.mode][kind], f"{_act(command, does)} (class {kind}, mode {self.mode})"

    def _stays(self, command: Command, does: Effect) -> bool:
        """Nothing but scratch files can come of it."""
        paths = [absolute(path, command.cwd) for path in (*command.writes, *does.writes)]
        alone = does.kind in ("read", "plan") or does.named or (self.sealed and only_checks(command, self._text))
        return alone and not _turned(command) and all(place(path, self.findings.root) == "scratch" for path in paths)


def _turned(command: Command) -> bool:
    """It sets a variable by which a harmless program runs another."""
    return any(name in HIJACKING and value not in HARMLESS for name, value in command.assigned)


def _act(command: Command, does: Effect) -> str:
    """What gives the command its class: its redirects where the program itself only reads."""
    redirected = command.writes and does.kind in ("read", "plan")
    return f"writes {readable(', '.join(command.writes))}" if redirected else does.why


def _subject(shown: str, command: Command, does: Effect) -> str:
    """The command, and the files that it writes."""
    paths = [path for path in dict.fromkeys((*command.writes, *does.writes)) if path]
    return f"`{shown}`" + (f", which writes {readable(', '.join(paths))}," if paths else "")


def _allowed_as(command: Command) -> list[str]:
    """The one form in which an allow rule may meet the command."""
    if not command.argv or any(name not in SAFE_VARIABLES for name, _ in command.assigns):
        return []
    return [" ".join(command.argv)]


def _seen(command: Command, path: str) -> str | None:
    """A runner's file as the command would see it; what is uncertain of it cannot be read."""
    text = command.stdin if path in STDIN else command.files.text(path, command.cwd)
    return None if text is not None and UNKNOWN in text else text


def _foreign(text: str) -> bool:
    """A script whose first line names an interpreter that is no shell."""
    first = text.partition("\n")[0]
    return first.startswith("#!") and not first.split()[-1].rpartition("/")[2].endswith("sh")
