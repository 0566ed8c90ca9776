"""aws, gcloud and az: read verbs by closed list or closed prefix; everything else changes or destroys."""

import re
from collections.abc import Sequence

from agency_runtime.gate.argv import Line, names, parse_line, program_of
from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect, Pins
from agency_runtime.gate.targets import Field

AWS_VALUED = names("--profile --region --endpoint-url --output --query --ca-bundle --cli-read-timeout --cli-connect-timeout --color "
                   "--cli-input-json --cli-input-yaml --filters --max-items --page-size --starting-token")  # fmt: skip
AWS_SWITCHES = names("--debug --no-verify-ssl --no-paginate --no-sign-request --no-cli-pager --no-cli-auto-prompt --delete --exact-timestamps --size-only --recursive --human-readable --summarize")  # fmt: skip
AWS_READS = re.compile(r"(describe|list|get|head|search|lookup|batch-get|check|estimate|validate|simulate|preview|query|scan|filter|detect|count)(-.*)?$")  # fmt: skip
AWS_DESTROYS = re.compile(r"(delete|terminate|destroy|remove|purge|deregister|release|revoke|batch-delete|schedule-key-deletion|disassociate|detach|cancel|empty|reset|rb|rm)(-.*)?$")  # fmt: skip
AWS_EXACT: dict[str, Kind] = {
    "s3api get-object": "change", "ec2 get-console-output": "change", "ec2 get-console-screenshot": "change", "lambda get-function": "change",
    "route53 change-resource-record-sets": "destroy", "events test-event-pattern": "read", "logs test-metric-filter": "read",
    "route53 test-dns-answer": "read", "cloudformation continue-update-rollback": "change", "cloudformation detect-stack-drift": "change",
    "sts get-caller-identity": "read", "s3 ls": "read", "s3 presign": "change", "logs tail": "read", "configure list": "read",
    "configure list-profiles": "read", "configure get": "read", "cloudformation create-change-set": "plan",
    "cloudformation execute-change-set": "change", "cloudformation deploy": "change", "cloudformation package": "change",
    "logs start-query": "read", "cloudtrail lookup-events": "read", "ec2 wait": "read", "ecr-public describe-images": "read",
    "s3 website": "change", "s3 mv": "change", "s3 mb": "change", "codeartifact login": "change", "ecs wait": "read",
    "cloudformation wait": "read", "rds wait": "read", "eks wait": "read", "s3 rm": "destroy", "s3 rb": "destroy",
}  # fmt: skip
AWS_SECRETS = names("get-secret-value batch-get-secret-value get-session-token get-federation-token get-login-password get-login "
                    "get-authorization-token get-password-data get-token get-credentials-for-identity get-role-credentials "
                    "get-credentials export-credentials get-cluster-credentials get-random-password get-kubeconfig")  # fmt: skip

GCLOUD_VALUED = names("--project --account --configuration --format --filter --zone --region --verbosity --billing-project "
                      "--impersonate-service-account --access-token-file --limit --sort-by --cluster --location --flags-file")  # fmt: skip
AZ_VALUED = names("--subscription --resource-group -g --name -n --output -o --query --location -l --ids --template-file -f "
                  "--parameters -p --vault-name --account-name")  # fmt: skip
VERBS: dict[str, Kind] = {
    "list": "read", "describe": "read", "show": "read", "exists": "read", "info": "read", "version": "read", "help": "read",
    "read": "read", "tail": "read", "search": "read", "get": "read", "get-value": "read", "get-iam-policy": "read", "topic": "read",
    "list-grantable-roles": "read", "list-locations": "read", "list-skus": "read", "list-sizes": "read", "diagnose": "read",
    "get-server-config": "read", "get-ancestors": "read", "get-health": "read", "get-instance-view": "read", "wait": "read",
    "what-if": "plan", "validate": "plan", "preview": "plan", "lint": "read", "ls": "read", "cat": "read", "du": "read", "stat": "read",
    "delete": "destroy", "destroy": "destroy", "remove": "destroy", "purge": "destroy", "rm": "destroy", "undelete": "change",
    "remove-iam-policy-binding": "destroy", "deallocate": "change", "reset": "destroy", "abandon": "destroy",
    "create": "change", "update": "change", "set": "change", "unset": "change", "deploy": "change", "apply": "change", "add": "change",
    "start": "change", "stop": "change", "restart": "change", "resize": "change", "import": "change", "export": "change",
    "enable": "change", "disable": "change", "ssh": "change", "scp": "change", "login": "change", "logout": "change",
    "activate": "change", "cp": "change", "mv": "change", "rsync": "change", "patch": "change", "invoke": "change", "call": "change",
    "run": "change", "execute": "change", "submit": "change", "move": "change", "copy": "change", "upload": "change",
    "get-credentials": "change", "access": "change", "print-access-token": "change", "print-identity-token": "change",
    "get-access-token": "change", "add-iam-policy-binding": "change", "set-iam-policy": "change", "rollback": "change",
    "application-default": "change", "generate-sas": "change", "rest": "change", "invoke-rest": "change",
}  # fmt: skip
BICEP: dict[str, Kind] = {
    "build": "local",
    "lint": "read",
    "decompile": "local",
    "format": "local",
    "generate-params": "local",
}
GROUPS = names("compute container iam sql run pubsub storage dns logging monitoring kms app redis memcache spanner bigtable composer dataflow "
               "dataproc beta alpha preview config auth deployment-manager managed docker firestore filestore database network vpc "
               "access-context-manager billing asset recommender security scc ai ml-engine notebooks eventarc scheduler workflows endpoints "
               "healthcare identity domains certificate-manager cloud-shell source active-directory data-catalog beyondcorp edge-cache "
               "instance-group ssl https http tcp org resource-manager policy-troubleshoot metastore apigee apis service-directory")  # fmt: skip
"""Groups of gcloud's commands that are no plurals."""
AZ_SECRETS = re.compile(
    r"\b(secret show|keys list|credential list|show-connection-string|list-keys|list-connection-strings|credential show)\b"
)
PINS: dict[str, dict[str, Field]] = {
    "aws": {"--profile": "aws_profile", "--endpoint-url": "credentials"},
    "gcloud": {"--project": "credentials", "--account": "credentials", "--configuration": "credentials",
               "--impersonate-service-account": "credentials", "--access-token-file": "credentials"},
    "az": {"--subscription": "credentials"},
}  # fmt: skip


def classify_aws(argv: Sequence[str]) -> Effect:
    """The effect of an aws command line."""
    line = parse_line(argv[1:], AWS_VALUED, AWS_SWITCHES)
    words = line.words
    pins: Pins = _pins("aws", line)
    if not words or words[-1] == "help":
        return Effect("read", "aws shows its help", pins=pins)
    if len(words) == 1:
        return Effect("change", f"aws {' '.join(words)}: an unknown verb counts as a change", pins=pins)
    verb = f"{words[0]} {words[1]}"
    if verb == "eks update-kubeconfig":
        pins = (*pins, ("credentials", verb))
    if words[1] in AWS_SECRETS or line.has("--with-decryption") or verb.startswith(("sts assume-role", "kms decrypt")):
        return Effect("change", f"aws {verb} hands out a live credential", pins=pins)
    return Effect(_aws_kind(verb, words, line), f"aws {verb}", pins=pins)


def _aws_kind(verb: str, words: Sequence[str], line: Line) -> Kind:
    dry = words[0] == "ec2" and line.surely("--dry-run") and not line.has("--no-dry-run")
    unexecuted = verb == "cloudformation deploy" and line.surely("--no-execute-changeset")
    listed = words[0] == "s3" and line.surely("--dryrun")
    if line.certain and (dry or listed or (unexecuted and not line.has("--execute-changeset"))):
        return "plan"
    if verb in AWS_EXACT:
        return AWS_EXACT[verb]
    if words[0] == "s3" and words[1] in ("cp", "sync"):
        return (
            "destroy"
            if line.has("--delete")
            else "change"
            if words[-1].startswith("s3://") or len(words) < 4
            else "local"
        )
    if words[0] == "s3":
        return "change"
    return "destroy" if AWS_DESTROYS.match(words[1]) else "read" if AWS_READS.match(words[1]) else "change"


def classify_gcloud(argv: Sequence[str]) -> Effect:
    """The effect of a gcloud, gsutil or bq command line."""
    return _by_first_verb("gcloud", argv, parse_line(argv[1:], GCLOUD_VALUED))


def classify_az(argv: Sequence[str]) -> Effect:
    """The effect of an az command line."""
    line = parse_line(argv[1:], AZ_VALUED)
    if AZ_SECRETS.search(" ".join(line.words)):
        return Effect("change", "az hands out a live credential", pins=_pins("az", line))
    return _by_first_verb("az", argv, line)


def _by_first_verb(cloud: str, argv: Sequence[str], line: Line) -> Effect:
    program = program_of(argv[0])
    pins: Pins = _pins(cloud, line)
    if not line.words or line.surely("--help", "-h", "--version"):
        return Effect("read", f"{program} shows its help", pins=pins)
    verb = _verb(cloud, argv, line)
    if line.words[:2] == ("account", "set") or (
        line.words[0] == "config" and verb in ("set", "unset", "activate", "create")
    ):
        pins = (*pins, ("credentials", " ".join(line.words[:3])))
    if verb.startswith(("delete-", "remove-")):
        return Effect("destroy", f"{program} {verb}", pins=pins)
    if verb in ("get-credentials", "login"):
        pins = (*pins, ("credentials", verb))
    bicep: Kind | None = BICEP.get(verb) if line.words[0] == "bicep" else None
    kind = bicep or VERBS.get(verb, "change")
    why = "" if bicep or verb in VERBS else ": an unknown verb counts as a change"
    return Effect(kind, f"{program} … {verb}{why}", pins=pins)


def _verb(cloud: str, argv: Sequence[str], line: Line) -> str:
    """az has no words behind its verb; gcloud has, so that what stands before a verb must be a group of commands."""
    end = next((at for at, word in enumerate(argv) if at and word.startswith("-")), len(argv))
    words = tuple(argv[1:end]) or line.words
    if cloud == "az":
        return words[-1]
    return next((word for word in line.words if word in VERBS or not _group(word)), line.words[-1])


def _group(word: str) -> bool:
    return word in GROUPS or (
        word.endswith("s") and not word.startswith(("set-", "add-", "update-", "delete-", "remove-", "create-"))
    )


def _pins(cloud: str, line: Line) -> tuple[tuple[Field, str], ...]:
    return tuple((PINS[cloud][name], value or "") for name, value in line.options if name in PINS[cloud])
