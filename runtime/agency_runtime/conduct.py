"""Conducting a run: start what it needs, let the model act, see what came of it, and leave nothing running."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agency_runtime import cli
from agency_runtime.answer import Answer, Approve
from agency_runtime.anthropic_model import AnthropicModel
from agency_runtime.approval import AtTerminal, can_ask, nobody, silence
from agency_runtime.budget import Spending
from agency_runtime.changes import FilesChanged, Snapshot, changes, snapshot
from agency_runtime.deferred import Deferred, NoWorkspace
from agency_runtime.delivery import Handed, hand_off
from agency_runtime.equipment import Equipment, equip
from agency_runtime.escalate_tool import EscalateTool
from agency_runtime.gatehouse import gate_of
from agency_runtime.handoff import HandoffReport, Verdict, judge
from agency_runtime.handoff_tool import HandoffTool, unverified_text
from agency_runtime.lookup import offered_skills
from agency_runtime.loop import Conversation, Ending, run
from agency_runtime.order import Order, environment_of_run, persona_sha256
from agency_runtime.outcome import Outcome, judged
from agency_runtime.plans import lint_plan
from agency_runtime.prices import price_of
from agency_runtime.prompt import Environment, first_message, system_prompt
from agency_runtime.recording import Recorder
from agency_runtime.redaction import Redactor
from agency_runtime.replay import ReplayModel
from agency_runtime.session import Listener, Log, Session, new_id, sessions_folder
from agency_runtime.task_tool import Bond, TaskTool
from agency_runtime.terminal import Terminal
from agency_runtime.wire import Json, Model, ModelError, ReplayError, Reply
from agency_tools.errors import WorkspaceError
from agency_tools.terraform_setup import mirrors_here
from agency_tools.workspace import Layout, Workspace

SIGNALS = {signal.SIGINT: ("interrupted", cli.INTERRUPTED), signal.SIGTERM: ("terminated", cli.TERMINATED)}
NO_HANDOFF = "You ended your turn without handing off. Check your work, then call Handoff; claim only what calls of this session showed."
PROTECTED = (".git", ".agency/policy.yaml", ".agency/config.yaml")


@dataclass
class Run:
    """One run under way. `conduct` is its whole life."""

    order: Order
    terminal: Terminal
    listeners: Sequence[Listener] = ()
    session: Session = field(init=False)
    model: Model = field(init=False)
    equipment: Equipment = field(init=False)
    answer: Answer = field(init=False)
    talk: Conversation = field(init=False)
    spending: Spending = field(init=False)
    environment: Environment = field(init=False)
    signalled: signal.Signals | None = None
    plan: str = ""
    _baseline: "asyncio.Task[Snapshot] | None" = None
    _starting: "asyncio.Task[Workspace] | None" = None
    _closing: list[Log | Recorder] = field(default_factory=list)

    async def conduct(self) -> Outcome:
        """The run from its first event to its last; never raises for what went wrong in it, only for wrong input."""
        self._listen_for_signals()
        self._start()
        try:
            ending, status, code, reason = await self._act()
            outcome = await self._finish(ending, status, code, reason)
        finally:
            await self._close()
        return outcome

    @property
    def _recorded(self) -> Json:
        """How the recorded run ended; empty where none is replayed."""
        return self.order.recording.end if self.order.recording else {}

    def _listen_for_signals(self) -> None:
        main = asyncio.current_task()
        assert main is not None

        def end(number: signal.Signals) -> None:
            self.signalled = self.signalled or number
            main.cancel()

        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, end, number)

    def _start(self) -> None:
        """Everything slow begins at once: the SDK's import, the sandbox, the snapshot of the tree."""
        order = self.order
        self.session = Session(id=new_id())
        self.model = self._model()
        workspace = self._workspace()
        self.spending = Spending(order.settings.budget(order.persona.max_turns))
        self.environment = environment_of_run(
            order,
            sandbox=order.settings.sandbox,
            branch=order.repository.branch,
            dirty=order.dirty,
        )
        self._equip(workspace)
        self._open_log()

    def _model(self) -> Model:
        if self.order.recording is not None:
            return ReplayModel(self.order.recording, drift=self.order.settings.drift, live=not self.order.pure)
        model = AnthropicModel(provider=self.order.settings.provider, source=self.order.source, on_retry=self._notice)
        model.start()
        return model

    def _notice(self, text: str) -> None:
        self.session.add("notice", text=text)

    def _workspace(self) -> Workspace:
        """The sandbox, starting; a replay in which nothing is executed needs none."""
        if self.order.pure:
            return NoWorkspace()
        self._baseline = asyncio.create_task(asyncio.to_thread(snapshot, self.order.repository))
        self._starting = asyncio.create_task(self._sandbox())
        main = asyncio.current_task()
        assert main is not None
        self._starting.add_done_callback(
            lambda task: main.cancel() if not task.cancelled() and task.exception() else None
        )
        return Deferred(self._starting)

    async def _sandbox(self) -> Workspace:
        from agency_tools.sandbox import start

        settings = self.order.settings
        skills = offered_skills(self.order.persona, self.order.repository.root)
        layout = Layout(
            repository=str(self.order.repository.root),
            writable=self.order.task.command != "plan",
            protected=PROTECTED,
            read_only={
                **{str(skill.folder): f"/skills/{skill.name}" for skill in skills.values()},
                **{mirror: mirror for mirror in mirrors_here()},
            },
            image=settings.image,
        )
        workspace = await start(settings.sandbox, layout)
        assert self._baseline is not None
        try:
            await self._baseline  # no call may change the tree before it is known
        except BaseException:
            await workspace.close()
            raise
        return workspace

    def _equip(self, workspace: Workspace) -> None:
        order = self.order
        terminal = AtTerminal(self.terminal, target=order.settings.target or "none")
        asks = can_ask(order.settings.output) and order.recording is None
        approve: Approve = terminal if asks else nobody
        skills = offered_skills(order.persona, order.repository.root)
        task = TaskTool()
        self.equipment = equip(
            names=order.persona.tools,
            workspace=workspace,
            repository=order.repository.root,
            feature=order.task.feature,
            target=order.settings.target,
            skills=skills,
            handoff=HandoffTool(self._judge),
            escalate=EscalateTool(terminal.question if asks else silence),
            extra=[task],
            planning=order.task.command == "plan",
        )
        replay = self.model if isinstance(self.model, ReplayModel) else None
        gate = gate_of(order)
        self.answer = Answer(
            session=self.session,
            tools=self.equipment.tools,
            gate=gate,
            approve=approve,
            replay=replay,
            live=not order.pure,
        )
        loaded = [skills[name] for name in order.persona.skills if name in skills]
        self.talk = Conversation(
            system=system_prompt(
                order.persona.body,
                command=order.task.command,
                loaded=loaded,
                offered=[skill for skill in skills.values() if skill not in loaded],
                tools=[tool["name"] for tool in self.equipment.definitions],
                notes=[
                    f"{name} is named above but is not to be had in this version." for name in self.equipment.missing
                ],
            ),
            tools=self.equipment.definitions,
            model=order.model,
            price=price_of(order.model, order.settings.prices),
            messages=[first_message(order.task, self.environment)],
        )
        task.bind(
            Bond(model=self.model, session=self.session, talk=self.talk, answer=self.answer, spending=self.spending)
        )

    def _open_log(self) -> None:
        order, redact = self.order, Redactor.of_environment()
        log = Log(sessions_folder() / self.session.id, redact)
        self._closing.append(log)
        self.session.listeners = [log, *self.listeners]
        if order.settings.record:
            recorder = Recorder(Path(order.settings.record), self._header(), redact)
            self._closing.append(recorder)
            self.session.listeners.append(recorder)
        self.session.add(
            "session.started",
            id=self.session.id,
            command=order.task.command,
            repository=str(order.repository.root),
            feature=order.task.feature,
            persona=order.persona.name,
            persona_sha256=persona_sha256(order.persona),
            model=order.model,
            source=order.source,
            replay=order.recording is not None,
            sandbox=order.settings.sandbox,
            mode=order.mode,
            issue=order.task.text,
        )

    def _header(self) -> dict[str, object]:
        order = self.order
        return {
            "source": order.source,
            "model": order.model,
            "created": self.environment.date,
            "persona": order.persona.name,
            "persona_sha256": persona_sha256(order.persona),
            "command": order.task.command,
            "issue": order.task.text,
            "feature": order.task.feature,
            "environment": self.environment.json(),
        }

    async def _act(self) -> tuple[Ending | None, str, int, str]:
        """Let the model act; how that ended, as (ending, status, exit code, reason)."""
        try:
            async with asyncio.timeout(self.spending.seconds_left) as clock:
                ending = await run(
                    self.session, self.talk, self.model, self.answer, self.spending, self._owed, self.terminal.text
                )
        except ModelError as error:
            return None, "model_failed", cli.MODEL, str(error)
        except ReplayError as error:
            return None, "replay_differs", cli.REPLAY, str(error)
        except WorkspaceError as error:
            return None, "sandbox_failed", cli.SANDBOX, str(error)
        except TimeoutError:
            if not clock.expired():
                raise
            return (
                Ending.OUT_OF_BUDGET,
                Ending.OUT_OF_BUDGET.value,
                cli.BUDGET,
                self.spending.spent() or "the time is up",
            )
        except asyncio.CancelledError:
            return (None, *self._cancelled())
        return ending, "", -1, self.talk.reason

    def _cancelled(self) -> tuple[str, int, str]:
        """Who cancelled: a signal, or a sandbox that did not start."""
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
        if self.signalled is not None:
            return (*SIGNALS[self.signalled], f"{self.signalled.name} received")
        error = (
            self._starting.exception()
            if self._starting and self._starting.done() and not self._starting.cancelled()
            else None
        )
        if isinstance(error, WorkspaceError):
            return "sandbox_failed", cli.SANDBOX, str(error)
        if error is not None:
            raise error
        raise asyncio.CancelledError

    async def _owed(self, reply: Reply) -> str | None:
        """What the model still owes when it ends its turn."""
        if self.order.task.command == "plan":
            self.plan = reply.text
            problems = lint_plan(reply.text)
            return (
                f"The plan is not ready: {'; '.join(map(str, problems))}. Answer with the whole plan, mended."
                if problems
                else None
            )
        tool = self.equipment.handoff
        if tool.report is None:
            return NO_HANDOFF
        verdict = tool.verdict = await self._judge(tool.report)
        return None if verdict.ok else unverified_text(verdict)

    async def _judge(self, report: HandoffReport) -> Verdict:
        return judge(report, self.answer.executed, await self._files())

    async def _files(self) -> FilesChanged:
        """What the run has changed so far, from git; in a replay that executes nothing, what was recorded."""
        if self._baseline is None:
            recorded = self._recorded.get("files_changed") or {}
            return FilesChanged(**{name: tuple(recorded.get(name, ())) for name in ("created", "modified", "deleted")})
        before = await self._baseline
        return changes(before, await asyncio.to_thread(snapshot, self.order.repository))

    async def _finish(self, ending: Ending | None, status: str, code: int, reason: str) -> Outcome:
        """Take down what came of it: changes, handoff or plan, and the session's last event."""
        with suppress(WorkspaceError):
            await self._close_workspace()  # whatever still ran is dead before the tree is read
        files = await self._files()
        planning = self.order.task.command == "plan"
        handed = None if planning or ending is None else await self._hand_off(files, reason)
        if ending is not None:
            open_questions = bool(self.answer.unapproved or self.equipment.escalate.open)
            status, code = judged(
                ending, verified=planning or (handed is not None and handed.ok), unapproved=open_questions
            )
        if planning and ending is Ending.DONE:
            self._write_plan()
        status, code, reason = self._replayed(status, code, reason)
        outcome = Outcome(
            status=status,
            exit_code=code,
            reason=reason,
            feature=self.order.task.feature,
            session_id=self.session.id,
            turns=self.session.turns,
            usage=self.talk.usage,
            cost_usd=self.spending.cost,
            denials=self.answer.denials,
            files_changed=files.json(),
            handoff=handed.folder if handed else None,
            unverified=handed.unverified if handed else (),
            verified=handed.verified if handed else (),
            not_run=handed.not_run if handed else (),
            digests=handed.digests if handed else None,
            contents=handed.contents if handed else None,
            lines=handed.lines if handed else None,
            plan=str(self.order.plan_file) if planning and ending is Ending.DONE else None,
            questions=[question.question for question in self.equipment.escalate.open],
            divergences=[str(each) for each in self.answer.divergences],
        )
        self.session.add("session.ended", **outcome.json())
        return outcome

    async def _hand_off(self, files: FilesChanged, reason: str) -> Handed:
        """Judge the report a last time, on the tree as the run left it, and write the handoff."""
        return await asyncio.to_thread(
            hand_off,
            self.order,
            report=self.equipment.handoff.report,
            calls=self.answer.executed,
            files=files,
            blocked=reason or None,
            escalations=self.equipment.escalate.raised,
            before=await self._baseline if self._baseline is not None else None,
            recorded=self._recorded if self.order.pure else None,
        )

    def _write_plan(self) -> None:
        path = self.order.plan_file
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(self.plan.strip() + "\n", encoding="utf-8")
        part.replace(path)

    def _replayed(self, status: str, code: int, reason: str) -> tuple[str, int, str]:
        """In a replay, replies that nobody asked for are a difference too."""
        replay = self.answer.replay
        if replay is None or code in (cli.REPLAY, cli.SANDBOX, cli.INTERRUPTED, cli.TERMINATED):
            return status, code, reason
        for part in replay.drifted:
            self._notice(f"the {part} is no longer the recorded one")
        if replay.unused:
            return "replay_differs", cli.REPLAY, f"the run ended with {replay.unused} recorded replies unused"
        return status, code, reason

    async def _close_workspace(self) -> None:
        if self._starting is None:
            return
        if not self._starting.done():
            self._starting.cancel()
        with suppress(asyncio.CancelledError, WorkspaceError):
            workspace = await self._starting
            await workspace.close()

    async def _close(self) -> None:
        """Leave nothing running and nothing open."""
        for number in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
        await self._close_workspace()
        with suppress(ModelError):
            await self.model.close()
        for file in self._closing:
            file.close()
