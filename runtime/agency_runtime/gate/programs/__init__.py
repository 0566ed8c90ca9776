"""What each known program's command line would do: one file a program, each a closed table to audit.

A verb that is not in its table counts as a change. A program that is in no table is local work: it runs in a
sandbox without network and credentials.
"""

from collections.abc import Callable, Sequence

from agency_runtime.gate.argv import program_of
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.programs import clouds, docker, git, helm, kubectl, local, others, terraform

CLASSIFIERS: dict[str, Callable[[Sequence[str]], Effect]] = {
    **dict.fromkeys(others.REACHING, others.classify),
    **dict.fromkeys(("terraform", "tofu", "opentofu", "terragrunt"), terraform.classify),
    **dict.fromkeys(("kubectl", "k", "oc", "microk8s.kubectl", "kubecolor", "kubectl.exe"), kubectl.classify),
    **dict.fromkeys(("docker", "podman", "nerdctl", "docker-compose", "podman-compose"), docker.classify),
    **dict.fromkeys(("gcloud", "gsutil", "bq"), clouds.classify_gcloud),
    "helm": helm.classify,
    "helm3": helm.classify,
    "aws": clouds.classify_aws,
    "awslocal": clouds.classify_aws,
    "az": clouds.classify_az,
    "git": git.classify,
    "ansible-playbook": others.classify_ansible_playbook,
}


def classify(argv: Sequence[str]) -> Effect:
    """The effect of one command line, whatever its program."""
    program = program_of(argv[0])
    return CLASSIFIERS.get(program, local.classify)(argv)


GUARDED = (
    frozenset(CLASSIFIERS)
    | local.FORBIDDEN
    | local.PRIVILEGED
    | frozenset({"rm", "dd", "shred", "chmod", "chown", "mv", "curl", "wget", "nc"})
)
"""Programs that are looked for among the arguments of any other, as wrappers are not all known."""
