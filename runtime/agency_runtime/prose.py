"""What a Markdown text says outside of its code."""

import re

_FENCE = re.compile(r" {0,3}(```+|~~~+)(.*)")
_SPAN = re.compile(r"`[^`\n]*`")


def prose(text: str) -> str:
    """`text` without code blocks and code spans; an unclosed block reaches to the end, as renderers have it."""
    kept: list[str] = []
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        if not fence and match:
            fence = match[1]
        elif not fence:
            kept.append(line)
        elif match and match[1].startswith(fence) and not match[2].strip():
            fence = ""
    return _SPAN.sub("", "\n".join(kept))
