"""Settings: who prevails, and what is said of a wrong value."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.bounds import Bounds
from agency_runtime.budget import Budget
from agency_runtime.config_file import LOOSENING, USERS_OWN
from agency_runtime.prices import PRICES, Price
from agency_runtime.settings import CHOICES, OPTIONS, Settings, read_settings
from agency_tools.errors import UsageError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONS:
        monkeypatch.delenv(f"AGENCY_{name.upper()}", raising=False)


def configured(root: Path, content: str) -> Path:
    (root / ".agency").mkdir(exist_ok=True)
    (root / ".agency" / "config.yaml").write_text(content, encoding="utf-8")
    return root


def complaint(root: Path, **given: Any) -> str:
    """The one line with which the settings are refused."""
    with pytest.raises(UsageError) as error:
        read_settings(given, root)
    said = str(error.value)
    assert "\n" not in said
    return said


def test_without_a_word_from_anybody_the_defaults_stand(tmp_path: Path) -> None:
    assert read_settings({}, tmp_path) == Settings()
    assert read_settings({"model": None, "worktree": None}, configured(tmp_path, "")) == Settings()


def test_the_command_line_prevails_over_the_variable_and_it_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, "model: from-the-file\n")
    assert read_settings({}, tmp_path).model == "from-the-file"
    monkeypatch.setenv("AGENCY_MODEL", "from-the-variable")
    assert read_settings({}, tmp_path).model == "from-the-variable"
    assert read_settings({"model": "from-the-command-line"}, tmp_path).model == "from-the-command-line"


def test_an_empty_variable_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENCY_MODEL", "")
    assert read_settings({}, configured(tmp_path, "model: m\n")).model == "m"


def test_a_no_of_the_stronger_source_stands_against_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path, "worktree: true\n")
    assert read_settings({}, tmp_path).worktree is True
    monkeypatch.setenv("AGENCY_WORKTREE", "false")
    assert read_settings({}, tmp_path).worktree is False
    assert read_settings({"worktree": True}, tmp_path).worktree is True


def test_rules_of_all_sources_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path, "deny: [Bash(c), Bash(d)]\nask: Bash(e)\n")
    monkeypatch.setenv("AGENCY_DENY", "Bash(b)\n\n")
    settings = read_settings({"deny": ["Bash(a)"]}, tmp_path)
    assert (settings.allow, settings.ask, settings.deny) == ((), ("Bash(e)",), ("Bash(a)", "Bash(b)", "Bash(c)", "Bash(d)"))  # fmt: skip


def test_the_personas_own_turn_limit_stands_where_nobody_gave_one() -> None:
    assert Settings().budget(None) == Budget()
    assert Settings().budget(7).turns == 7
    assert Settings(max_turns="3").budget(7).turns == 3
    assert Settings(max_turns="unlimited", max_cost="2.5", max_minutes="9").budget(7) == Budget(
        turns=math.inf, cost=2.5, minutes=9
    )


@pytest.mark.parametrize("name", ["max_turns", "max_cost", "max_minutes"])
@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "many", "0.0"])
def test_a_limit_is_above_0_or_the_word_unlimited(tmp_path: Path, name: str, given: str) -> None:
    option = "--" + name.replace("_", "-")
    said = complaint(tmp_path, **{name: given})
    assert said == f"{option}: '{given}' is no limit; give a number above 0, or the word unlimited"
    assert getattr(read_settings({name: "unlimited"}, tmp_path), name) == "unlimited"


@pytest.mark.parametrize("name", CHOICES)
def test_a_word_that_is_no_choice_is_named_with_the_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"AGENCY_{name.upper()}", "sideways")
    assert complaint(tmp_path) == f"AGENCY_{name.upper()} is 'sideways'; it must be one of {', '.join(CHOICES[name])}"
    assert complaint(tmp_path, **{name: "upways"}).startswith(f"--{name.replace('_', '-')} is 'upways'")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("model: [a, b]\n", ".agency/config.yaml: model must be a single word or number, not a list"),
        ("model: {a: b}\n", ".agency/config.yaml: model must be a single word or number, not a mapping"),
        (
            "sandbox: no\n",
            ".agency/config.yaml: sandbox must be a single word or number, not false (quote the word, where a word was meant)",
        ),
        ("model: ''\n", ".agency/config.yaml: model is empty; give a value, or leave it out"),
        ("worktree: perhaps\n", ".agency/config.yaml: worktree is 'perhaps'; it must be true or false"),
        ("deny: 5\n", ".agency/config.yaml: deny must be a list of rules, such as [Bash(make test)]"),
        ("deny: [[a]]\n", ".agency/config.yaml: deny must be a list of rules, such as [Bash(make test)]"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    assert complaint(configured(tmp_path, content)) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("modle: m\n", "'modle' is not an option; did you mean 'model'?"),
        ("max-turn: 5\n", "'max_turn' is not an option; did you mean 'max_turns'?"),
        ("qqq: 5\n", "'qqq' is not an option; there are allow, ask, compact_at, context_window, deny, drift"),
        ("- a\n- b\n", "must hold `name: value` lines"),
        ("a: [\n", "cannot be read: while parsing"),
        ("prices: 3\n", "prices must hold `model: {input: 3, output: 15}` lines"),
        ("prices: {m: 3}\n", "the price of m must be `{input: 3, output: 15}`"),
        ("prices: {m: {input: .nan, output: 1}}\n", "the price of m must be"),
        ("prices: {m: {input: -1, output: 1}}\n", "the price of m must be"),
        ("prices: {m: {input: 1, output: 1, cache: 1}}\n", "the price of m must be"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    line = complaint(configured(tmp_path, content), trust=True)
    assert line.startswith(f"{tmp_path / '.agency' / 'config.yaml'}: {said}")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    configured(tmp_path, "")
    (tmp_path / ".agency" / "config.yaml").write_bytes(b"\xff\xfe")
    assert "config.yaml: cannot be read: 'utf-8' codec" in complaint(tmp_path)


@pytest.mark.parametrize("name", sorted(USERS_OWN))
def test_a_repository_may_not_set_what_is_its_users_own(tmp_path: Path, name: str) -> None:
    said = complaint(configured(tmp_path, f"{name}: x\n"))
    assert said.endswith(
        f"{name!r} is not for a repository to set; give --{name.replace('_', '-')} on the command line"
    )


@pytest.mark.parametrize("name", sorted(LOOSENING))
def test_a_repository_permits_itself_nothing_before_it_is_trusted(tmp_path: Path, name: str) -> None:
    content = {
        "permission_mode": "plan",
        "provider": "bedrock",
        "prices": "{m: {input: 1, output: 1}}",
        "network": "a.b",
        "searxng": "https://a.b",
        "mcp_servers": "{s: {url: 'https://a.b'}}",
    }.get(name, "5")
    content = "[Bash(make)]" if name == "allow" else content
    configured(tmp_path, f"{name}: {content}\n")
    said = complaint(tmp_path)
    assert f"sets {name}, comes with the repository and is not trusted (sha256 " in said
    assert said.endswith("read it, then add --trust")
    trusting = read_settings({"trust": True}, tmp_path)
    assert read_settings({}, tmp_path) == replace(trusting, trust=False)  # a yes is remembered
    configured(tmp_path, f"{name}: {content} # changed\n")
    assert "is not trusted" in complaint(tmp_path)


def test_an_option_given_twice_over_hosts_is_one_list(tmp_path: Path) -> None:
    configured(tmp_path, "network: [a.example, b.example]\n")
    assert read_settings({"trust": True}, tmp_path).network == "a.example,b.example"


def test_prices_of_the_file_join_the_table(tmp_path: Path) -> None:
    configured(tmp_path, "prices: {house-model: {input: 0, output: 1.5}}\n")
    assert read_settings({"trust": True}, tmp_path).prices == {**PRICES, "house-model": Price(input=0, output=1.5)}


def test_an_empty_value_on_the_command_line_is_a_mistake(tmp_path: Path) -> None:
    assert complaint(tmp_path, target="") == "--target is empty; give a value, or leave it out"


def test_a_sandbox_of_another_kind_is_chosen_by_a_repository_only_once_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agency_tools.starters.kinds", lambda: ("docker", "bwrap", "loose"))
    assert read_settings({}, configured(tmp_path, "sandbox: bwrap\n")).sandbox == "bwrap"
    configured(tmp_path, "sandbox: loose\n")
    assert "sets sandbox, comes with the repository and is not trusted" in complaint(tmp_path)
    assert read_settings({"trust": True}, tmp_path).sandbox == "loose"
    configured(tmp_path, "sandbox: lose\n")
    assert "it must be one of auto, docker, bwrap, loose" in complaint(tmp_path, trust=True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_repeats", "1", "--max-repeats: '1' is no limit; give a whole number of at least 2"),
        ("max_polls", "0", "--max-polls: '0' is no limit"),
        ("max_polls", "2.5", "--max-polls: '2.5' is no limit"),
        ("context_window", "many", "--context-window: 'many' is no limit"),
        (
            "compact_at",
            "5",
            "--compact-at: '5' is no part of the model's window; give 10 to 95 percent, or the word never",
        ),
        ("compact_at", "half", "--compact-at: 'half' is no part"),
    ],
)
def test_a_bound_of_the_conversation_that_is_none_is_refused(tmp_path: Path, name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({name: value}, tmp_path)
    assert str(caught.value).startswith(said)


def test_the_bounds_of_a_conversation_are_finite_unless_a_person_says_otherwise(tmp_path: Path) -> None:
    assert read_settings({}, tmp_path).bounds("claude-haiku-4-5") == Bounds(
        repeats=6, polls=40, window=200_000, full=150_000
    )
    given = {"max_repeats": "unlimited", "max_polls": 9, "context_window": 1000, "compact_at": "50%"}
    assert read_settings(given, tmp_path).bounds("new") == Bounds(polls=9, window=1000, full=500)
    assert read_settings({"compact_at": "95"}, tmp_path).bounds("old").full == 168_000  # a whole reply fits beside
    assert read_settings({"compact_at": "never"}, tmp_path).bounds("claude-sonnet-5-5") == Bounds(
        repeats=6, polls=40, window=1_000_000
    )
