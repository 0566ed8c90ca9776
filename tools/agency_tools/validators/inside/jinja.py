"""Jinja's expressions as Ansible uses them: whether they can be read."""

from __future__ import annotations

import functools
import re
from typing import Any

from .values import library

TEMPLATE = re.compile(r"\{\{|\{%")


@functools.lru_cache(maxsize=1)
def _environment() -> Any:
    jinja = library("jinja2", "Jinja2")
    return jinja.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])


def broken(value: Any, *, bare: bool) -> str | None:
    """Why the text cannot be read, as an expression where `bare`, else as a template; None where it can."""
    if not isinstance(value, str):
        return None
    if not TEMPLATE.search(value):
        if not bare or not value.strip():
            return None
        value = "{{ " + value + " }}"
    try:
        _environment().parse(value)
    except library("jinja2", "Jinja2").TemplateSyntaxError as problem:
        return f"{problem.message} in {' '.join(value.split())[:80]!r}"
    return None
