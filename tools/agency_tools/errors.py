"""Errors, sorted by who can act.

ToolError        the model: becomes the tool's result, with what was wrong and what to try
UsageError       the person: one line that names the culprit and the remedy; exit 2
  WaitingError   nothing is wrong, but others have to finish first; exit 1
WorkspaceError   the operator: the sandbox is absent or broken; the run stops with exit 4,
                 and a broken sandbox is never shown to the model as a tool's own output
"""


class ToolError(Exception):
    """A call that could not be done as asked; its text is what the model reads."""


class UsageError(Exception):
    """Something a person gave wrongly, in one line: the culprit, then the remedy."""


class WaitingError(UsageError):
    """Work that cannot begin yet: who is waited for, and what to do."""


class WorkspaceError(Exception):
    """The sandbox could not be started, died, or answered outside the protocol."""
