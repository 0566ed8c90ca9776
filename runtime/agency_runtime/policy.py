"""The policy file: rules, targets and the tests that hold them; a policy that fails its own tests starts nothing."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agency_runtime.ci_paths import Guard, asking
from agency_runtime.gate import MODES, Gate, Mode, Rules, Verdict, check_mode
from agency_runtime.gate.files import Reader
from agency_runtime.hooks import Hook
from agency_tools.errors import UsageError
from agency_tools.mcp.hints import Hints
from agency_tools.target import Target

if TYPE_CHECKING:
    from pydantic import ValidationError

FILE = Path(".agency") / "policy.yaml"
DEFAULT_MODE: Mode = "acceptEdits"
"""The shipped persona's mode, in which tests and `explain` judge when none is given."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One self-test: a call, its circumstances and the verdict it must get."""

    tool: str
    given: Mapping[str, Any]
    verdict: Verdict
    mode: Mode = DEFAULT_MODE
    target: str | None = None

    @property
    def shown(self) -> str:
        """The call as a person would write it."""
        return str(self.given["command"]) if self.tool == "Bash" else f"{self.tool} {dict(self.given)}"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a policy file says; an absent file says nothing."""

    path: Path | None = None
    rules: Rules = field(default_factory=Rules)
    targets: Mapping[str, Target] = field(default_factory=dict[str, Target])
    tests: tuple[Case, ...] = ()
    ci: Guard = "secrets"
    hooks: tuple[Hook, ...] = ()

    def target(self, name: str | None) -> Target | None:
        """The target of that name. Raises UsageError when the file has none such."""
        if name is None or name == "none":
            return None
        if name not in self.targets:
            known = ", ".join(self.targets) or "none"
            raise UsageError(f"no target {name!r} in {self.path or FILE}: it names {known}")
        return self.targets[name]

    def chosen(self, names: str | None) -> tuple[Target, ...]:
        """The targets that `--target` names, with commas between them. Raises UsageError at one that is not there."""
        found = (self.target(name.strip()) for name in dict.fromkeys((names or "").split(",")) if name.strip())
        return tuple(target for target in found if target is not None)


def read_policy(path: Path, *, root: str = "/workspace") -> Policy:
    """The policy of a file. Raises UsageError naming the key, rule or line that is wrong and what to write instead."""
    if not path.is_file():
        return Policy()
    from pydantic import ValidationError

    from agency_runtime.policy_file import PolicyFile

    try:
        read = PolicyFile.model_validate(_yaml(path) or {})
    except ValidationError as error:
        raise UsageError(f"{path}: {_first(error)}") from None
    try:
        rules = Rules.parse(allow=read.allow, ask=read.ask, deny=read.deny, root=root)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    targets = {name: Target(name=name, **dict(entry)) for name, entry in read.targets.items()}
    tests = tuple(Case(**test.case()) for test in read.tests)
    return Policy(path=path, rules=rules, targets=targets, tests=tests, ci=read.ci, hooks=read.hooks.each())


def _yaml(path: Path) -> object:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _first(error: "ValidationError") -> str:
    from agency_runtime.policy_file import KEYS

    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
    key = str(fault["loc"][-1])
    near = difflib.get_close_matches(key, KEYS, 1, 0.5)
    return f"unknown key {where!r}" + (f": did you mean {near[0]!r}?" if near else f": there are {', '.join(KEYS)}")


def build_gate(
    policy: Policy,
    *,
    mode: Mode,
    target: str | None = None,
    allow: Iterable[str] = (),
    ask: Iterable[str] = (),
    deny: Iterable[str] = (),
    root: str = "/workspace",
    read: Reader | None = None,
    sealed: bool = False,
    hints: Mapping[str, Hints] = MappingProxyType({}),
) -> Gate:
    """The gate of a policy and of further rules from elsewhere; `sealed` where the repository is mounted read-only.

    hints: what MCP tools say of themselves.

    Raises UsageError for a malformed rule, an unknown target, or a mode that this user may not take.
    """
    if mode not in MODES:
        raise UsageError(f"no permission mode {mode!r}: there are {', '.join(MODES)}")
    check_mode(mode)
    rules = policy.rules + Rules.parse(allow=allow, ask=[*ask, *asking(policy.ci)], deny=deny, root=root)
    chosen = policy.chosen(target)
    first = next(iter(chosen), None)
    return Gate(
        mode=mode, rules=rules, target=first, further=chosen[1:], root=root, read=read, sealed=sealed, hints=hints
    )


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A self-test that got another verdict than it must."""

    case: Case
    verdict: Verdict
    rule: str

    def __str__(self) -> str:
        return f"{self.case.shown!r} must be {self.case.verdict} but is {self.verdict}, by {self.rule}"


def failures(policy: Policy, *, root: str = "/workspace", read: Reader | None = None) -> list[Failure]:
    """The self-tests that fail. Raises UsageError for a test whose target the policy does not have."""
    found: list[Failure] = []
    rules = policy.rules + Rules.parse(ask=asking(policy.ci), root=root)
    for case in policy.tests:
        gate = Gate(mode=case.mode, rules=rules, target=policy.target(case.target), root=root, read=read)
        decision = gate.judge(case.tool, case.given)
        if decision.verdict != case.verdict:
            found.append(Failure(case=case, verdict=decision.verdict, rule=decision.rule))
    return found


def check_policy(policy: Policy, *, root: str = "/workspace", read: Reader | None = None) -> None:
    """Raises UsageError when a self-test fails: such a policy means something else than its author thinks."""
    found = failures(policy, root=root, read=read)
    if found:
        more = f" (and {len(found) - 1} more; see agency policy check)" if len(found) > 1 else ""
        raise UsageError(f"{policy.path or FILE} fails its own tests: {found[0]}{more}")
