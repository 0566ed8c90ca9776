"""JSON values with each of their texts replaced."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast


def each_text(value: Any, act: Callable[[str, str], str], where: str = "") -> Any:
    """The value with `act(where, text)` in place of every text; `where` is written like `rows[0].note`."""
    if isinstance(value, str):
        return act(where, value)
    if isinstance(value, dict):
        fields = cast("Mapping[str, Any]", value)
        return {name: each_text(each, act, f"{where}.{name}" if where else name) for name, each in fields.items()}
    if isinstance(value, list):
        items = cast("Sequence[Any]", value)
        return [each_text(each, act, f"{where}[{index}]") for index, each in enumerate(items)]
    return value
