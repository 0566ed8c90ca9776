"""What would permit a call that was refused for want of an approval."""

from urllib.parse import urlsplit

from agency_runtime.wire import Call


def permitting_rule(call: Call) -> str:
    """The rule that would permit this very call."""
    if call.name == "Bash":
        return f"Bash({call.input.get('command', '')})"
    if call.name == "WebFetch":
        return f"WebFetch(domain:{urlsplit(str(call.input.get('url', ''))).hostname})"
    if call.name in ("Read", "Write", "Edit"):
        return f"{'Read' if call.name == 'Read' else 'Edit'}({call.input.get('file_path', '')})"
    return call.name
