"""The persona's completion checklist, judged item by item from what ran."""

import re
from collections.abc import Callable, Sequence

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.evidence import Item, Verdict
from agency_runtime.handoff.report import HandoffReport

CLOUD = re.compile(r"\.(tf|tofu|bicep)$|cloudformation|\.template\.(ya?ml|json)$", re.IGNORECASE)
PIPELINE = re.compile(r"^\.github/workflows/|\.gitlab-ci|(^|/)Jenkinsfile|azure-pipelines|\.circleci/", re.IGNORECASE)
MONITORING = re.compile(r"prometheus|grafana|alert|datadog|monitor", re.IGNORECASE)
DOCUMENTS = re.compile(r"\.md$|(^|/)docs/|runbook", re.IGNORECASE)
DEPLOY = re.compile(r"\b(rollout|upgrade|apply|deploy)\b", re.IGNORECASE)
SECURITY = re.compile(
    r"zizmor|checkov|trivy|detect-secrets|hadolint|gitleaks|bandit|audit|semgrep|secret|secur", re.IGNORECASE
)


def checklist(
    report: HandoffReport | None, verdict: Verdict | None, calls: Sequence[Executed], files: FilesChanged
) -> tuple[Item, ...]:
    """The eight items: passed, failed, not applicable with its reason, or not run."""
    paths = (*files.created, *files.modified)
    shown = [claim for claim in verdict.verified if claim.where == "claims"] if verdict else []

    def proven(name: str, concern: Callable[[str], bool], subject: str) -> Item:
        mine = [path for path in paths if concern(path)]
        if not mine:
            return Item(name=name, outcome="not applicable", why=f"this run changed no {subject}")
        backing = [
            claim
            for claim in shown
            if any(concern(text) for text in (claim.about, claim.statement)) or claim.about in mine
        ]
        if backing:
            return Item(
                name=name,
                outcome="passed",
                why=f"{len(mine)} files, checked by {', '.join(sorted({ref for claim in backing for ref in claim.calls}, key=_order))}",
            )
        return Item(
            name=name,
            outcome="not run",
            why=f"{mine[0]} and {len(mine) - 1} more: no verified claim speaks of them"
            if mine[1:]
            else f"{mine[0]}: no verified claim speaks of it",
        )

    provisioned = [resource for resource in (report.resources if report else ()) if resource.state == "provisioned"]
    deployed = [
        call
        for call in calls
        if call.tool in ("Kubernetes", "Helm") and not call.failed and DEPLOY.search(call.command)
    ]
    return (
        Item(
            name="Summary written",
            outcome="passed" if report else "failed",
            why="rendered from the report" if report else "no report was given",
        ),
        Item(name="Files tracked", outcome="passed", why=f"{len(files.all)} paths, computed from git"),
        _infrastructure(provisioned, any(CLOUD.search(path) for path in paths)),
        proven("Pipelines functional", lambda text: bool(PIPELINE.search(text)), "pipeline"),
        proven("Monitoring active", lambda text: bool(MONITORING.search(text)), "monitoring"),
        _security(shown, bool(paths)),
        proven("Documentation complete", lambda text: bool(DOCUMENTS.search(text)), "documentation"),
        Item(name="Deployment tested", outcome="passed", why=f"call {deployed[-1].ref}")
        if deployed
        else Item(name="Deployment tested", outcome="not run", why="this run deployed nothing: it had no target"),
    )


def _order(ref: str) -> int:
    return int(ref[1:]) if ref[1:].isdigit() else 0


def _infrastructure(provisioned: Sequence[object], cloud: bool) -> Item:
    name = "Infrastructure provisioned"
    if provisioned:
        return Item(
            name=name, outcome="passed", why=f"{len(provisioned)} resources, each citing the calls that created it"
        )
    if cloud:
        return Item(name=name, outcome="not run", why="defined in code; this run had no target to create it on")
    return Item(name=name, outcome="not applicable", why="no cloud resource is defined by this run")


def _security(shown: Sequence[object], changed: bool) -> Item:
    name = "Security validated"
    backing = [claim for claim in shown if SECURITY.search(getattr(claim, "statement", ""))]
    if backing:
        return Item(name=name, outcome="passed", why=f"{len(backing)} verified claims of security checks")
    if changed:
        return Item(name=name, outcome="not run", why="no verified claim speaks of a security check")
    return Item(name=name, outcome="not applicable", why="this run changed nothing")
