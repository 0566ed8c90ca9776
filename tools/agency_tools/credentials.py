"""What a target's compartment is given of the person's credentials, and every value of them that is never shown."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agency_tools import aws_profile, kubeconfig
from agency_tools.allowed_hosts import entries
from agency_tools.errors import UsageError
from agency_tools.redaction import PLAIN_VALUE, SECRET_NAME, SHORTEST
from agency_tools.target import Target
from agency_tools.workspace import SCRATCH

PLACE = f"{SCRATCH}/agency/credentials"
"""Where the files are, inside."""

HARMLESS = re.compile(r"(^|_)(REGION|ZONE|PROFILE|PROJECT|LOCATION|HOST|HOSTNAME|ADDR|PORT|USER|OUTPUT|LANG|DIR|PATH)$", re.IGNORECASE)  # fmt: skip
"""Names of variables whose value is no secret, though a target is given it."""

_ASSIGNED = re.compile(r"""["']?([A-Za-z][\w.-]*)["']?\s*[:=]\s*["']?([^"'\s,}]+)""")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """environment: variables; files: place inside to content; endpoints: hosts it may reach; secrets: to be masked."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    endpoints: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __add__(self, other: "Credentials") -> "Credentials":
        return Credentials(
            environment={**self.environment, **other.environment},
            files={**self.files, **other.files},
            endpoints=tuple(dict.fromkeys([*self.endpoints, *other.endpoints])),
            secrets=tuple(dict.fromkeys([*self.secrets, *other.secrets])),
        )


def credentials_of(target: Target, environment: Mapping[str, str] | None = None) -> Credentials:
    """What the entry names. Raises UsageError: a variable that is not set, a file that is not there, no such context."""
    own = os.environ if environment is None else environment
    try:
        entries(target.endpoints, "endpoints")
        return (
            Credentials(endpoints=target.endpoints)
            + _variables(target, own)
            + _files(target)
            + _cluster(target, own)
            + _aws(target, own)
        )
    except UsageError as error:
        raise UsageError(f"target {target.name!r}: {error}") from None


def _variables(target: Target, own: Mapping[str, str]) -> Credentials:
    missing = [name for name in target.environment if not own.get(name)]
    if missing:
        raise UsageError(f"{', '.join(missing)} is not set: export it, or take it out of the target's environment")
    given = {name: own[name] for name in target.environment}
    secrets = tuple(value for name, value in given.items() if _is_secret(name, value))
    return Credentials(environment=given, secrets=secrets)


def _is_secret(name: str, value: str) -> bool:
    """Whatever a target is given is a credential, unless its name or form says that it is none."""
    named = bool(SECRET_NAME.search(name))
    return len(value) >= SHORTEST and (named or not HARMLESS.search(name)) and not PLAIN_VALUE.match(value)


def _files(target: Target) -> Credentials:
    found = Credentials()
    for name, path in target.files.items():
        place = f"{PLACE}/{name}"
        text = _text(Path(path).expanduser())
        found += Credentials(environment={name: place}, files={place: text}, secrets=secret_words(text))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"{path} cannot be read: {getattr(problem, 'strerror', None) or problem}") from None


def secret_words(text: str) -> tuple[str, ...]:
    """What in a credential file is secret: values whose names say so, or the one word that it is."""
    words = text.split()
    if len(words) == 1:
        return (words[0],) if len(words[0]) >= SHORTEST else ()
    found = [(match[1].replace("-", "_"), match[2]) for match in _ASSIGNED.finditer(text)]
    return tuple(value for name, value in found if SECRET_NAME.search(name) and len(value) >= SHORTEST)


def _cluster(target: Target, own: Mapping[str, str]) -> Credentials:
    if target.kube_context is None:
        if target.kubeconfig is not None:
            raise UsageError("kubeconfig needs a kube_context: name the one to use")
        return Credentials()
    files = [Path(target.kubeconfig).expanduser()] if target.kubeconfig else kubeconfig.person_files(own)
    pinned = kubeconfig.pin(files, context=target.kube_context, namespace=next(iter(target.namespaces), None))
    if pinned.command:
        raise UsageError(
            f"context {pinned.context!r} gets its credentials by running {pinned.command!r}, which a run does not have: "
            "name a kubeconfig whose context holds a token (kubectl create token) or a certificate"
        )
    host = f"[{pinned.host}]" if ":" in pinned.host else pinned.host
    place = f"{PLACE}/kubeconfig"
    return Credentials(
        environment={"KUBECONFIG": place},
        files={place: pinned.text},
        endpoints=(f"{host}:{pinned.port}",),
        secrets=pinned.secrets,
    )


def _aws(target: Target, own: Mapping[str, str]) -> Credentials:
    if target.aws_profile is None or "AWS_ACCESS_KEY_ID" in target.environment:
        return Credentials()
    home = Path(own.get("HOME") or Path.home())
    profile = aws_profile.pin_profile(target.aws_profile, aws_profile.person_files(own, home))
    config, credentials = f"{PLACE}/aws-config", f"{PLACE}/aws-credentials"
    return Credentials(
        environment={
            "AWS_PROFILE": target.aws_profile,
            "AWS_CONFIG_FILE": config,
            "AWS_SHARED_CREDENTIALS_FILE": credentials,
        },
        files={config: profile.config, credentials: profile.credentials},
        secrets=profile.secrets,
    )
