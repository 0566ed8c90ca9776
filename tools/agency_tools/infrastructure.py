"""The tools of this package that look after infrastructure and the web, put together for one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.cloud import Cloud
from agency_tools.compartment import Compartment, ShellCompartment
from agency_tools.docker_engine import Connect, Engine
from agency_tools.docker_engine import connect as connect_engine
from agency_tools.docker_tool import Docker
from agency_tools.helm import Helm
from agency_tools.kubernetes import Kubernetes
from agency_tools.reach import Targets
from agency_tools.stored_pages import StoredPages
from agency_tools.terraform import Terraform
from agency_tools.tool import Tool
from agency_tools.web_fetch import Ask, WebFetch
from agency_tools.web_search import WebSearch

__all__ = ["Compartment", "DockerAccess", "ShellCompartment", "Targets", "infrastructure_tools", "web_tools"]


@dataclass(frozen=True, kw_only=True)
class DockerAccess:
    """How the host's engine is reached, and what a build may: its network, and the paths it is never sent."""

    build_network: str = "none"
    hidden: Sequence[str] = ()
    connect: Connect = connect_engine


def infrastructure_tools(
    compartment: Compartment,
    *,
    targets: Targets | None = None,
    repository: Path,
    feature: str,
    docker: DockerAccess | None = None,
) -> list[Tool]:
    """Terraform, Kubernetes, Helm, Docker and Cloud for one run.

    compartment: the sandbox. targets: the environments the run may touch, and where their credentials are.
    repository: the host's folder behind `/workspace`. feature: names the images that Docker builds.
    """
    docker = docker or DockerAccess()
    engine = Engine(feature=feature, connect=docker.connect)
    return [
        Terraform(compartment, targets=targets),
        Kubernetes(compartment, targets=targets),
        Helm(compartment, targets=targets),
        Docker(
            compartment, repository=repository, engine=engine, build_network=docker.build_network, hidden=docker.hidden
        ),
        Cloud(targets=targets),
    ]


def web_tools(*, ask: Ask | None = None, searxng: str | None = None, pages: Path | None = None) -> list[Tool]:
    """WebFetch, and WebSearch where a SearXNG endpoint is given; else searching is the model service's own tool."""
    fetch: list[Tool] = [WebFetch(ask=ask, connection=StoredPages(folder=pages) if pages else None)]
    return [*fetch, WebSearch(endpoint=searxng)] if searxng else fetch
