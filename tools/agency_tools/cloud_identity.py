"""Who the credentials of a target are, as the cloud itself says, and whether that is who the policy means."""

import json
from dataclasses import dataclass

from agency_tools.cloudformation import QUIET, aws_argv
from agency_tools.compartment import present
from agency_tools.errors import ToolError
from agency_tools.reach import Reach


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The answer to `sts get-caller-identity`."""

    account: str
    arn: str

    @property
    def line(self) -> str:
        """As it is shown."""
        return f"account {self.account} as {self.arn}"


async def aws_identity(reach: Reach) -> Identity:
    """Who the target's credentials are. Raises ToolError where nobody says, or it is another than its `aws_account`."""
    asked = await reach.compartment.run(aws_argv("sts", "get-caller-identity"), env=QUIET, timeout_s=60)
    ran = present(asked, "aws", "Report what you could not look up as not checked.")
    if ran.exit_code != 0:
        raise ToolError(f"not run: aws does not say whose credentials these are: {ran.output.strip()[-1000:]}")
    answer = json.loads(ran.output)
    found = Identity(account=str(answer.get("Account")), arn=str(answer.get("Arn")))
    if not belongs(found, reach.target.aws_account):
        raise ToolError(
            f"not run: target {reach.target.name!r} is pinned to {reach.target.aws_account}, and its credentials are "
            f"{found.line}. Nothing else was sent; report it, a person has to look at the credentials or the policy."
        )
    return found


def belongs(found: Identity, pinned: str | None) -> bool:
    """An account's number, or an ARN of who it must be; of an assumed role the session's name may differ."""
    if pinned is None:
        return True
    return found.arn == pinned or found.arn.startswith(f"{pinned}/") if pinned.startswith("arn:") else found.account == pinned  # fmt: skip
