"""Redaction: what is masked in each form it may take, and what is left alone."""

import base64
import json
from urllib.parse import quote

import pytest

from agency_tools.redaction import MASK, Redactor, secret_values

SECRET = 'p+w/ord-ä "x"'

TOKENS = {
    "anthropic": "sk-ant-api03-" + "a1B2" * 6,
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "aws session": "ASIA" + "IOSFODNN7EXAMPLE",
    **{f"github {kind}": f"gh{kind}_" + "a1B2" * 9 for kind in "pousr"},
    "github fine-grained": "github_pat_" + "a1B2" * 6,
    "gitlab": "glpat-" + "a1B2" * 5,
    "slack": "xoxb-" + "12345-abcde",
    "google": "AIza" + "a1B2-" * 7,
    "jwt": ".".join(["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTYifQ", "c2lnbmF0dXJl"]),
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----",
    "openssh": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----",
    "pgp": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("text", ["{}", "export KEY={} # mine", "first\n{}\nlast", '{{"key": "{}"}}'])
def test_tokens_are_known_by_their_shape_wherever_they_stand(token: str, text: str) -> None:
    assert Redactor()(text.format(token)) == text.format(MASK)


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_tokens_are_masked_in_json_text_too(token: str) -> None:
    text = json.dumps({"output": f"line\n{token}\nline"})
    assert json.loads(Redactor()(text)) == {"output": f"line\n{MASK}\nline"}


def test_a_private_key_that_was_cut_before_its_end_is_masked_as_far_as_it_goes() -> None:
    cut = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSj"
    assert Redactor()(f"{cut}… (cut)") == f"{MASK}… (cut)"


def test_what_only_resembles_a_token_is_left_alone() -> None:
    text = "ghp_short AKIA-not sk-ant-x glpat- eyes.eyes.eyes monkeyAKIAIOSFODNN7EXAMPLE"
    assert Redactor()(text) == text


@pytest.mark.parametrize(
    "form",
    [SECRET, json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1], quote(SECRET, safe=""), quote(SECRET)],
    ids=["plain", "json", "json with letters", "url", "url path"],
)  # fmt: skip
def test_a_known_value_is_masked_in_every_form(form: str) -> None:
    assert Redactor([SECRET])(f"<{form}>") == f"<{MASK}>"


@pytest.mark.parametrize("before", ["", "u", "us", "usr"])
@pytest.mark.parametrize("after", ["", "\n", "@host"])
def test_a_known_value_is_masked_inside_a_longer_base64_text(before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()
    masked = Redactor([SECRET])(encoded)
    assert MASK in masked
    left = masked.replace(MASK, "")
    assert len(left) <= len(base64.b64encode(f"{before}{after}".encode())) + 8


def test_a_longer_secret_is_masked_before_a_shorter_one_inside_it() -> None:
    assert Redactor(["secret-one", "secret-one-and-two"])("secret-one-and-two") == MASK


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "OPENAI_APIKEY", "X_API_KEYS", "KEY", "npm_token", "GH_PAT"],
)  # fmt: skip
def test_a_variable_whose_name_says_so_holds_a_secret(name: str) -> None:
    assert secret_values({name: "correct-horse"}) == {"correct-horse"}


@pytest.mark.parametrize("name", ["PATH", "MONKEY", "KEYBOARD_LAYOUT", "TOKENIZER", "COMPATIBILITY", "HOME"])
def test_a_variable_whose_name_says_nothing_holds_none(name: str) -> None:
    assert secret_values({name: "correct-horse"}) == set()


@pytest.mark.parametrize(
    "value", ["", "short", "1234567", "12345678901", "true", "FALSE", "/etc/keys/service.json", "~/.ssh/id_ed25519", "./keys/one.pem"]
)  # fmt: skip
def test_short_values_paths_and_switches_are_no_secrets(value: str) -> None:
    assert secret_values({"MY_KEY": value}) == set()


def test_a_secret_that_begins_with_a_slash_is_not_taken_for_a_path() -> None:
    value = "/JalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01"
    assert secret_values({"AWS_SECRET_ACCESS_KEY": value}) == {value}


def test_a_value_is_masked_inside_and_stays_json() -> None:
    event = {"n": 1, "open": "-----BEGIN PRIVATE KEY-----", "parts": ("a", 'x"secret"', None, True), "close": "-----END PRIVATE KEY-----"}  # fmt: skip
    masked = Redactor(['"secret"'])(json.dumps(event))
    assert Redactor(['"secret"']).inside(event) == {
        "n": 1, "open": MASK, "parts": ["a", f"x{MASK}", None, True], "close": "-----END PRIVATE KEY-----",
    }  # fmt: skip
    assert "secret" not in masked


def test_it_knows_the_secrets_of_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "correct-horse-battery")
    assert Redactor.of_environment()("token: correct-horse-battery") == f"token: {MASK}"
