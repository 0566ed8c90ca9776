"""Every validator there is: one table, in the order in which their outcomes are told."""

from __future__ import annotations

from . import (  # fmt: skip
    actions,
    arguments,
    dockerfiles,
    grafana,
    kubernetes,
    modules,
    prometheus,
    schemas,
    secrets,
    shells,
    syntax,
    terraform,
    workflows,
)
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
    *modules.VALIDATORS,
    *arguments.VALIDATORS,
    *prometheus.VALIDATORS,
    *grafana.VALIDATORS,
    *secrets.VALIDATORS,
)
