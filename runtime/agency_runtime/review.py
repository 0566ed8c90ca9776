"""How a run stands: what it changed, what the validators say of that, whether its report holds, what the model still owes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from agency_runtime.answer import Answer
from agency_runtime.changes import FilesChanged
from agency_runtime.end_checks import EndChecks, reconciled
from agency_runtime.handoff import EndCheck, HandoffReport, Verdict, judge
from agency_runtime.handoff.end_check import checks_of
from agency_runtime.handoff_tool import HandoffTool, recorded_refusal, unverified_text
from agency_runtime.order import Order
from agency_runtime.plans import lint_own_plan
from agency_runtime.shell import Shell
from agency_runtime.wire import Json, Reply

NO_HANDOFF = "You ended your turn without handing off. Check your work, then call Handoff; claim only what calls of this session showed."


@dataclass(kw_only=True)
class Review:
    """Looks at one run. shell: None in a replay that executes nothing. plan: the plan that the model wrote, where it plans."""

    order: Order
    shell: Shell | None
    answer: Answer
    handoff: HandoffTool
    end_checks: EndChecks
    plan: str = ""

    async def owed(self, reply: Reply) -> str | None:
        """What the model still owes when it ends its turn."""
        if self.order.task.command == "plan":
            self.plan = reply.text
            problems = "; ".join(map(str, lint_own_plan(reply.text)))
            return f"The plan is not ready: {problems}. Answer with the whole plan, mended." if problems else None
        tool = self.handoff
        if tool.report is None:
            return NO_HANDOFF
        verdict = tool.verdict = await self.judge(tool.report)
        replay = self.answer.replay if self.order.pure else None  # which keeps only the last checks, not those of then
        if replay and (refusal := recorded_refusal(replay.turns[: replay.step])):
            return refusal
        return None if verdict.ok else unverified_text(verdict)

    async def judge(self, report: HandoffReport) -> Verdict:
        """Whether the report holds, on the tree as it is."""
        files = await self.files()
        return judge(report, self.answer.executed, files, await self.checks(files))

    async def checks(self, files: FilesChanged) -> tuple[EndCheck, ...]:
        """What the validators say of what the run changed; in a replay that executes nothing, what was recorded."""
        recorded = checks_of(self.recorded.get("checks") or [])
        if self.shell is None or self.order.task.command == "plan":
            return recorded
        found, _ = await asyncio.gather(self.end_checks.of(files), self._late())  # either takes seconds
        return reconciled(found, recorded)

    async def _late(self) -> None:
        """Wait for what the slow validators say of earlier calls, so that the handoff's answer can tell it."""
        if self.answer.diagnostics is not None:
            await self.answer.diagnostics.join()

    @property
    def recorded(self) -> Json:
        """How the recorded run ended; empty where none is replayed."""
        return self.order.recording.end if self.order.recording else {}

    @property
    def denials(self) -> Sequence[Json]:
        """What was refused; where nothing is executed, what was refused in the recorded run."""
        return self.recorded.get("denials") or [] if self.order.pure else self.answer.denials

    async def files(self) -> FilesChanged:
        """What the run has changed so far, from git; in a replay that executes nothing, what was recorded."""
        if self.shell is not None:
            return await self.shell.files()
        lists = cast("Json", self.recorded.get("files_changed") or {})
        return FilesChanged(**{name: tuple(lists.get(name, ())) for name in ("created", "modified", "deleted")})
