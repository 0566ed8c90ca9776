"""Which files of CI ask before they are written: the policy's `ci` switch, as rules of the gate."""

from typing import Literal, TypeAlias

Guard: TypeAlias = Literal["free", "secrets", "all"]
"""free: none asks. secrets: what holds secrets of CI, or says who approves. all: workflows too."""

SECRETS = (
    "CODEOWNERS", ".github/settings.yml", ".github/rulesets/**", ".github/secrets/**", ".secrets", ".actrc", ".sops.yaml",
    ".git-credentials", ".npmrc", ".pypirc", ".dockerconfigjson", ".terraformrc", "terraform.rc", ".vault-token",
)  # fmt: skip
"""A bare name counts in every folder, as in .gitignore."""

WORKFLOWS = (
    ".github/workflows/**", ".github/actions/**", ".gitlab-ci.yml", ".circleci/**", ".buildkite/**", ".tekton/**", ".woodpecker/**",
    ".woodpecker.yml", ".drone.yml", ".travis.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", "Jenkinsfile",
)  # fmt: skip
"""Writing these is the daily work of the persona that is shipped, so only `all` asks."""


def asking(guard: Guard) -> list[str]:
    """The ask rules of a switch."""
    paths = {"free": (), "secrets": SECRETS, "all": (*SECRETS, *WORKFLOWS)}[guard]
    return [f"Edit({'/' if '/' in path else ''}{path})" for path in paths]
