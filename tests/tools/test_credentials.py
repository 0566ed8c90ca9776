"""What a target is given of the person's credentials, what of it is masked, and what is wrong said in one line."""

from pathlib import Path

import pytest

from agency_tools.credentials import PLACE, Credentials, credentials_of, secret_words
from agency_tools.errors import UsageError
from agency_tools.target import Target

KUBECONFIG = """
clusters: [{name: c, cluster: {server: "https://10.1.2.3:6443"}}, {name: d, cluster: {server: "https://prod:6443"}}]
users: [{name: u, user: {token: staging-token-1}}, {name: v, user: {token: production-token-1}}, {name: x, user: {exec: {command: aws}}}]
contexts:
- {name: staging, context: {cluster: c, user: u}}
- {name: production, context: {cluster: d, user: v}}
- {name: cloud, context: {cluster: d, user: x}}
"""
CONFIG = "[profile staging]\nregion = eu-central-1\nsource_profile = base\nrole_arn = arn:aws:iam::1:role/r\n[profile other]\nregion = x\n"
CREDENTIALS = "[base]\naws_access_key_id = AKIABASE00000000BASE\naws_secret_access_key = base/secret+value\n[prod]\naws_access_key_id = P\naws_secret_access_key = production-secret\n"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A person's environment, with a home of their own."""
    for name, text in ((".kube/config", KUBECONFIG), (".aws/config", CONFIG), (".aws/credentials", CREDENTIALS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return {
        "HOME": str(tmp_path),
        "DB_DSN": "postgres://u:pw@db/x",
        "AWS_REGION": "eu-central-1",
        "OTHER_TOKEN": "never-given",
    }


def test_a_target_without_needs_is_given_nothing(home: dict[str, str]) -> None:
    assert credentials_of(Target(name="t"), home) == Credentials()


def test_variables_are_given_by_name_and_masked_unless_they_are_plainly_no_secret(home: dict[str, str]) -> None:
    given = credentials_of(Target(name="t", environment=("DB_DSN", "AWS_REGION")), home)
    assert given.environment == {"DB_DSN": "postgres://u:pw@db/x", "AWS_REGION": "eu-central-1"}
    assert given.secrets == ("postgres://u:pw@db/x",)


def test_a_file_is_given_by_the_variable_that_names_it(home: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account", "private_key_id": "0123456789abcdef", "client_email": "a@b.example"}')
    given = credentials_of(Target(name="t", files={"GOOGLE_APPLICATION_CREDENTIALS": str(key)}), home)
    place = f"{PLACE}/GOOGLE_APPLICATION_CREDENTIALS"
    assert (given.environment, list(given.files)) == ({"GOOGLE_APPLICATION_CREDENTIALS": place}, [place])
    assert given.secrets == ("0123456789abcdef",)
    assert secret_words("one-long-token\n") == ("one-long-token",)


def test_a_cluster_comes_as_one_context_with_its_endpoint(home: dict[str, str]) -> None:
    given = credentials_of(Target(name="t", kube_context="staging", namespaces=("web",)), home)
    assert given.endpoints == ("10.1.2.3:6443",)
    assert given.secrets == ("staging-token-1",)
    [text] = given.files.values()
    assert "staging-token-1" in text
    assert "production" not in text
    assert '"namespace": "web"' in text


def test_a_profile_comes_with_those_it_is_made_of_and_no_other(home: dict[str, str]) -> None:
    given = credentials_of(Target(name="t", aws_profile="staging"), home)
    config, credentials = given.files.values()
    assert "[profile staging]" in config
    assert "[base]" in credentials
    assert not [word for word in ("other", "prod", "production-secret") if word in config + credentials]
    assert set(given.secrets) == {"AKIABASE00000000BASE", "base/secret+value"}
    assert given.environment["AWS_PROFILE"] == "staging"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"environment": ("NOT_THERE",)}, "NOT_THERE is not set: export it"),
        ({"files": {"KEY": "/nowhere/key"}}, "/nowhere/key cannot be read: No such file"),
        ({"kube_context": "elsewhere"}, "no context 'elsewhere'"),
        ({"kube_context": "cloud"}, "gets its credentials by running 'aws'"),
        ({"kubeconfig": "~/x"}, "kubeconfig needs a kube_context"),
        ({"aws_profile": "nobody"}, "no aws profile 'nobody'"),
        ({"aws_profile": "other"}, "aws profile 'other' holds no credentials"),
        ({"endpoints": ("https://x/",)}, "write HOST, HOST:PORT"),
    ],
)
def test_what_a_person_has_to_mend_is_one_line_that_names_the_target(
    home: dict[str, str], entry: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        credentials_of(Target(name="staging", **entry), home)  # type: ignore[arg-type]
    assert str(refused.value).startswith("target 'staging': ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "setting", ["credential_process = op read x", "sso_session = s", "web_identity_token_file = /x"]
)
def test_a_profile_that_asks_a_program_or_a_browser_is_refused(home: dict[str, str], setting: str) -> None:
    (Path(home["HOME"]) / ".aws/config").write_text(f"[profile staging]\n{setting}\n")
    with pytest.raises(UsageError, match="export-credentials"):
        credentials_of(Target(name="t", aws_profile="staging"), home)
