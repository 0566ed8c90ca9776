"""The baseline of the overhead benchmark: the SDK's own streaming tool runner with one bash, no sandbox."""

import asyncio

from anthropic import AsyncAnthropic, beta_async_tool


@beta_async_tool(name="Bash")
async def bash(command: str) -> str:
    """Run a command.

    Args:
        command: the command
    """
    process = await asyncio.create_subprocess_exec("bash", "-c", command, stdout=-1, stderr=-2, stdin=-3)
    output, _ = await process.communicate()
    return f"{output.decode()}exit {process.returncode}"


async def main() -> None:
    """One conversation, to its end."""
    client = AsyncAnthropic(api_key="none")
    runner = client.beta.messages.tool_runner(
        model="bench", max_tokens=1000, tools=[bash], stream=True, messages=[{"role": "user", "content": "go"}]
    )
    async for stream in runner:
        async for _ in stream:
            pass


if __name__ == "__main__":
    asyncio.run(main())
