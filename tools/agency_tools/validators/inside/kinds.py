"""What kind of file it is: by its place, and by what is in it; a name alone decides only where it is a convention."""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .values import Source

SHELLS = re.compile(r"^#!\s*(?:/usr)?/bin/(?:env\s+(?:-S\s+)?)?(?:/bin/)?(ba|da|k|mk)?sh\b")
SHELL_NAMES = re.compile(r"\.(?:sh|bash|ksh|dash)$")
UNIT = re.compile(r"\.(?:service|socket|timer|mount|automount|path|target|slice|swap|network|netdev|link)$")
UNIT_SECTION = re.compile(
    r"^\[(?:Unit|Service|Socket|Timer|Mount|Automount|Path|Install|Slice|Swap)\]\s*$", re.MULTILINE
)
DOCKERFILE = re.compile(r"^(?:.+\.)?(?:Dockerfile|Containerfile)(?:[.-].+)?$|\.dockerfile$", re.IGNORECASE)
NOT_DOCKERFILE = re.compile(
    r"\.(?:md|txt|py|go|js|ts|json|ya?ml|sh|j2|tmpl|tpl|erb|dockerignore)$|ignore$", re.IGNORECASE
)
FROM = re.compile(r"^\s*FROM\s+\S+", re.IGNORECASE | re.MULTILINE)
TOP_KEY = re.compile(r"""^(?:["']?)([A-Za-z_$<][\w.$<-]*)["']?\s*:(?:\s|$)""", re.MULTILINE)
PIPELINE = re.compile(r"^\s*(?:pipeline|node(?:\s*\(.*\))?)\s*\{", re.MULTILINE)
JSON_WITH_COMMENTS = re.compile(
    r"(?:^|/)(?:[tj]sconfig[\w.-]*\.json|\.eslintrc\.json|\.babelrc|devcontainer\.json)$|(?:^|/)\.(?:vscode|devcontainer)/"
)
TEMPLATED = re.compile(r"\.(?:j2|jinja2?|tmpl|tpl|tftpl|erb|gotmpl|mustache|hbs)$")
TERRAFORM = (".tf", ".tofu")
VARIABLES = (".tfvars",)


def classify(source: Source) -> frozenset[str]:
    """Every kind that the file is."""
    if TEMPLATED.search(source.name):
        return frozenset({"any"})
    found = {"any", *_by_name(source)}
    if source.name.endswith((".yml", ".yaml")) or source.name in (".yamllint", ".clang-format"):
        found |= _yaml(source)
    elif source.name.endswith(".json"):
        found |= _json(source)
    return frozenset(found)


def _by_name(source: Source) -> set[str]:
    name, text = source.name, source.text
    found: set[str] = set()
    if name.endswith(".toml"):
        found.add("toml")
    if name.endswith((*TERRAFORM, ".tftest.hcl", *VARIABLES)):
        found |= {"hcl", "terraform"} if not name.endswith((*VARIABLES, ".tftest.hcl")) else {"hcl"}
    elif name.endswith((".hcl", ".nomad")):
        found.add("hcl")
    if SHELL_NAMES.search(name) or SHELLS.match(text):
        found.add("shell")
    if _is_dockerfile(source):
        found.add("dockerfile")
    if name.startswith("Jenkinsfile") or name.lower().endswith((".jenkinsfile", ".jenkins")) or (name.endswith(".groovy") and PIPELINE.search(text)):  # fmt: skip
        found.add("jenkinsfile")
    if UNIT.search(name) and UNIT_SECTION.search(text):
        found.add("systemd")
    return found


def _is_dockerfile(source: Source) -> bool:
    if DOCKERFILE.search(source.name):
        return NOT_DOCKERFILE.search(source.name) is None
    if "." in source.name or not FROM.search(source.text):
        return False
    first = next((line for line in source.lines if line.strip() and not line.lstrip().startswith("#")), "")
    return re.match(r"\s*(?:FROM|ARG)\s+\S", first) is not None and re.search(r"^(?:RUN|COPY|CMD|ENTRYPOINT)\s", source.text, re.MULTILINE) is not None  # fmt: skip


def _yaml(source: Source) -> set[str]:
    if in_chart_templates(source.root, source.path):
        return {"helm-template"}
    keys = set(TOP_KEY.findall(source.text))
    found = {"yaml", *_continuous_integration(source, keys), *_monitoring(source, keys), *_cluster(source, keys)}
    if _is_compose(source, keys):
        found.add("compose")
    if _is_cloudformation(source.text, keys):
        found.add("cloudformation")
    if not keys & {"apiVersion", "jobs", "services"}:
        found |= _ansible(source)
    return found


def _json(source: Source) -> set[str]:
    if in_chart_templates(source.root, source.path):
        return set()
    if JSON_WITH_COMMENTS.search(source.path):
        return {"json5"}
    found = {"json", "terraform-json"} if source.name.endswith((".tf.json", ".tofu.json")) else {"json"}
    head = source.text[:200_000]
    if '"AWSTemplateFormatVersion"' in head or ('"Resources"' in head and re.search(r'"Type"\s*:\s*"AWS::', head)):
        found.add("cloudformation")
    if ('"panels"' in source.text and ('"schemaVersion"' in source.text or '"gridPos"' in source.text)) or (
        '"rows"' in head and '"templating"' in source.text and '"schemaVersion"' in source.text
    ):
        found.add("grafana")
    if '"apiVersion"' in head and '"kind"' in head and '"metadata"' in head:
        found.add("kubernetes")
    return found


def _continuous_integration(source: Source, keys: set[str]) -> set[str]:
    path, name = f"/{source.path}", source.name
    found: set[str] = set()
    if "/.github/workflows/" in path or ("jobs" in keys and "on" in keys and "runs-on" in source.text):
        found.add("github-workflow")
    elif name in ("action.yml", "action.yaml") and "runs" in keys:
        found.add("github-action")
    elif path.endswith(("/.github/dependabot.yml", "/.github/dependabot.yaml")):
        found.add("dependabot")
    elif name.endswith((".gitlab-ci.yml", ".gitlab-ci.yaml")) or "/.gitlab/ci/" in path or _is_gitlab(source, keys):
        found.add("gitlab-ci")
    for kind, places in OTHER_PIPELINES.items():
        if path.endswith(places):
            found.add(kind)
    return found


NOT_ALERTMANAGER = frozenset({"apiVersion", "exporters", "processors", "service", "server", "jobs", "services"})
ROUTED = re.compile(
    r"^\s*receiver\s*:\s*\S.*(?:\n.*)*?^\s*-?\s*name\s*:\s|^\s*-\s*name\s*:\s(?:.*\n)*?\s*receiver\s*:\s*\S",
    re.MULTILINE,
)
"""A route's receiver, and the name of one."""

OTHER_PIPELINES: dict[str, tuple[str, ...]] = {
    "circle-ci": ("/.circleci/config.yml",),
    "azure-pipelines": ("/azure-pipelines.yml", "/azure-pipelines.yaml"),
    "bitbucket-pipelines": ("/bitbucket-pipelines.yml",),
    "cloudbuild": ("/cloudbuild.yaml", "/cloudbuild.yml"),
    "drone-ci": ("/.drone.yml",),
    "buildkite": ("/.buildkite/pipeline.yml",),
    "travis": ("/.travis.yml",),
}
"""Pipelines of other services: their published schema is the only check."""


def _is_gitlab(source: Source, keys: set[str]) -> bool:
    return "stages" in keys and re.search(r"^  (?:script|stage)\s*:", source.text, re.MULTILINE) is not None and not keys & {"jobs", "apiVersion", "pool", "trigger"}  # fmt: skip


def _monitoring(source: Source, keys: set[str]) -> set[str]:
    text, found = source.text, set[str]()
    if "groups" in keys and re.search(r"^\s+(?:-\s+)?rules\s*:", text, re.MULTILINE) and re.search(r"\bexpr\s*:", text):
        if keys <= {"groups", "namespace"}:
            found.add("prometheus-rules")
    elif "rule_files" in keys and "tests" in keys:
        found.add("prometheus-tests")
    elif "scrape_configs" in keys and not keys & {
        "clients",
        "positions",
        "server",
        "metrics",
        "extensions",
        "receivers",
    }:
        found.add("prometheus-config")
    elif keys & {"route", "receivers"} and not keys & NOT_ALERTMANAGER and ROUTED.search(text):
        found.add("alertmanager")
    return found


def _cluster(source: Source, keys: set[str]) -> set[str]:
    if source.name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
        return {"kustomization"}
    if source.name == "Chart.yaml":
        return {"chart"}
    if source.name.startswith("values") and _is_chart(os.path.join(source.root, source.folder)):
        return {"helm-values"}
    if "kind" not in keys or not re.search(r"^(?:- )?[\"']?apiVersion[\"']?\s*:\s*\S", source.text, re.MULTILINE):
        return set()
    return {"kubernetes"}


def _is_compose(source: Source, keys: set[str]) -> bool:
    if re.match(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$", source.name):
        return "apiVersion" not in keys
    if "services" not in keys or keys & {"apiVersion", "kind", "language", "stages", "pipelines"}:
        return False
    known = {"services", "version", "volumes", "networks", "configs", "secrets", "name", "include", "models"}
    body = re.search(r"^  ?  ?  (?:image|build)\s*:", source.text, re.MULTILINE)
    return body is not None and all(key in known or key.startswith("x-") for key in keys)


def _is_cloudformation(text: str, keys: set[str]) -> bool:
    if "AWSTemplateFormatVersion" in keys:
        return True
    return "Resources" in keys and re.search(r"^\s+Type\s*:\s*[\"']?AWS::", text, re.MULTILINE) is not None


def _ansible(source: Source) -> set[str]:
    if not re.search(r"^-\s", source.text, re.MULTILINE):
        return set()
    if re.search(
        r"^(?:-|  )\s*(?:hosts|tasks|roles|import_playbook|ansible\.builtin\.import_playbook)\s*:",
        source.text,
        re.MULTILINE,
    ):
        return {"ansible-playbook"}
    if re.search(r"(?:^|/)(?:tasks|handlers)/[^/]+\.ya?ml$", source.path):
        return {"ansible-tasks"}
    return set()


@functools.lru_cache(maxsize=4096)
def _is_chart(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "Chart.yaml"))


def in_chart_templates(root: str, path: str) -> bool:
    """Whether the file lies in a Helm chart's templates, which are no YAML."""
    parts = path.split("/")[:-1]
    return any(
        part == "templates" and _is_chart(os.path.join(root, *parts[:number])) for number, part in enumerate(parts)
    )


def forget_charts() -> None:
    """Look again where charts are; the tree has changed."""
    _is_chart.cache_clear()
