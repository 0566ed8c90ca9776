"""Cloud against a real account's double: moto's server on loopback, asked by the real aws command line."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agency_tools.cloud import Cloud, CloudInput
from agency_tools.cloud_identity import Identity, belongs
from agency_tools.cloudformation import ChangeSet
from agency_tools.compartment_testing import Unsealed
from agency_tools.errors import ToolError
from agency_tools.ledger import LASTS, Ledger, utc_now
from agency_tools.prospect import Prospect
from agency_tools.reach import Reach, Targets
from agency_tools.target import Target

ACCOUNT = "123456789012"
QUEUE = "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: jobs\n"
TOPIC = "  News:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: news\n"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of an account that is empty."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(service: str, tmp_path: Path) -> Unsealed:
    """A compartment with credentials for the account; `tmp_path` stands for the repository."""
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{service}/moto-api/reset", method="POST")).close()
    tools = Path(sys.executable).parent
    if shutil.which("aws", path=str(tools)) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no aws command line beside this python")
    return Unsealed(
        folder=tmp_path,
        env={
            "PATH": f"{tools}:/usr/bin:/bin", "HOME": str(tmp_path), "AWS_ENDPOINT_URL": service, "AWS_ACCESS_KEY_ID": "AKIAXXXXXXXXEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "x" * 40, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
        },
    )  # fmt: skip


def cloud_of(account: Unsealed, *, aws_account: str | None = ACCOUNT, ledger: Ledger | None = None) -> Cloud:
    reach = Reach(target=Target(name="staging", aws_account=aws_account), compartment=account)
    return Cloud(targets=Targets(reaches=[reach], ledger=ledger or Ledger()))


def asks(service: str, operation: str, **more: Any) -> CloudInput:
    return CloudInput.model_validate({"provider": "aws", "service": service, "operation": operation, **more})


def making(text: str, account: Unsealed) -> CloudInput:
    (account.folder / "stack.yaml").write_text(text)
    return asks("cloudformation", "create-change-set", stack="web", template="stack.yaml")


async def made(cloud: Cloud, text: str, account: Unsealed) -> CloudInput:
    """A change set is made; the call that would carry it out."""
    said = (await cloud.run(making(text, account))).text
    name = said.split("Change set: ")[1].split()[0]
    return asks("cloudformation", "execute-change-set", stack="web", change_set=name)


async def approved(cloud: Cloud, ledger: Ledger, execute: CloudInput) -> Prospect:
    prospect = await cloud.prospect(execute)
    assert prospect is not None
    ledger.grant(prospect, "alice")
    return prospect


async def test_credentials_of_another_account_are_refused_before_anything_else_is_sent(account: Unsealed) -> None:
    answer = await cloud_of(account).run(asks("cloudformation", "list-stacks"))
    assert answer.text.startswith(f"account {ACCOUNT} as arn:aws:sts::{ACCOUNT}:user/moto\n")
    with pytest.raises(ToolError, match=rf"pinned to 999999999999, and its credentials are account {ACCOUNT}"):
        await cloud_of(account, aws_account="999999999999").run(making(QUEUE, account))
    assert '"StackSummaries": []' in (await cloud_of(account).run(asks("cloudformation", "list-stacks"))).text


async def test_a_change_needs_an_account_that_is_named(account: Unsealed) -> None:
    with pytest.raises(ToolError, match="names no aws_account"):
        await cloud_of(account, aws_account=None).run(making(QUEUE, account))


async def test_a_change_set_is_carried_out_as_it_was_shown_once_and_no_stale_one(account: Unsealed) -> None:
    ledger = Ledger()
    cloud = cloud_of(account, ledger=ledger)
    execute = await made(cloud, QUEUE + TOPIC, account)
    with pytest.raises(ToolError, match="nobody approved this change set"):
        await cloud.run(execute)
    assert '"Topics": []' in (await cloud.run(asks("sns", "list-topics"))).text
    prospect = await approved(cloud, ledger, execute)
    assert (prospect.kind, prospect.lines) == ("change", ("add Jobs (AWS::SQS::Queue)", "add News (AWS::SNS::Topic)"))
    assert f"stack web: 2 to add, in account {ACCOUNT}" in prospect.summary
    done = await cloud.run(execute)
    assert (done.failed, "approved by alice" in done.text, "web: CREATE_COMPLETE" in done.text) == (False, True, True)
    assert ":news" in (await cloud.run(asks("sns", "list-topics"))).text
    with pytest.raises(ToolError, match=r"changed since|carried out already"):
        await cloud.run(execute)
    removing = await made(cloud, QUEUE, account)
    ledger.clock = lambda: utc_now() + LASTS
    with pytest.raises(ToolError, match="expired"):
        await cloud.prospect(removing)
    ledger.clock = utc_now
    found = await approved(cloud, ledger, removing)
    assert (found.kind, "remove News (AWS::SNS::Topic)" in found.lines) == ("destroy", True)
    assert found.content != prospect.content
    await account.run(["aws", "cloudformation", "delete-stack", "--stack-name=web"])
    with pytest.raises(ToolError, match=r"changed since the change set: .*stack|failed with exit code"):
        await cloud.run(removing)


async def test_a_change_set_of_somebody_else_is_not_carried_out_and_a_broken_one_is_told(account: Unsealed) -> None:
    (account.folder / "stack.yaml").write_text(QUEUE)
    create = ["aws", "cloudformation", "create-change-set", "--stack-name=web", "--change-set-name=theirs", "--change-set-type=CREATE"]  # fmt: skip
    ran = await account.run([*create, "--template-body=file:///workspace/stack.yaml"])
    assert ran.exit_code == 0, ran.output
    theirs = asks("cloudformation", "execute-change-set", stack="web", change_set="theirs")
    with pytest.raises(ToolError, match="no change set 'theirs' was made"):
        await cloud_of(account).prospect(theirs)
    with pytest.raises(ToolError, match=r"(?s)create-change-set failed with exit code \d+"):
        await cloud_of(account).run(making("Resources: [", account))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"Action": "Add"}, "change"),
        ({"Action": "Modify", "Replacement": "False"}, "change"),
        ({"Action": "Modify", "Replacement": "True"}, "destroy"),
        ({"Action": "Modify", "Replacement": "Conditional"}, "destroy"),
        ({"Action": "Modify"}, "destroy"),
        ({"Action": "Remove"}, "destroy"),
        ({"Action": "Dynamic"}, "destroy"),
        ({"Action": "Import"}, "change"),
    ],
)
def test_what_may_replace_counts_as_replacing(change: dict[str, str], kind: str) -> None:
    described = ChangeSet(
        name="n", stack="s", making="UPDATE", status="", reason="", changes=[change], described={}, stack_now={}, template=""
    )  # fmt: skip
    assert described.kind == kind


@pytest.mark.parametrize(
    ("pinned", "fits"),
    [
        (None, True),
        ("123456789012", True),
        ("210987654321", False),
        ("arn:aws:sts::123456789012:assumed-role/deploy", True),
        ("arn:aws:sts::123456789012:assumed-role/dep", False),
        ("arn:aws:sts::123456789012:assumed-role/deploy/run", True),
        ("arn:aws:iam::123456789012:root", False),
    ],
)
def test_an_identity_is_pinned_by_account_or_by_who_it_is(pinned: str | None, fits: bool) -> None:
    assert belongs(Identity(account=ACCOUNT, arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run"), pinned) is fits
