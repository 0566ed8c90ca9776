"""What the aws provider once had and no longer has: no error in a module that may run with the older provider."""

from __future__ import annotations

REMOVED: dict[str, tuple[int, frozenset[str]]] = {
    "aws_api_gateway_deployment": (6, frozenset({"stage_name", "stage_description", "canary_settings", "invoke_url", "execution_arn"})),
    "aws_autoscaling_attachment": (5, frozenset({"alb_target_group_arn"})),
    "aws_autoscaling_group": (5, frozenset({"tags"})),
    "aws_batch_compute_environment": (6, frozenset({"compute_environment_name", "compute_environment_name_prefix"})),
    "aws_cloudwatch_log_destination": (6, frozenset({"name_prefix"})),
    "aws_db_instance": (5, frozenset({"name", "security_group_names"})),
    "aws_ecs_cluster": (5, frozenset({"capacity_providers", "default_capacity_provider_strategy"})),
    "aws_eip": (6, frozenset({"vpc"})),
    "aws_eks_addon": (6, frozenset({"resolve_conflicts"})),
    "aws_elasticache_cluster": (5, frozenset({"security_group_names"})),
    "aws_elasticache_replication_group": (5, frozenset({"availability_zones", "cluster_mode", "number_cache_clusters", "replication_group_description"})),
    "aws_flow_log": (6, frozenset({"log_group_name"})),
    "aws_guardduty_organization_configuration": (6, frozenset({"auto_enable"})),
    "aws_iam_policy_document": (5, frozenset({"source_json", "override_json"})),
    "aws_instance": (6, frozenset({"cpu_core_count", "cpu_threads_per_core"})),
    "aws_kinesis_firehose_delivery_stream": (5, frozenset({"s3_configuration"})),
    "aws_launch_template": (6, frozenset({"elastic_gpu_specifications", "elastic_inference_accelerator"})),
    "aws_lb_target_group": (4, frozenset({"deregistration_delay_seconds"})),
    "aws_msk_cluster": (5, frozenset({"ebs_volume_size"})),
    "aws_rds_cluster": (5, frozenset({"security_group_names"})),
    "aws_redshift_cluster": (6, frozenset({"logging", "snapshot_copy", "cluster_security_groups"})),
    "aws_s3_bucket_object": (6, frozenset()),
    "aws_secretsmanager_secret": (5, frozenset({"rotation_lambda_arn", "rotation_rules", "rotation_enabled"})),
    "aws_service_discovery_service": (6, frozenset({"failure_threshold"})),
    "aws_spot_instance_request": (6, frozenset({"block_duration_minutes", "cpu_core_count", "cpu_threads_per_core"})),
    "aws_ssm_association": (6, frozenset({"instance_id"})),
    "aws_vpc": (5, frozenset({"enable_classiclink", "enable_classiclink_dns_support"})),
}  # fmt: skip
"""By type: the major version that removed these arguments, of any block within it."""

TYPES: dict[str, int] = {
    "aws_subnet_ids": 4,
    "aws_db_security_group": 5,
    "aws_elasticache_security_group": 5,
    "aws_redshift_security_group": 5,
    "aws_simpledb_domain": 6,
}
"""Types that are gone, and since when."""

LATER_MAJORS = frozenset({"hashicorp/google", "hashicorp/kubernetes"})
"""Providers of which there is a newer major version than the table's."""

FAMILIES = {"aws_opsworks_": 6, "aws_worklink_": 6, "aws_macie_": 5, "aws_elastictranscoder_": 7}


def is_removed(kind: str, name: str) -> int:
    """The major version that removed the argument, or the type where no argument is named; 0 where none did."""
    if not name:
        return TYPES.get(kind) or next((since for family, since in FAMILIES.items() if kind.startswith(family)), 0)
    since, names = REMOVED.get(kind, (0, frozenset[str]()))
    return since if name in names else 0
