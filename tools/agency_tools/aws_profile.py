"""A run's own AWS settings: exactly one profile of the person's, with those it takes its credentials from."""

import configparser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.errors import UsageError

SECRET = ("aws_secret_access_key", "aws_session_token", "aws_access_key_id", "aws_security_token")
"""Settings whose values are credentials."""

PROGRAMS = ("credential_process", "web_identity_token_file", "sso_session", "sso_start_url", "credential_source")
"""Settings by which a profile gets its credentials from a program, a browser or this machine: none is in a compartment."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One profile as `config` and `credentials` files; `secrets` are the credentials in them."""

    config: str
    credentials: str
    secrets: tuple[str, ...]


def person_files(environment: Mapping[str, str], home: Path) -> tuple[Path, Path]:
    """The person's config and credentials files, as aws finds them."""
    config = environment.get("AWS_CONFIG_FILE") or home / ".aws" / "config"
    credentials = environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials"
    return Path(config), Path(credentials)


def pin_profile(name: str, files: tuple[Path, Path]) -> Profile:
    """The profile alone. Raises UsageError where it is nowhere, or gets its credentials by other means than the files."""
    config, credentials = (_read(file) for file in files)
    chain = _chain(name, config, credentials, files)
    kept_config = {_section(each): config[_section(each)] for each in chain if _section(each) in config}
    kept_credentials = {each: credentials[each] for each in chain if each in credentials}
    both = [*kept_config.values(), *kept_credentials.values()]
    secrets = [settings[key] for settings in both for key in SECRET if settings.get(key)]
    if not secrets:
        raise UsageError(f"aws profile {name!r} holds no credentials in {files[0]} or {files[1]}")
    return Profile(config=_text(kept_config), credentials=_text(kept_credentials), secrets=tuple(secrets))


def _chain(
    name: str,
    config: Mapping[str, Mapping[str, str]],
    credentials: Mapping[str, Mapping[str, str]],
    files: Sequence[Path],
) -> list[str]:
    """The profile and every one it is derived from, in this order."""
    chain: list[str] = []
    current: str | None = name
    while current and current not in chain:
        settings = {**config.get(_section(current), {}), **credentials.get(current, {})}
        if not settings:
            raise UsageError(f"no aws profile {current!r} in {files[0]} or {files[1]}")
        if other := next((key for key in PROGRAMS if key in settings), None):
            raise UsageError(
                f"aws profile {current!r} gets its credentials by {other}, which a run does not have: "
                "export them (aws configure export-credentials) and name the variables in the target's environment"
            )
        chain.append(current)
        current = settings.get("source_profile")
    return chain


def _section(name: str) -> str:
    return name if name == "default" else f"profile {name}"


def _read(file: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        if file.is_file():
            parser.read_string(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error) as problem:
        raise UsageError(f"{file} cannot be read: {' '.join(str(problem).split())}") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _text(sections: Mapping[str, Mapping[str, str]]) -> str:
    blocks = ("\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in settings.items())]) for name, settings in sections.items())  # fmt: skip
    return "\n\n".join(blocks) + "\n"
