"""The gate of a run: the policy file's rules, the configuration's and the command line's, in one judge."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from agency_runtime.gate import Gate
from agency_runtime.gate.reader import repository_reader
from agency_runtime.hook_file import users_hooks
from agency_runtime.hooks import Hook, refuse_within
from agency_runtime.order import Order
from agency_runtime.policy import FILE, Policy, build_gate, check_policy, read_policy
from agency_runtime.trust import Trust, trust_file
from agency_tools.errors import UsageError
from agency_tools.mcp.hints import Hints


def gate_of(order: Order, hints: Mapping[str, Hints] = MappingProxyType({})) -> Gate:
    """The gate. Raises UsageError for a rule or policy that is wrong, or whose self-tests fail.

    hints: what the MCP tools of the run say of themselves.
    """
    root = order.repository.root
    read = repository_reader(root)
    policy = read_policy(root / FILE)
    _admit(policy, trust_all=order.settings.trust)
    check_policy(policy, read=read)
    settings = order.settings
    return build_gate(
        policy,
        mode=order.mode,
        target=settings.target,
        allow=settings.allow,
        ask=settings.ask,
        deny=settings.deny,
        read=read,
        sealed=order.task.command == "plan",
        hints=hints,
    )


def hooks_of(order: Order) -> tuple[Hook, ...]:
    """The user's own hooks and those of the policy, which `gate_of` has admitted. Raises UsageError for one that is wrong."""
    return admitted_hooks(order.repository.root, trust_all=order.settings.trust)


def admitted_hooks(root: Path, *, trust_all: bool) -> tuple[Hook, ...]:
    """The same of a folder. Raises UsageError also where a policy with hooks is not trusted."""
    policy = read_policy(root / FILE)
    if policy.hooks:
        _admit(policy, trust_all=trust_all)
    hooks = (*users_hooks(), *policy.hooks)
    refuse_within(hooks, root)
    return hooks


def _admit(policy: Policy, *, trust_all: bool) -> None:
    """Raises UsageError where a repository's policy permits something that no person has trusted it with."""
    permits = policy.rules.allow or policy.targets or policy.ci == "free"
    if policy.path is None or not (permits or policy.hooks):
        return
    sha256 = hashlib.sha256(policy.path.read_bytes()).hexdigest()
    if not Trust(file=trust_file(), granted=trust_all).admits(policy.path, sha256):
        does = "permits more" if permits else "brings hooks, which run on this machine,"
        raise UsageError(f"{policy.path}: {does} and is not trusted (sha256 {sha256}); read it, then add --trust")
