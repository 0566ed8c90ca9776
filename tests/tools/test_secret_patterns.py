"""Shapes that the library knows beyond our own, and what is left alone."""

import pytest

from agency_tools.redaction import MASK
from agency_tools.secret_patterns import library_patterns, without_shapes

SHAPES = {
    "stripe": "rk_live_" + "a1B2c3D4" * 3,
    "sendgrid": "SG." + "a" * 22 + "." + "b" * 43,
    "twilio": "SK" + "0a" * 16,
    "basic auth": "://admin:hunter2@",
    "gitlab runner": "glrt-" + "a1B2c3D4e5" * 2,
    "azure": "AccountKey=" + "A" * 86 + "==",
}


@pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES)
def test_what_the_library_knows_is_masked(secret: str) -> None:
    shown = without_shapes(f"before {secret} after")
    assert secret not in shown
    assert (shown.startswith("before "), shown.endswith(" after"), MASK in shown) == (True, True, True)


def test_plain_output_is_left_alone() -> None:
    text = (
        "Plan: 1 to add\nsha256 "
        + "0a" * 32
        + "\n10.0.0.1 8.8.8.8 https://example.com/a:b i-0abc123 arn:aws:iam::1:role/x"
    )
    assert without_shapes(text) == text


def test_there_are_patterns() -> None:
    assert len(library_patterns()) > 30
