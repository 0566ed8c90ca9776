"""A loopback service for the tests that speak with one, and a state folder of each test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agency_runtime.loopback import Answer, Service


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions, trust and the user's personas are looked for in an empty place."""
    home = tmp_path_factory.mktemp("home")
    for name, folder in (("HOME", home), ("XDG_STATE_HOME", home / "state"), ("XDG_CONFIG_HOME", home / "config")):
        monkeypatch.setenv(name, str(folder))
    return home


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Service]]:
    """Starts a service with the given answers and points the SDK to it."""
    services: list[Service] = []

    def start(*answers: Answer) -> Service:
        service = Service(answers)
        service.start()
        services.append(service)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", service.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-a-key")
        return service

    yield start
    for service in services:
        service.stop()
