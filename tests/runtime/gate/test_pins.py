"""Every way of naming another target than the pinned one, judged where nothing else would speak against it."""

import pytest

from agency_runtime.gate import Gate, Rules, Target

STAGING = Target(
    name="staging", kube_context="staging", namespaces=("web",), terraform_workspace="staging", aws_profile="staging"
)
ELSEWHERE = [
    "kubectl get pods --context prod",
    "kubectl get pods --context=prod",
    "kubectl get --context prod pods",
    "kubectl config use-context prod",
    "kubectl get --raw /api --server=https://x",
    "kubectl get pods -n kube-system",
    "kubectl get pods -nkube-system",
    "kubectl get pods --namespace=kube-system",
    "kubectl get pods --all-namespaces -n kube-system",
    "helm --kube-context prod list",
    "helm list --kube-context=prod",
    "helm list --kubeconfig x",
    "helm list --kube-token x",
    "aws s3 ls --profile prod",
    "aws --profile=prod s3 ls",
    "aws s3 ls --endpoint-url http://x",
    "aws s3 ls --endpoint-url=http://x",
    "gcloud compute instances list --project prod",
    "gcloud --project=prod compute instances list",
    "gcloud compute instances list --account x",
    "az vm list --subscription x",
    "docker -H tcp://x ps",
    "docker --host=tcp://x ps",
    "docker --context prod ps",
    "docker context use prod",
    "terraform workspace select prod",
    "terraform workspace select -or-create prod",
    "terraform workspace new prod",
    "terraform plan -var-file=x; TF_WORKSPACE=prod terraform plan",
    "terraform init -backend-config=profile=prod",
    "AWS_PROFILE=prod terraform plan",
    "export AWS_PROFILE=prod",
    "declare -x AWS_PROFILE=prod",
    "typeset -x AWS_PROFILE=prod; aws s3 ls",
    "readonly AWS_PROFILE=prod; export AWS_PROFILE; aws s3 ls",
    "AWS_PROFILE=prod; export AWS_PROFILE; aws s3 ls",
    "env AWS_PROFILE=prod aws s3 ls",
    "env -i KUBECONFIG=x kubectl get pods",
    "sudo KUBECONFIG=x kubectl get pods",
    "KUBECONFIG=$PWD/k kubectl get pods",
    "KUBECONFIG= kubectl get pods",
    "unset KUBECONFIG; kubectl get pods",
    "env -u KUBECONFIG kubectl get pods",
    "printf -v KUBECONFIG x; kubectl get pods",
    "read KUBECONFIG <<< x; kubectl get pods",
    "for KUBECONFIG in x; do kubectl get pods; done",
    "eval 'export KUBECONFIG=x'; kubectl get pods",
    "source <(echo export KUBECONFIG=x); kubectl get pods",
    "set -a; KUBECONFIG=x; kubectl get pods",
    "kubectl -s https://x get pods",
    "kubectl --user admin get pods",
    "kubectl --as system:masters get pods",
    "kubectl --insecure-skip-tls-verify get pods",
    "kubectx prod",
    "kubens kube-system",
    "kubectl ctx prod",
    "kubectl ns kube-system",
    "oc login https://x",
    "oc project x",
    "gcloud config set project x",
    "gcloud container clusters get-credentials prod",
    "aws eks update-kubeconfig --name prod",
    "az aks get-credentials -n prod",
    "kubectl get pods --kubeconfig=",
    "kubie exec prod web kubectl get pods",
    "flux --context prod get all",
    "argocd --server x app list",
    "stern --context prod x",
    "k9s --context prod",
    "helmfile --kube-context prod diff",
    "istioctl --context prod analyze",
    "skaffold --kube-context prod render",
    "AWS_ENDPOINT_URL_S3=http://x aws s3 ls",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://x aws s3 ls",
    "CLOUDSDK_CORE_ACCOUNT=x gcloud projects list",
    "ARM_SUBSCRIPTION_ID=x terraform plan",
    "GOOGLE_PROJECT=x terraform plan",
    "VAULT_ADDR=http://x terraform plan",
    "KUBE_CONTEXT=x; kubectl --context $KUBE_CONTEXT get pods",
    "TF_VAR_x=1 TF_DATA_DIR=prod terraform plan",
]
OWN = [
    "kubectl --context staging -n web get pods", "helm --kube-context=staging list", "aws s3 ls --profile staging", "terraform workspace select staging",
    "TF_WORKSPACE=staging terraform plan", "AWS_PROFILE=staging terraform plan", "kubectx staging", "flux --context staging get all", "kubectl get pods",
    "terraform init -backend-config=profile=staging", "unset KUBE_EDITOR", "AWS_REGION=eu-west-1 aws s3 ls",
]  # fmt: skip


def verdict(command: str) -> str:
    gate = Gate(mode="bypassPermissions", rules=Rules(), target=STAGING)
    return gate.judge("Bash", {"command": command}).verdict


@pytest.mark.parametrize("command", ELSEWHERE)
def test_another_target_is_refused_however_it_is_named(command: str) -> None:
    assert verdict(command) == "deny"


@pytest.mark.parametrize("command", OWN)
def test_naming_the_pinned_target_changes_nothing(command: str) -> None:
    assert verdict(command) == "allow"
