"""inspect_ai over the same recordings: its model interface answers from them, tool results are the recorded ones.

What it does is what our pure replay does: every request is made, every answer logged, every sample scored; no tool is
executed on either side. Run as a process of its own, since its imports are no part of ours:

    python tests/bench/inspect_baseline.py RECORDING…      prints {"cases", "turns", "seconds", "import_seconds"}
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def inspect_ai_over(recordings: Sequence[Path]) -> dict[str, float]:
    """What inspect_ai took: `cases`, `turns`, `seconds` without and `import_seconds` for its imports."""
    done = subprocess.run([sys.executable, __file__, *map(str, recordings)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def turns_of(path: Path) -> list[dict[str, Any]]:
    """A recording's turns."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [line for line in lines if "turn" in line]


def main(paths: Sequence[str]) -> None:
    """Replay them all in one task and print the times."""
    began = time.perf_counter()
    from inspect_ai import Task
    from inspect_ai import eval as run_task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageTool,
        ChatMessageUser,
        ModelOutput,
        ModelUsage,
        get_model,
    )
    from inspect_ai.scorer import Score, accuracy, scorer, stderr
    from inspect_ai.solver import solver
    from inspect_ai.tool import ToolCall

    imported = time.perf_counter() - began
    recorded = {str(number): turns_of(Path(path)) for number, path in enumerate(paths)}

    def reply_of(turn: dict[str, Any]) -> ModelOutput:
        content = turn["reply"]["content"]
        text = "\n".join(block["text"] for block in content if block["type"] == "text")
        calls = [
            ToolCall(id=block["id"], function=block["name"], arguments=block["input"])
            for block in content
            if block["type"] == "tool_use"
        ]
        usage = turn["reply"].get("usage", {})
        read, written = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
        output = ModelOutput.from_content("mockllm/model", text)
        # without it, a tokenizer would be fetched to count them
        output.usage = ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written)
        output.choices[0].message = ChatMessageAssistant(content=text, tool_calls=calls or None, model="mockllm/model")
        return output

    def answer(messages: Any, tools: Any, choice: Any, config: Any) -> ModelOutput:
        done = sum(message.role == "assistant" for message in messages)
        return reply_of(recorded[messages[0].metadata["case"]][done])

    @solver
    def replay() -> Any:
        async def solve(state: Any, generate: Any) -> Any:
            model = get_model()
            turns = recorded[state.sample_id]
            state.messages = [ChatMessageUser(content=state.input_text, metadata={"case": state.sample_id})]
            for turn in turns:
                output = await model.generate(state.messages)
                results = [
                    ChatMessageTool(content=result["text"], tool_call_id=result["id"], function=result["tool"])
                    for result in turn["results"]
                ]
                state.messages = [*state.messages, output.message, *results]
                state.output = output
            return state

        return solve

    @scorer(metrics=[accuracy(), stderr()])
    def ended() -> Any:
        async def score(state: Any, target: Any) -> Score:
            return Score(value="C" if state.messages[-1].role == "assistant" else "I")

        return score

    samples = [Sample(id=name, input="replay", target="done") for name in recorded]
    task = Task(dataset=MemoryDataset(samples), solver=replay(), scorer=ended())
    model = get_model("mockllm/model", custom_outputs=answer)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        (log,) = run_task(task, model=model, log_dir=folder, display="none", max_samples=2)
        seconds = time.perf_counter() - began
    if log.status != "success":
        sys.exit(f"inspect_ai: {log.error and log.error.message[:300]}")
    turns = sum(len(each) for each in recorded.values())
    print(json.dumps({"cases": len(recorded), "turns": turns, "seconds": seconds, "import_seconds": imported}))


if __name__ == "__main__":
    main(sys.argv[1:])
