"""Looking at a run: what takes seconds is waited for at once."""

import asyncio
from types import SimpleNamespace
from typing import Any

from agency_runtime.changes import FilesChanged
from agency_runtime.handoff import EndCheck
from agency_runtime.review import Review

CHECKED = (EndCheck(name="yaml", outcome="passed", files=("a.yaml",)),)


class Meeting:
    """Slow validators and the checks at the end; neither comes to an end unless the other is under way, too."""

    def __init__(self) -> None:
        self._both = asyncio.Barrier(2)

    async def join(self) -> None:
        await self._both.wait()

    async def of(self, files: FilesChanged) -> tuple[EndCheck, ...]:
        await self._both.wait()
        return CHECKED


async def test_the_checks_at_the_end_do_not_wait_for_the_slow_validators_beside_the_run() -> None:
    meeting: Any = Meeting()
    order: Any = SimpleNamespace(recording=None, task=SimpleNamespace(command="work"))
    answer: Any = SimpleNamespace(diagnostics=meeting)
    shell: Any = object()
    handoff: Any = None
    review = Review(order=order, shell=shell, answer=answer, handoff=handoff, end_checks=meeting)
    async with asyncio.timeout(10):
        assert await review.checks(FilesChanged(created=("a.yaml",))) == CHECKED
