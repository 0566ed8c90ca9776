"""Mojibake is undone where it is plain, and nothing else is ever touched."""
# ruff: noqa: RUF001 - ambiguous characters are what this is about

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_runtime.mojibake import Mended, mend

OWN = Path(__file__).parents[1] / "fixtures" / "personas" / "users-own"


def damaged(text: str, code_page: str) -> str:
    """`text` after UTF-8 was read as another code page; the holes of Windows-1252 come through as C1 controls."""
    return "".join(bytes([byte]).decode(code_page, "ignore") or chr(byte) for byte in text.encode("utf-8"))


@pytest.mark.parametrize("code_page", ["mac_roman", "cp1252"])
@pytest.mark.parametrize(
    "text",
    [
        "## 🚀 Deploy",
        "uptime ≥ 99.9 %",
        "plan → apply",
        "a “quoted” word – here",
        "├── main.tf",
        "日本語テスト",
        "🛠️ ✅ 👩‍💻",
    ],
)
def test_what_a_wrong_code_page_did_is_undone(text: str, code_page: str) -> None:
    assert mend(damaged(text, code_page)).text == text


def test_accented_letters_come_back_from_windows_1252() -> None:
    assert mend(damaged("naïve café, 20 °C, Größe", "cp1252")).text == "naïve café, 20 °C, Größe"


def test_damage_done_twice_is_undone_twice() -> None:
    assert mend(damaged(damaged("→ café ✅", "cp1252"), "cp1252")).text == "→ café ✅"


@pytest.mark.parametrize(
    "text",
    [
        "plain ASCII",
        "naïve café, Größe, Ærø, IRMÃ, NÃO, São",
        "CAFÉ’s menu",
        "« Hé… » dit-il, « voilà… »",
        "√π and √∞, ±½, ≤ ≥",
        "‚Äpfel‘ und ‚Öl‘",
        "## 🚀 Deploy → ✅ “done” – ≥ 95 %",
        "日本語テスト",
        "ﬁnal ﬀ ligatures, ＦＵＬＬ width, ‘curly’ “quotes”",
    ],
)
def test_sound_text_is_left_exactly_as_it_is(text: str) -> None:
    assert mend(text) == Mended(text=text)


def test_an_example_of_mojibake_in_sound_text_stays_and_is_mentioned() -> None:
    text = "When you see â€™ for ’, the file – “as saved” – was read as Windows-1252 – see → and ←."
    assert mend(text) == Mended(text=text, suspicious=1)


def test_the_users_damaged_persona_reads_like_the_sound_one() -> None:
    sound = (OWN / "devops-automator.md").read_text(encoding="utf-8")
    broken = (OWN / "devops-automator.mojibake.md").read_text(encoding="utf-8")
    assert mend(broken).text == sound
    assert mend(sound) == Mended(text=sound)


@given(st.text())
def test_text_changes_only_where_a_repair_is_counted(text: str) -> None:
    mended = mend(text)
    assert (mended.text == text) is (mended.count == 0)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_is_never_changed(text: str) -> None:
    assert mend(text) == Mended(text=text)
