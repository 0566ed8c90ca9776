"""The persona's completion checklist, judged item by item from what ran."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.claimed import Claimed, Item, Verdict
from agency_runtime.handoff.demands import RUNS_READ, commands_of, linted
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.handoff.linters import SCANNERS
from agency_runtime.handoff.report import HandoffReport
from agency_runtime.handoff.support import ABLE, REHEARSED, kinds_of


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What one item of the checklist is about: its files, the words that claims use of it, and the calls that show it live.

    short: what a check without such a call leaves open.
    """

    name: str
    noun: str
    files: "re.Pattern[str]"
    words: "re.Pattern[str]"
    live: "re.Pattern[str]"
    short: str


PIPELINES = Subject(
    name="Pipelines functional",
    noun="pipeline",
    files=re.compile(
        r"^\.github/(?:workflows|actions)/|(?:^|/)\.gitlab-ci|(?:^|/)Jenkinsfile|azure-pipelines|^\.circleci/|bitbucket-pipelines",
        re.IGNORECASE,
    ),
    words=re.compile(r"workflow|pipeline|actionlint|zizmor|\bci\b|jenkins|\.github/", re.IGNORECASE),
    live=re.compile(RUNS_READ, re.IGNORECASE),
    short="checked by {}, never run",
)
MONITORING = Subject(
    name="Monitoring active",
    noun="monitoring",
    files=re.compile(r"prometheus|grafana|alert|datadog|monitor|(?:^|/)dashboards?/", re.IGNORECASE),
    words=re.compile(r"prometheus|promtool|grafana|alert|amtool|datadog|monitor|dashboard|metrics", re.IGNORECASE),
    live=re.compile(
        r"^(?:curl|wget|http|kubectl|docker|podman|gh|aws|gcloud|az|ssh)\b|^(?:Kubernetes|Cloud|Docker action=(?:run|logs))\b"
        r"|^promtool\s+query\b|^amtool\s+(?:alert|silence)\b|^(?:logcli|grafanactl|datadog\S*|newrelic)\b",
        re.IGNORECASE,
    ),
    short="checked by {}, nothing was live",
)
SCANS = re.compile(
    rf"^(?:\S+\s+-m\s+)?(?:{SCANNERS}|snyk|osv-scanner|pip-audit|safety|clair\S*|dockle|gosec|govulncheck|brakeman|cargo\s+audit"
    r"|(?:npm|pnpm|yarn)\s+audit|git-secrets|noseyparker|whispers|kubesec|tfsec|terrascan|docker\s+scout)\b"
    r"|\b(?:pip_audit|pip-audit|detect_secrets|detect-secrets\S*)\b",
    re.IGNORECASE,
)
"""Scanners for secrets or for vulnerabilities; a linter that also knows security is none."""
CLOUD = re.compile(r"\.(?:tf|tofu|bicep)$|cloudformation|\.template\.(?:ya?ml|json)$|(?:^|/)pulumi", re.IGNORECASE)
DOCUMENTS = re.compile(r"\.(?:md|mdx|rst|adoc)$|(?:^|/)docs?/|runbook", re.IGNORECASE)
DEPLOYABLE = re.compile(
    r"(?:^|/)(?:k8s|kubernetes|helm|charts?|deploy\w*|manifests?|infra\w*|terraform)/|dockerfile|compose.*\.ya?ml$|\.tf$",
    re.IGNORECASE,
)
TOOLS = frozenset({"Bash", "Kubernetes", "Helm", "Terraform", "Cloud", "Docker"})


def checklist(
    report: HandoffReport | None, verdict: Verdict | None, calls: Sequence[Executed], files: FilesChanged
) -> tuple[Item, ...]:
    """The eight items: passed, failed, not applicable with its reason, or not run."""
    claims = [claim for claim in verdict.claims if claim.where in ("claims", "resources")] if verdict else []
    paths, checks = (*files.created, *files.modified), verdict.checks if verdict else ()
    return (
        _summary(report),
        _files(verdict, files),
        _infrastructure(claims, paths),
        _checked(PIPELINES, claims, calls, paths, checks),
        _checked(MONITORING, claims, calls, paths, checks),
        _security(claims, calls, paths),
        _documentation(paths),
        _deployment(claims, calls, paths),
    )


def _summary(report: HandoffReport | None) -> Item:
    why = "rendered from the report" if report else "no report was given"
    return Item(name="Summary written", outcome="passed" if report else "failed", why=why)


def _files(verdict: Verdict | None, files: FilesChanged) -> Item:
    false = verdict.false_files if verdict else ()
    why = false[0].removeprefix("files: ") if false else f"{_count(len(files.all), 'path')}, computed from git"
    return Item(name="Files tracked", outcome="failed" if false else "passed", why=why)


def _infrastructure(claims: Sequence[Claimed], paths: Sequence[str]) -> Item:
    name, mine = "Infrastructure provisioned", [claim for claim in claims if claim.where == "resources"]
    if mine:
        return _judged(name, mine, f"{_count(len(mine), 'resource')}, each citing the calls that created it")
    if any(CLOUD.search(path) for path in paths):
        return Item(name=name, outcome="not run", why="defined in code; nothing was applied in this run")
    return Item(name=name, outcome="not applicable", why="this run defines no cloud resource")


def _checked(
    subject: Subject,
    claims: Sequence[Claimed],
    calls: Sequence[Executed],
    paths: Sequence[str],
    checks: Sequence[EndCheck],
) -> Item:
    """An item whose files want to be seen at work: by the claims that speak of them. A validator that failed on one fails it."""
    mine = [path for path in paths if subject.files.search(path)]
    fault = next((line for check in checks if check.outcome == "failed" for line in check.findings if line.startswith(tuple(f"{path}:" for path in mine))), "")  # fmt: skip
    if mine and fault:
        return Item(name=subject.name, outcome="failed", why=fault)
    spoken = [
        claim for claim in claims if subject.words.search(f"{claim.about} {claim.statement}") or claim.about in mine
    ]
    if not mine and not spoken:
        return Item(name=subject.name, outcome="not applicable", why=f"this run changed no {subject.noun}")
    if spoken:
        return _judged(
            subject.name, spoken, f"shown by {_refs(spoken)}", _short(spoken, calls, subject.live, subject.short)
        )
    return Item(name=subject.name, outcome="not run", why=f"{_some(mine)}: no claim speaks of a check")


def _short(claims: Sequence[Claimed], calls: Sequence[Executed], live: "re.Pattern[str]", short: str) -> str:
    """What stays open where no cited call ran such a thing; empty where one did."""
    cited = {ref for claim in claims for ref in claim.calls}
    ran = any(
        live.search(command)
        for call in calls
        if call.ref in cited
        for command in commands_of(call)
        if not linted(command) and not REHEARSED.search(command)
    )
    return "" if ran else short.format(_refs(claims))


def _security(claims: Sequence[Claimed], calls: Sequence[Executed], paths: Sequence[str]) -> Item:
    name, mine = (
        "Security validated",
        [claim for claim in claims if "scan" in kinds_of(claim.statement) or _secure(claim)],
    )
    if mine:
        short = _short(mine, calls, SCANS, "checked by {}, no scan for secrets or vulnerabilities")
        return _judged(name, mine, f"scanned by {_refs(mine)}", short)
    if paths:
        return Item(name=name, outcome="not run", why="no claim speaks of a security check")
    return Item(name=name, outcome="not applicable", why="this run changed nothing")


def _secure(claim: Claimed) -> bool:
    named = r"secur|secret|hadolint|zizmor|checkov|trivy|gitleaks|bandit|semgrep|\biam\b|non-root|privilege"
    return re.search(named, claim.statement, re.IGNORECASE) is not None


def _documentation(paths: Sequence[str]) -> Item:
    mine = [path for path in paths if DOCUMENTS.search(path) and not path.startswith(".agency/plans/")]
    if mine:
        return Item(name="Documentation complete", outcome="passed", why=_some(mine))
    if paths:
        return Item(name="Documentation complete", outcome="not run", why="this run wrote no document")
    return Item(name="Documentation complete", outcome="not applicable", why="this run changed nothing")


def _deployment(claims: Sequence[Claimed], calls: Sequence[Executed], paths: Sequence[str]) -> Item:
    name, mine = "Deployment tested", [claim for claim in claims if "deployment" in kinds_of(claim.statement)]
    if mine:
        return _judged(name, mine, f"shown by {_refs(mine)}")
    if any(DEPLOYABLE.search(path) for path in paths):
        tried = [call for call in calls if _deploys(call)]
        why = f"{tried[-1].ref} was not claimed" if tried else "nothing was deployed in this run"
        return Item(name=name, outcome="not run", why=why)
    return Item(name=name, outcome="not applicable", why="this run changed nothing that is deployed")


def _deploys(call: Executed) -> bool:
    fit = call.tool in TOOLS - {"Bash", "Docker"} and not call.denied and not call.failed
    return fit and ABLE["deployment"].search(call.command) is not None and not REHEARSED.search(call.command)


def _judged(name: str, claims: Sequence[Claimed], why: str, short: str = "") -> Item:
    """Failed where a claim does not stand, not run where its calls fall short of the item, passed otherwise."""
    wrong = next((claim for claim in claims if not claim.verified), None)
    if wrong is None:
        return Item(name=name, outcome="not run" if short else "passed", why=short or why)
    statement = "a template's sample" if wrong.residue else wrong.statement
    return Item(name=name, outcome="failed", why=f"not verified: {statement}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _refs(claims: Sequence[Claimed]) -> str:
    return ", ".join(sorted({ref for claim in claims for ref in claim.calls}, key=lambda ref: (len(ref), ref)))


def _some(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
