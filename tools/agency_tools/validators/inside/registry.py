"""Every validator there is: one table, in the order in which their outcomes are told."""

from __future__ import annotations

from . import (
    actions,
    alertmanager,
    ansible,
    arguments,
    charts,
    cloudformation,
    cluster,
    dockerfiles,
    grafana,
    jenkinsfiles,
    kubernetes,
    kustomizations,
    modules,
    policies,
    prometheus,
    schemas,
    secrets,
    shells,
    syntax,
    terraform,
    units,
    workflows,
)
from .values import Validator

VALIDATORS: tuple[Validator, ...] = (
    *syntax.VALIDATORS,
    *schemas.VALIDATORS,
    *actions.VALIDATORS,
    *workflows.VALIDATORS,
    *jenkinsfiles.VALIDATORS,
    *dockerfiles.VALIDATORS,
    *shells.VALIDATORS,
    *kubernetes.VALIDATORS,
    *cluster.VALIDATORS,
    *kustomizations.VALIDATORS,
    *charts.VALIDATORS,
    *terraform.VALIDATORS,
    *modules.VALIDATORS,
    *arguments.VALIDATORS,
    *cloudformation.VALIDATORS,
    *ansible.VALIDATORS,
    *prometheus.VALIDATORS,
    *alertmanager.VALIDATORS,
    *grafana.VALIDATORS,
    *units.VALIDATORS,
    *secrets.VALIDATORS,
    *policies.VALIDATORS,
)
