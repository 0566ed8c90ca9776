"""The tools of this package that look after infrastructure and the web, put together for one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.cloud import Cloud
from agency_tools.compartment import Compartment, ShellCompartment, Target
from agency_tools.docker_engine import Connect, Engine
from agency_tools.docker_engine import connect as connect_engine
from agency_tools.docker_tool import Docker
from agency_tools.helm import Helm
from agency_tools.kubernetes import Kubernetes
from agency_tools.terraform import Terraform
from agency_tools.tool import Tool
from agency_tools.web_fetch import Ask, WebFetch
from agency_tools.web_search import WebSearch

__all__ = ["Compartment", "DockerAccess", "ShellCompartment", "Target", "infrastructure_tools", "web_tools"]


@dataclass(frozen=True, kw_only=True)
class DockerAccess:
    """How the host's engine is reached, and what a build may: its network, and the paths it is never sent."""

    build_network: str = "none"
    hidden: Sequence[str] = ()
    connect: Connect = connect_engine


def infrastructure_tools(
    compartment: Compartment,
    *,
    target: str | None,
    repository: Path,
    feature: str,
    docker: DockerAccess | None = None,
    reach: Compartment | None = None,
    namespace: str | None = None,
) -> list[Tool]:
    """Terraform, Kubernetes, Helm, Docker and Cloud for one run.

    compartment: the sandbox. target: the name of the environment the run may touch; reach: where its credentials are.
    repository: the host's folder behind `/workspace`. feature: names the images that Docker builds.
    """
    docker = docker or DockerAccess()
    aim = Target(name=target, compartment=reach)
    engine = Engine(feature=feature, connect=docker.connect)
    return [
        Terraform(compartment, target=aim),
        Kubernetes(compartment, target=aim, namespace=namespace),
        Helm(compartment, target=aim, namespace=namespace),
        Docker(
            compartment, repository=repository, engine=engine, build_network=docker.build_network, hidden=docker.hidden
        ),
        Cloud(target=aim),
    ]


def web_tools(*, ask: Ask | None = None, searxng: str | None = None) -> list[Tool]:
    """WebFetch, and WebSearch where a SearXNG endpoint is given; else searching is the model service's own tool."""
    fetch: list[Tool] = [WebFetch(ask=ask)]
    return [*fetch, WebSearch(endpoint=searxng)] if searxng else fetch
