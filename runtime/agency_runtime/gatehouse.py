"""The gate of a run: the policy file's rules, the configuration's and the command line's, in one judge."""

from agency_runtime.gate.gate import Gate
from agency_runtime.order import Order
from agency_runtime.policy import load_policy


def build_gate(order: Order) -> Gate:
    """The gate. Raises UsageError for a rule or policy that is wrong, or whose self-test fails."""
    raise AssertionError(order, load_policy)
