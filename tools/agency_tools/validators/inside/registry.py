"""Every validator there is: one table, in the order in which their outcomes are told."""

from __future__ import annotations

from . import actions, dockerfiles, kubernetes, prometheus, schemas, secrets, shells, syntax, terraform, workflows
from .values import Validator

VALIDATORS: tuple[Validator, ...] = (
    *syntax.VALIDATORS,
    *schemas.VALIDATORS,
    *actions.VALIDATORS,
    *workflows.VALIDATORS,
    *dockerfiles.VALIDATORS,
    *shells.VALIDATORS,
    *kubernetes.VALIDATORS,
    *terraform.VALIDATORS,
    *prometheus.VALIDATORS,
    *secrets.VALIDATORS,
)
