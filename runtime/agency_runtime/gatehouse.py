"""The gate of a run: the policy file's rules, the configuration's and the command line's, in one judge."""

import hashlib

from agency_runtime.gate import Gate
from agency_runtime.gate.reader import repository_reader
from agency_runtime.order import Order
from agency_runtime.policy import FILE, Policy, build_gate, check_policy, read_policy
from agency_runtime.trust import Trust, trust_file
from agency_tools.errors import UsageError


def gate_of(order: Order) -> Gate:
    """The gate. Raises UsageError for a rule or policy that is wrong, or whose self-tests fail."""
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
    )


def _admit(policy: Policy, *, trust_all: bool) -> None:
    """Raises UsageError where a repository's policy permits something that no person has trusted it with."""
    if policy.path is None or not (policy.rules.allow or policy.targets):
        return
    sha256 = hashlib.sha256(policy.path.read_bytes()).hexdigest()
    if not Trust(file=trust_file(), granted=trust_all).admits(policy.path, sha256):
        raise UsageError(f"{policy.path}: permits more and is not trusted (sha256 {sha256}); read it, then add --trust")
