"""How much each of checkov's checks matters here: its own severities are sold apart, so that offline it has none.

Closed: what stands in neither table is advice.
"""

from __future__ import annotations

from typing import NamedTuple

from .values import ERROR, INFO, WARNING

PUBLIC = "CKV_AWS_20 CKV_AWS_57 CKV_AZURE_34 CKV2_AZURE_8 CKV_GCP_15 CKV_GCP_28 CKV_ALI_1"
"""Storage that anybody may read or write."""

OPEN_PORTS = (
    "CKV_AWS_24 CKV_AWS_25 CKV_AWS_277 CKV_AZURE_9 CKV_AZURE_10 CKV_AZURE_11 CKV_GCP_2 CKV_GCP_3 CKV_GCP_11 CKV_GCP_88 "
    "CKV_ALI_2 CKV_ALI_3"
)
"""SSH, remote desktop, databases or every port for the whole internet; checkov knows no AWS rule for databases' ports."""

PUBLIC_DATABASES = "CKV_AWS_17 CKV_AWS_87 CKV_AWS_102 CKV_AWS_302 CKV_ALI_9 CKV_ALI_43"
PLAIN_DATABASES = "CKV_AWS_16 CKV_AWS_44 CKV_AWS_64 CKV_AWS_74 CKV_AWS_96 CKV_AWS_140"
"""Databases whose storage is not encrypted."""

ADMINISTRATORS = "CKV_AWS_1 CKV_AWS_62 CKV2_GCP_7"
"""Policies that allow everything on everything."""

PRIVILEGED = "CKV_K8S_16 CKV_K8S_27 CKV_AWS_210 CKV_AWS_334"
"""Containers that are the host: privileged, or with the engine's socket."""

SECRETS = "CKV_AWS_41 CKV_AWS_45 CKV_AWS_46 CKV_AZURE_45 CKV_LIN_1 CKV_OPENSTACK_1 CKV_PAN_1"
"""Secrets in clear."""

ERRORS = frozenset(
    " ".join(
        (PUBLIC, OPEN_PORTS, PUBLIC_DATABASES, PLAIN_DATABASES, ADMINISTRATORS, PRIVILEGED, SECRETS)
    ).split()
)  # fmt: skip

WARNINGS = frozenset(
    [
        *[
            "CKV_AWS_49",
            "CKV_AWS_63",
            "CKV_AWS_70",
            "CKV_AWS_274",
            "CKV_AWS_32",
            "CKV_AWS_33",
            "CKV_AWS_168",
            "CKV_AWS_169",
            "CKV_AWS_301",
        ],
        *[
            "CKV_AWS_3",
            "CKV_AWS_42",
            "CKV_AWS_69",
            "CKV_AWS_89",
            "CKV_AWS_164",
            "CKV_AWS_387",
            "CKV_GCP_42",
            "CKV_GCP_113",
        ],
        *["CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19", "CKV_K8S_49", "CKV_DOCKER_1"],
        *(f"CKV2_DOCKER_{number}" for number in range(2, 17)),
    ]
)
"""Probably wrong: any action or any caller allowed, disks in clear, the host's namespaces, signatures and certificates
that are not looked at."""


class Twin(NamedTuple):
    """Another validator that says the same, by these rules; by any, where none is named."""

    validator: str
    rules: frozenset[str]


def _hadolint(*rules: str) -> Twin:
    return Twin("hadolint", frozenset(rules))


TWINS = {
    "CKV_DOCKER_3": _hadolint("DL3002"),
    "CKV_DOCKER_4": _hadolint("DL3020"),
    "CKV_DOCKER_5": _hadolint("DL3009", "DL3059"),
    "CKV_DOCKER_6": _hadolint("DL4000"),
    "CKV_DOCKER_7": _hadolint("DL3006", "DL3007"),
    "CKV_DOCKER_8": _hadolint("DL3002"),
    "CKV_DOCKER_9": _hadolint("DL3027"),
    "CKV_DOCKER_10": _hadolint("DL3000"),
    "CKV_DOCKER_11": _hadolint("DL3024"),
    "CKV2_DOCKER_1": _hadolint("DL3004"),
    **{each: Twin("detect-secrets", frozenset()) for each in SECRETS.split()},
}
"""Where the twin has found it in the same file, checkov's word is one too many."""


def severity(check: str) -> str:
    """How much a failed check matters."""
    return ERROR if check in ERRORS else WARNING if check in WARNINGS else INFO
