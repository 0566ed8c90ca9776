"""The gate of a run: the policy file's rules, the configuration's and the command line's, in one judge."""

from agency_runtime.gate import Gate
from agency_runtime.gate.reader import repository_reader
from agency_runtime.order import Order
from agency_runtime.policy import FILE, build_gate, check_policy, read_policy


def gate_of(order: Order) -> Gate:
    """The gate. Raises UsageError for a rule or policy that is wrong, or whose self-tests fail."""
    root = order.repository.root
    read = repository_reader(root)
    policy = read_policy(root / FILE)
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
    )
