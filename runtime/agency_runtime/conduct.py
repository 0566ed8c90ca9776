"""Conducting a run: start what it needs, let the model act, see what came of it, and leave nothing running."""

import asyncio
import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from agency_runtime import cli
from agency_runtime.answer import Answer, Judge
from agency_runtime.anthropic_model import AnthropicModel
from agency_runtime.approval import AtTerminal, can_ask, nobody, silence
from agency_runtime.archive import Archive
from agency_runtime.budget import Spending
from agency_runtime.changes import FilesChanged
from agency_runtime.compartments import Compartments, Environs, secrets_of
from agency_runtime.conversation import Conversation
from agency_runtime.deferred import NoWorkspace
from agency_runtime.delivery import Handed, hand_off, write_plan
from agency_runtime.diagnostics import Diagnostics
from agency_runtime.end_checks import EndChecks
from agency_runtime.equipment import Equipment, equip
from agency_runtime.escalate_tool import EscalateTool
from agency_runtime.handoff import HandoffReport, Verdict
from agency_runtime.handoff_tool import HandoffTool
from agency_runtime.hooks import Hook, Hooks
from agency_runtime.loop import Ending, run
from agency_runtime.mcp_servers import NONE, Remote
from agency_runtime.order import Order, difference, environment_of_run
from agency_runtime.outcome import Ended, Outcome, judged
from agency_runtime.past import HOW
from agency_runtime.policy import FILE
from agency_runtime.policy_writer import permit
from agency_runtime.prompt import Environment
from agency_runtime.recording import Recorder
from agency_runtime.replay import ReplayModel
from agency_runtime.resumption import go_on, take_over
from agency_runtime.review import Review
from agency_runtime.session import Listener, Log, Session, new_id, sessions_folder
from agency_runtime.shell import Shell
from agency_runtime.staging import conversation_of, header_of, layout_of, opening_of
from agency_runtime.task_tool import Bond, TaskTool
from agency_runtime.terminal import Terminal
from agency_runtime.tree_watch import TreeWatch
from agency_runtime.wire import Json, Model, ModelError, ReplayError
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.redaction import Redactor
from agency_tools.tool import Closing

SIGNALS = {signal.SIGINT: ("interrupted", cli.INTERRUPTED), signal.SIGTERM: ("terminated", cli.TERMINATED)}


def asked(denial: Json) -> str:
    """A call that nobody was there to approve, as a question to whoever reads the handoff."""
    return f"May {denial['tool']} {json.dumps(denial['input'], ensure_ascii=False)} be done? It needed an approval and nobody was there."


@dataclass
class Run:
    """One run under way. `conduct` is its whole life.

    given: what answers the requests in place of the service or the recording. folder: where the session's log is kept,
    in place of the user's own sessions. remote: the MCP servers' tools, started; who started them ends them.
    """

    order: Order
    gate: Judge
    terminal: Terminal
    listeners: Sequence[Listener] = ()
    environs: Sequence[Environs] = ()
    hooks: Sequence[Hook] = ()
    given: Model | None = None
    folder: Path | None = None
    remote: Remote = NONE
    session: Session = field(init=False)
    kept: Path = field(init=False)
    redact: Redactor = field(init=False)
    environment: Environment = field(init=False)
    spending: Spending = field(init=False)
    model: Model = field(init=False)
    shell: Shell | None = field(init=False)
    compartments: Compartments = field(init=False)
    equipment: Equipment = field(init=False)
    answer: Answer = field(init=False)
    review: Review = field(init=False)
    archive: Archive = field(init=False)
    talk: Conversation = field(init=False)
    signalled: signal.Signals | None = None
    _files_to_close: list[Log | Recorder] = field(default_factory=list[Log | Recorder])

    async def conduct(self) -> Outcome:
        """The run from its first event to its last. Raises UsageError only for a log or recording it cannot write."""
        self._open()
        self._listen_for_signals()
        self._start()
        try:
            return await self._finish(await self._act())
        finally:
            await self._close()

    def _open(self) -> None:
        """The log and the recording, before anything is started that could need closing."""
        order = self.order
        redact = self.redact = Redactor.of_environment((*secrets_of(self.environs), *order.secrets))
        self.session = Session(id=new_id(), turns=order.past.turns if order.past else 0)
        self.kept = self.folder or sessions_folder() / self.session.id
        self.environment = environment_of_run(order)
        try:
            self._files_to_close.append(Log(self.kept, redact, durable=not order.pure))
            if order.settings.record:
                header = header_of(order, self.environment, self.remote.offers)
                self._files_to_close.append(Recorder(Path(order.settings.record), header, redact))
        except OSError as error:
            raise UsageError(
                f"{error.filename}: cannot be written: {error.strerror}; give another --record or XDG_STATE_HOME"
            ) from error
        self.session.listeners = [*self._files_to_close, *self.listeners]
        self.session.add("session.started", **opening_of(order, self.session.id))
        for pinned in self.remote.events():
            self.session.add("mcp.pinned", **pinned)
        for note in (*order.notes, *self.remote.notices(order.persona)):
            self._notice(note)
        self.remote.line.to = self._notice

    def _notice(self, text: str) -> None:
        self.session.add("notice", text=text)

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
        self.spending = Spending(replace(order.settings.budget(order.persona.max_turns), tokens=order.tokens))
        self.model = self._model()
        self.shell = None if order.pure else Shell(order, self._notice, self.kept)
        self.compartments = Compartments(order, self.environs, self._notice)
        self._equip()

    def _model(self) -> Model:
        settings = self.order.settings
        if self.given is not None:
            return self.given
        if self.order.recording is not None:
            return ReplayModel(self.order.recording, drift=settings.drift, live=not self.order.pure)
        model = AnthropicModel(provider=settings.provider, source=self.order.source, on_retry=self._notice)
        model.start()
        return model

    def _equip(self) -> None:
        order, task = self.order, TaskTool()
        person = AtTerminal(self.terminal, target=order.settings.target or "none", keep=self._permit)
        asks = can_ask(order.settings.output) and order.recording is None
        self.equipment = equip(
            names=order.persona.tools,
            workspace=self.shell.workspace if self.shell else NoWorkspace(),
            repository=order.repository.root,
            feature=order.task.feature,
            targets=self.compartments.targets,
            skills=order.skills,
            handoff=HandoffTool(self._judge),
            escalate=EscalateTool(person.question if asks else silence),
            extra=[task],
            searxng=order.settings.searxng,
            web=order.beside.web,
            planning=order.task.command == "plan",
            remote=self.remote.tools(self.shell.workspace if self.shell else NoWorkspace()),
            remote_names=order.persona.mcp,
        )
        slow = order.recording is None  # a replay takes over what the slow validators said in the recorded run
        self.answer = Answer(
            session=self.session,
            tools=self.equipment.tools,
            gate=self.gate,
            approve=person if asks else nobody,
            hooks=self._hooks(),
            replay=self.model if isinstance(self.model, ReplayModel) else None,
            live=not order.pure,
            ledger=self.compartments.targets.ledger,
            diagnostics=Diagnostics(self.shell.workspace, slow=slow)
            if self.shell and order.task.command != "plan"
            else None,
            watch=TreeWatch(order.repository, self.shell.baseline) if self.shell else None,
        )
        self.review = Review(
            order=order,
            shell=self.shell,
            answer=self.answer,
            handoff=self.equipment.handoff,
            end_checks=EndChecks(order.settings.sandbox, layout_of(order), slow=slow),
        )
        self._converse(task)

    def _converse(self, task: TaskTool) -> None:
        """Begin the conversation, or go on with it, and let helpers share in the run."""
        order = self.order
        self.talk = conversation_of(order, self.equipment, self.environment)
        self.talk.mask = self.redact.inside
        self.archive = Archive(
            answer=self.answer,
            changed=self.review.files,
            workspace=self.shell.workspace if self.shell else None,
        )
        task.bind(
            Bond(
                model=self.model,
                session=self.session,
                talk=self.talk,
                answer=self.answer,
                spending=self.spending,
                archive=self.archive,
            )
        )
        if order.past is not None:
            go_on(self.talk, self.spending, order.past, self.environment.date)
            take_over(self.answer, self.equipment, order.past)

    async def _judge(self, report: HandoffReport) -> Verdict:
        return await self.review.judge(report)

    def _permit(self, rules: Sequence[str]) -> str:
        """Write the rules into the policy file; what went wrong, or nothing."""
        try:
            permit(self.order.repository.root / FILE, rules)
        except UsageError as error:
            return str(error)
        return ""

    def _hooks(self) -> Hooks | None:
        if not self.hooks:
            return None
        transcript = self.kept / "events.jsonl"
        return Hooks(hooks=self.hooks, mode=self.order.mode, session_id=self.session.id, transcript=transcript)

    async def _act(self) -> Ended:
        """Let the model act, and say how that ended."""
        clock = asyncio.timeout(self.spending.seconds_left)
        try:
            if differs := difference(self.order) or (self.remote.differs if self.order.recording else ""):
                raise ReplayError(differs)  # noqa: TRY301 - one place says what each fault means
            async with clock:
                ending = await run(
                    self.session,
                    self.talk,
                    self.model,
                    self.answer,
                    self.spending,
                    self.review.owed,
                    self.terminal.text,
                    self.archive,
                )
        except ModelError as error:
            return Ended(status="model_failed", code=cli.MODEL, reason=str(error))
        except ReplayError as error:
            return Ended(status="replay_differs", code=cli.REPLAY, reason=str(error))
        except WorkspaceError as error:
            return Ended(status="sandbox_failed", code=cli.SANDBOX, reason=str(error))
        except TimeoutError:
            if not clock.expired():
                raise
            return Ended(ending=Ending.OUT_OF_BUDGET, reason=self.spending.spent() or "the time is up")
        except asyncio.CancelledError:
            return self._cancelled()
        return Ended(ending=ending, reason=self.talk.reason)

    def _cancelled(self) -> Ended:
        """Who cancelled: a signal, or a sandbox that did not start."""
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
        if self.signalled is not None:
            status, code = SIGNALS[self.signalled]
            return Ended(status=status, code=code, reason=f"{self.signalled.name} received")
        failure = self.shell.failure if self.shell else None
        if isinstance(failure, WorkspaceError):
            return Ended(status="sandbox_failed", code=cli.SANDBOX, reason=str(failure))
        raise failure or asyncio.CancelledError

    async def _close_tools(self) -> None:
        """Let the tools give back what they hold, and say what stays."""
        closing = [tool for tool in self.equipment.tools.values() if isinstance(tool, Closing)]
        left = [name for tool in closing for name in await tool.close()]
        if left:
            names = ", ".join(left)
            self.session.add("notice", text=f"left on the Docker engine: {names}; `agency session gc` removes them")

    async def _finish(self, ended: Ended) -> Outcome:
        """Take down what came of it: changes, handoff or plan, and the session's last event."""
        await self._close_tools()
        await self.compartments.close()
        if self.answer.diagnostics is not None:
            await self.answer.diagnostics.close()
        if self.shell is not None:
            await self.shell.close()  # whatever still ran is dead before the tree is read
        files = await self.review.files()
        planning = self.order.task.command == "plan"
        handed = None if planning or ended.ending is None else await self._hand_off(files, ended.reason)
        plan = write_plan(self.order, self.review.plan) if planning and ended.ending is Ending.DONE else None
        unapproved = any("permits" in each for each in self.review.denials) or bool(self.equipment.escalate.open)
        ended = self._replayed(
            judged(ended, verified=planning or (handed is not None and handed.ok), unapproved=unapproved)
        )
        outcome = Outcome(
            status=ended.status,
            exit_code=ended.code,
            reason=ended.reason,
            feature=self.order.task.feature,
            session_id=self.session.id,
            turns=self.session.turns,
            usage=self.talk.usage,
            cost_usd=self.spending.cost,
            denials=self.review.denials,
            files_changed=files.json(),
            plan=plan,
            questions=[question.question for question in self.equipment.escalate.open],
            divergences=[str(each) for each in self.answer.divergences],
            resume=self._resume(ended.status),
            tools=self.order.settings.tools,
            **(handed.fields() if handed else {}),
        )
        if self.shell is not None and outcome.resume:
            await self._keep_tree(self.shell)
        self.session.add("session.ended", **outcome.json())
        return outcome

    def _resume(self, status: str) -> str:
        """The command that goes on with this run; empty where none does."""
        if status not in HOW or self.order.recording is not None or self.folder is not None:
            return ""
        option = self.spending.option if status == Ending.OUT_OF_BUDGET.value else None
        return " ".join(["agency session resume", self.session.id, *([option] if option else [])])

    async def _keep_tree(self, shell: Shell) -> None:
        """What the run leaves, for a resumed one to compare with; without it that one says that it cannot."""
        try:
            await shell.keep_after()
        except OSError as error:
            self._notice(
                f"{error.filename}: cannot be written: {error.strerror}; a resumed run cannot compare the tree"
            )

    async def _hand_off(self, files: FilesChanged, reason: str) -> Handed:
        """Judge the report a last time, on the tree as the run left it, and write the handoff."""
        before = await self.shell.baseline if self.shell else None
        return await asyncio.to_thread(
            hand_off,
            self.order,
            report=self.equipment.handoff.report,
            calls=self.answer.executed,
            files=files,
            checks=await self.review.checks(files),
            blocked=reason or None,
            escalations=self.equipment.escalate.raised,
            unapproved=[asked(each) for each in self.review.denials if "permits" in each],
            before=before,
            recorded=self.review.recorded if self.order.pure else None,
        )

    def _replayed(self, ended: Ended) -> Ended:
        """In a replay, a changed prompt is said and replies that nobody asked for are a difference."""
        replay = self.answer.replay
        if replay is None or ended.ending is None:
            return ended
        for part in replay.drifted:
            self._notice(f"the {part} differ from the recorded ones")
        if replay.unused:
            reason = f"the run ended with {replay.unused} recorded replies unused"
            return replace(ended, status="replay_differs", code=cli.REPLAY, reason=reason)
        return ended

    async def _close(self) -> None:
        """Leave nothing running and nothing open."""
        for number in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
        self.remote.line.to = None
        await self.compartments.close()
        if self.shell is not None:
            await self.shell.close()
        with suppress(ModelError):
            await self.model.close()
        for file in self._files_to_close:
            file.close()
