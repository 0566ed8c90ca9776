"""Statements of things that happened, and the calls that can show them: a linter of a workflow shows no run of it.

Conservative on purpose: a statement is held to a demand only where its words clearly say that the thing happened. The
table is the policy.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agency_runtime.calls import Executed
from agency_runtime.handoff.linters import LINTERS, SCANNERS
from agency_runtime.handoff.support import PRINTS, SHOWS_CONTENT, WRITES, brief, only_reads, shell_of

CLAUSE = re.compile(r"[.;](?=\s|$)|,\s|\s(?:and|but|while|so)\s")
DENIED = re.compile(
    r"\b(?:no|not|nothing|never|none|neither|nor|without|would|will|should|must|can|cannot|could|may|if|when|once|until|unless"
    r"|before|after|only|whether|to be)\b",
    re.IGNORECASE,
)
"""Words before a statement that make it a denial, a condition or an intention."""

LINTED = re.compile(
    rf"^(?:(?:python3?|uv|uvx|npx|pipx|poetry|run|-m|-q|--\S+)\s+)*(?:{LINTERS}|yaml\.tool|compileall|py_compile)\b"
    r"|^(?:terraform|tofu)\s+(?:\S+\s+)*?(?:fmt|validate)\b|^helm\s+(?:lint|template)\b|^(?:ba|da|z|k)?sh\s+-n\b"
    r"|^docker[ -]compose\s+(?:\S+\s+)*?config\b|^docker\s.*--check\b|^trivy\s+config\b|^nginx\s+-t\b"
    r"|^(?:Terraform action=(?:fmt|validate)|Helm action=(?:lint|template)|Docker action=compose_config)\b",
    re.IGNORECASE,
)
"""Commands that look at what is written and run nothing of it."""

LOCAL = re.compile(
    rf"\b(?:{LINTERS}|{SCANNERS}|lint\w*|schemas?|syntax|locally|steps?|commands?|scripts?|by hand|same|valid\w*|manifests?|cronjobs?)\b",
    re.IGNORECASE,
)
"""Words by which a workflow or a job was checked, or its steps were done here, and it is not said to have run."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A kind of statement and what can show it.

    words: what says it. does: what its calls do, after "cite a call that". runs: the commands that do it. prints: what
    any other program prints that did it, as a script of the project's. unless: words beside it that make it another
    statement. at_least: how many different things, found by `counts`, the calls have to show.
    """

    name: str
    words: "re.Pattern[str]"
    does: str
    runs: "re.Pattern[str]"
    prints: "re.Pattern[str]"
    unless: "re.Pattern[str] | None" = None
    counts: "re.Pattern[str] | None" = None


def _words(text: str) -> "re.Pattern[str]":
    return re.compile(text, re.IGNORECASE)


ENGINES = (
    r"(?:docker|podman|nerdctl|buildah|buildctl|kaniko|docker-compose|skaffold|earthly|act|kind|minikube|dagger|bazel)"
)
RUNS_READ = (
    r"^gh\s+(?:run|pr\s+checks|workflow\s+run|api)\b|^glab\s+(?:ci|pipeline|api|mr)\b|^act\b|^gitlab-(?:runner|ci-local)\b"
    r"|^(?:circleci|tkn|argo|argocd|flux|buildkite-agent|drone|woodpecker\S*|dagger|concourse|fly)\b|^az\s+pipelines\b"
    r"|^aws\s+code(?:build|pipeline|deploy)\b|^gcloud\s+(?:builds|deploy)\b|^kubectl\b|^Kubernetes\b|^Cloud\b"
    r"|^(?:curl|wget|http)\b.*(?:api|actions|pipelines?|jenkins|jobs?)\b|^java\b.*jenkins"
)

DEMANDS = (
    Demand(
        name="an image was built or ran",
        words=_words(
            r"\b(?:images?|containers?)\b(?!\s*'s)(?:\s\w+){0,2}?\s(?:(?:was|were|has been)\s(?:\w+\s)?(?:built|run|started)"
            r"|builds?\b(?!\s(?:on|from|by|in(?!\s(?:under|about|less|[\d.]+\s?(?:s|m|min\w*|sec\w*)\b))|stages?|is|are|was|with|args?|cache\w*|jobs?|steps?|times?|contexts?|for|when)\b)"
            r"|starts(?!\s(?:with|from)\b)|boots|answers|answered|responds|responded|serves|ran\b|runs(?=\s*(?:[.,;]|$|and\b))"
            r"|comes up)|\bdocker\s(?:build|run)\s(?:was\srun|succe\w+|works|passe[sd]|exits?\s0)"
        ),
        does="built or ran it",
        runs=_words(
            rf"^{ENGINES}\b.*\b(?:build|buildx|bake|bud|run|up|exec|start|dev|push|load|test|inspect|ps|logs|history|create)\b"
            r"|^(?:act|buildctl|kaniko)\b|^Docker action=(?:build|run|logs|inspect|images)\b|^(?:curl|wget|http|nc)\b|^kubectl\b"
            r"|^Kubernetes\b|^gh\s+(?:run|pr\s+checks)\b|^glab\b|^(?:pack|ko|jib|container-structure-test|dgoss|dive)\b"
        ),
        prints=_words(r"\b(?:docker|podman|buildx|image|container)\b|naming to|exporting (?:to|layers)|successfully built"),
    ),
    Demand(
        name="a pipeline ran",
        words=_words(
            r"\b(?:jobs?|workflows?|pipelines?|stages?)\b(?:\s(?!(?:and|but)\b)[\w-]+){0,5}?\s(?:succeed(?:s|ed)"
            r"|(?:was|were|has been|have been)\s(?:\w+\s)?(?:run|executed|triggered|green|successful)|ran(?!\sthrough\b)"
            r"|(?:is|are)\s(?:now\s)?(?:all\s)?(?:green|successful)|completed|went\sgreen|finished)\b"
            r"|\b(?:jobs?|pipelines?)\s(?:all\s)?pass(?:es|ed)?(?=\s*(?:[.,;!]|$|in\b|on\b))"
        ),
        does="read or did a real run (`gh run view`, `glab ci`, `act`, …)",
        runs=_words(RUNS_READ),
        prints=_words(r"\b(?:runs?|pipelines?|jobs?)\b[^\n]{0,80}\b(?:success|succeeded|passed|completed)\b|\bconclusion\b"),
        unless=LOCAL,
    ),
    Demand(
        name="something was published",
        words=_words(
            r"\b(?:was|were|has been|have been|(?:is|are)\snow)\s(?:\w+\s)?(?:pushed|published|uploaded|released)\b"
            r"|^\W*(?:pushed|published|uploaded|released)\b"
        ),
        does="pushed or published it, or read it back from there",
        runs=_words(
            r"\bpush\b|--push\b|\bpublish\b|\bupload\b|\brelease\b|^(?:crane|skopeo|oras|regctl|twine|semantic-release|goreleaser"
            r"|aws|gsutil|gcloud|az|rclone|rsync|scp|cosign)\b|\b(?:manifest\sinspect|pull)\b|^(?:curl|wget|http)\b|^gh\b|^glab\b"
            r"|^kubectl\b|^Kubernetes\b|^Helm action=(?:upgrade|rollback|list|history|status)\b|^helm\b|^Cloud\b|^pip\s+(?:download|index)\b"
        ),
        prints=_words(r"\b(?:pushed|pushing|published|publishing|uploaded|uploading|released)\b"),
    ),
    Demand(
        name="nothing secret lies in the tree",
        words=_words(
            r"\b(?:no|0|zero|free\sof)\s(?:\w+\s|hard-?coded\s){0,2}?(?:secrets?|credentials?|api\skeys?|private\skeys?)\s*"
            r"(?:(?:are|is|were|was|lie|remain)\s+)?(?:found|present|leak\w*|committed|detected|exposed|(?:anywhere\s)?in\s(?:the|this)\s"
            r"(?:\w+\s)?(?:tree|repo\w*|code\w*|history|image|sources?|files)|[.;,]|$)"
        ),
        does="searched for secrets (gitleaks, trufflehog, detect-secrets, grep, …)",
        runs=_words(
            r"\b(?:gitleaks|trufflehog|detect-secrets\S*|ggshield|git-secrets|secretlint|talisman|whispers|noseyparker|semgrep|bandit"
            r"|checkov|kics|snyk|grype|pre-commit)\b|^trivy\s(?!config\b)|^(?:[ef]?grep|rg)\b|^git\s(?:grep|log)\b|^Grep\b"
        ),
        prints=_words(r"\bsecrets?\b|\bleaks?\b|\bcredentials?\b"),
    ),
    Demand(
        name="money is saved or spent",
        words=_words(
            r"[$€£]\s?\d|\b\d[\d,.]*\s?(?:USD|EUR|dollars?|euros?)\b|\b(?:sav(?:es?|ed|ings?)|costs?|spend\w*|bill)\b[^.;]*\b(?:half|third|quarter|month\w*|year\w*|annual\w*)"
            r"|\bcheaper\b"
        ),
        does="computed it (`infracost`, a price list of the provider's)",
        runs=_words(r"^infracost\b|^(?:aws|gcloud|az)\b.*(?:pricing|ce|cost|billing|consumption)|^Cloud\b|^kubecost\b|^opencost\b"),
        prints=_words(r"[$€£]\s?\d|\b(?:USD|EUR)\b"),
    ),
    Demand(
        name="a latency or a throughput was measured",
        words=_words(
            r"\bp\d\d(?:\.\d)?\b[^.;]*\d|\b(?:latenc(?:y|ies)|response\stimes?|throughput)\b[^.;]*\b(?:is|are|was|were|of|under|below|stays?|improved)\b"
            r"|\b(?:req(?:uests)?\s?(?:/|per)\s?s\w*|rps|qps)\b|\b(?:sustain\w+|handles?|serves?|load\s?-?test\w*)\b[^.;]*\b(?:requests?|users|load)\b"
        ),
        does="measured it (hey, k6, wrk, `curl -w`, …)",
        runs=_words(
            r"^(?:hey|k6|wrk2?|ab|vegeta|locust|oha|bombardier|siege|jmeter|hyperfine|artillery|gatling|fortio|ghz|h2load|autocannon)\b"
            r"|^curl\b.*\s(?:-w|--write-out)|^promtool\s+query\b"
        ),
        prints=_words(r"\bp\d\d\b|\blatenc|\b(?:req(?:uests)?)\s?(?:/|per)\s?s|\brps\b|\bpercentile|\bms\b"),
        unless=_words(r"\b(?:alerts?|rules?|thresholds?|recording|dashboards?|panels?|slo|objectives?|histogram\w*|queries|expr\w*)\b"),
    ),
    Demand(
        name="a rollback was tried",
        words=_words(
            r"\broll(?:ed\s|s\s|-?)backs?\b[^.;]*\b(?:test\w*|works?|worked|succe\w+|verified|complet\w+|took|takes|functional|rehearsed|restor\w+)\b"
            r"|\b(?:test\w*|verified|rehearsed)\b[^.;]*\brollbacks?\b|\b(?:was|were)\s(?:\w+\s)?rolled\sback\b"
        ),
        does="rolled back",
        runs=_words(r"\brollback\b|\brollout\s+undo\b|\bundo\b|\brevert\b"),
        prints=_words(r"\broll(?:ed|ing|s)?\s?-?back|\brollback|\bundo"),
    ),
    Demand(
        name="an alert was delivered",
        words=_words(
            r"\b(?:alerts?|notifications?|pages?|messages?)\b[^.;]*\b(?:delivered|deliver|fired|arriv\w+|received|reach(?:es|ed)?|sent|notif\w+)\b"
            r"|\b(?:slack|pagerduty|opsgenie|on-call)\b[^.;]*\b(?:received|notified|paged|got)\b"
        ),
        does="sent one and saw it arrive (`amtool alert`, the receiver's API, …)",
        runs=_words(r"^amtool\s+(?:alert|silence)\b|^(?:curl|wget|http)\b.*(?:alert|hook|slack|pagerduty|opsgenie|notif)|^promtool\s+test\b"),
        prints=_words(r"\b(?:delivered|received|notif\w+|firing)\b"),
        unless=_words(r"\b(?:rout\w+|configur\w+|rules?|receivers?|severity)\b"),
    ),
    Demand(
        name="the coverage was measured",
        words=_words(r"\bcover(?:age|ed|s)\b[^.;]*(?:\d\s?%|percent|\bfull\b)|\d\s?%\s(?:\w+\s){0,2}coverage|\b(?:full|complete)\s(?:\w+\s)?coverage"),
        does="measured it (`--cov`, `coverage report`, …)",
        runs=_words(r"--cov\b|--coverage\b|^coverage\b|-m\s+coverage\b|^(?:nyc|c8|lcov|gcov\w*|jacoco|kcov|tarpaulin)\b|-cover(?:profile)?\b"),
        prints=_words(r"\bcoverage\b|\bcovered\b"),
    ),
    Demand(
        name="something became better",
        words=_words(
            r"\b(?:halv(?:es|ed|ing)|doubl(?:es|ed)|twice\sas\s\w+|(?:\d+|two|three|four|five|ten)\s?(?:x|times)\s(?:faster|smaller|cheaper)|by\s(?:half|a\s(?:third|quarter)))\b"
            r"|\b(?:faster|smaller|quicker|lighter|shorter)\sthan\b"
        ),
        does="measured both, before and after",
        runs=_words(r"^hyperfine\b|^benchstat\b"),
        prints=re.compile(r"(?!)"),
        counts=_words(r"(?P<before>\bbefore\b|\bold\b|\bmain\b|\bbaseline\b)|(?P<after>\bafter\b|\bnew\b|\bnow\b)"),
    ),
    Demand(
        name="nothing vulnerable was found",
        words=_words(r"\b(?:no|0|zero|free\sof)\s(?:\w+[\s/,-]+){0,4}?(?:vulnerabilit\w+|cves?)\b"),
        does="scanned for them (trivy, grype, osv-scanner, pip-audit, `npm audit`, …)",
        runs=_words(
            r"^(?:\S+\s+-m\s+)?(?:trivy|grype|osv-scanner|snyk|pip[-_]audit|safety|clair\S*|dockle|govulncheck|gosec|brakeman|bandit|semgrep|checkov)\b"
            r"|\baudit\b|^docker\s+scout\b"
        ),
        prints=_words(r"\bvulnerabilit|\bCVE-|\badvisor(?:y|ies)\b"),
    ),
    Demand(
        name="a package was installed",
        words=_words(
            r"\b(?:wheel|sdist|package)\b(?:\s\w+){0,2}?\s(?:(?:was|is)\sinstalled|install(?:s|ed)(?=\s*(?:[.,;]|$|into\b|in\ba?|cleanly|from"
            r"|without|and|with\b|on\b)))"
        ),
        does="installed it",
        runs=_words(
            r"\binstall\b|^uv\s(?:pip|sync|tool|run)\b|^(?:uvx|pipx|tox|nox|dpkg|rpm|apk|apt|apt-get|npx)\b|^npm\s(?:ci|i)\b|-m\svenv\b"
            rf"|^{ENGINES}\b|^Docker action=(?:build|run)\b"
        ),
        prints=_words(r"\binstall(?:s|ed|ing)\b"),
    ),
    Demand(
        name="the tests pass on several versions",
        words=_words(
            r"\btests?\b[^.;]*\b(?:pass\w*|green|succe\w+|ok)\b[^.;]*\bon\s(?:every|all|each|both)\b[^.;,]*\b(?:versions?|platforms?|interpreters?"
            r"|architectures?|pythons?)\b"
        ),
        does="ran them on each of these",
        runs=_words(rf"^(?:tox|nox|hatch)\b|{RUNS_READ}"),
        prints=re.compile(r"(?!)"),
        counts=_words(
            r"(?:python|py|--python[ =]|cpython-?|pypy|node[: @-]?|go|java|jdk|ruby|php)[ :@-]?v?(?P<version>[23]\.\d+|3\d\d|\d{1,2}(?:\.\d+)?)\b"
            r"|linux/(?P<platform>\w+)"
        ),
    ),
)  # fmt: skip
"""The kinds of statement that a look at the files cannot show."""


def unmet(statement: str, cited: Iterable[Executed]) -> list[str]:
    """What the cited calls cannot show of a statement, each with the call that would."""
    calls = list(cited)
    return [_fault(demand, calls) for demand in demands_of(statement) if not _met(demand, calls)]


def demands_of(statement: str) -> list[Demand]:
    """The demands that a statement's words clearly make."""
    return [
        demand for demand in DEMANDS if any(_said(demand, statement, said) for said in demand.words.finditer(statement))
    ]


def _said(demand: Demand, statement: str, said: "re.Match[str]") -> bool:
    """Whether words say it: the clause that they stand in neither denies it nor speaks of something else."""
    start = max([0, *(end.end() for end in CLAUSE.finditer(statement, 0, said.start()))])
    after = CLAUSE.search(statement, said.end())
    clause = statement[start : after.start() if after else len(statement)]
    if DENIED.search(statement[start : said.end()].replace(said.group(0), _bare(said.group(0)))):
        return False
    return demand.unless is None or demand.unless.search(clause) is None


def _bare(said: str) -> str:
    """The words themselves without the `no` that makes the statement what it is."""
    return re.sub(r"^(?:no|free of)\b", " ", said, flags=re.IGNORECASE)


def _fault(demand: Demand, calls: Sequence[Executed]) -> str:
    shown = ", ".join(f"{call.ref} ({brief(call.command)})" for call in calls)
    return f"{shown} cannot show that {demand.name}; cite a call that {demand.does}, or say under not_run that none did"


def _met(demand: Demand, calls: Sequence[Executed]) -> bool:
    if any(_shows(demand, call) for call in calls):
        return True
    return demand.counts is not None and len(_versions(demand.counts, calls)) > 1


def _versions(counts: "re.Pattern[str]", calls: Sequence[Executed]) -> set[str]:
    text = "\n".join(f"{call.command}\n{call.output}" for call in calls)
    return {found[found.lastgroup or 0].replace(".", "") for found in counts.finditer(text)}


def _shows(demand: Demand, call: Executed) -> bool:
    """Whether one of a call's programs does it, or one that only the project knows prints that it did."""
    acting = [command for command in commands_of(call) if not linted(command)]
    if any(demand.runs.search(command) for command in acting):
        return True
    return any(_opaque(command) for command in acting) and demand.prints.search(call.output) is not None


def commands_of(call: Executed) -> list[str]:
    """Every command that a call ran, without those that only print; a tool is one command."""
    if call.tool != "Bash":
        return [call.command]
    return [" ".join(words) for words in shell_of(call).commands if words[0] not in PRINTS]


def linted(command: str) -> bool:
    """Whether a command looks at what is written and runs nothing of it."""
    return LINTED.search(command) is not None


def _opaque(command: str) -> bool:
    """Whether what a command does is told by what it prints alone."""
    program = command.partition(" ")[0]
    reads = program in SHOWS_CONTENT | WRITES or only_reads(program)
    return not reads and re.match(SCANNERS, program) is None
