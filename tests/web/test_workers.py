"""The recipes for a queue's workers and for serverless functions, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evergrant import Keeper, open_store
from evergrant.sandbox import Sandbox
from evergrant.testing.sandbox_client import RemoteSandbox

ALICE = "alice@example.com"
EXAMPLES = Path(__file__).parents[2] / "examples"

ZOHO = """
import os, sys
import evergrant
from evergrant.testing.sandbox_client import RemoteSandbox
remote = RemoteSandbox.at(os.environ["SANDBOX"])
evergrant.Accounts = lambda client_id, secret: remote.accounts()
"""
"""Runs before the example, in whose place Zoho stands otherwise."""


@pytest.fixture
def environment(zoho: Sandbox, tmp_path: Path) -> dict[str, str]:
    url = f"sqlite:///{tmp_path}/tokens.db"
    with (
        open_store(url, clock=zoho.clock) as store,
        RemoteSandbox.at(zoho.url).accounts() as accounts,
        Keeper(store, accounts, lifeboat=tmp_path) as keeper,
    ):
        keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
    zoho.clock.advance(hours=2)
    return os.environ | {
        "PYTHONPATH": str(EXAMPLES),
        "EVERGRANT_STORE": url,
        "EVERGRANT_HOME": str(tmp_path),
        "ZOHO_CLIENT_ID": zoho.client.client_id,
        "ZOHO_CLIENT_SECRET": str.__str__(zoho.client.client_secret),
        "SANDBOX": zoho.url,
    }


def run(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ZOHO + program],
        env=environment, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_serverless_function_is_warm_after_its_first_call(
    environment: dict[str, str], zoho: Sandbox
) -> None:
    program = f"""
from serverless.handler import handle
print([handle({{"user": "{ALICE}"}}, None) for _ in range(3)])
"""
    assert run(program, environment) == "[{'leads': 0}, {'leads': 0}, {'leads': 0}]\n"
    assert zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token") == 1


def test_the_processes_of_a_worker_send_one_refresh(
    environment: dict[str, str], zoho: Sandbox, tmp_path: Path
) -> None:
    for name in ("queue", "done", "results"):
        (tmp_path / name).mkdir()
    environment |= {
        "BROKER": "filesystem://",
        "BACKEND": f"file://{tmp_path}/results",
        "PYTHONPATH": f"{EXAMPLES}{os.pathsep}{tmp_path}",
    }
    folders = {
        "data_folder_in": f"{tmp_path}/queue",
        "data_folder_out": f"{tmp_path}/queue",
        "processed_folder": f"{tmp_path}/done",
        "control_folder": f"{tmp_path}/control",
    }
    (tmp_path / "sandboxed.py").write_text(f"""{ZOHO}
from celery_worker.tasks import app, count_leads
app.conf.update(broker_transport_options={folders!r})
""")
    worker = [sys.executable, "-m", "celery", "--app", "sandboxed", "worker", "--concurrency", "2"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
    with subprocess.Popen(
        [*worker, *quiet], env=environment, stdout=subprocess.DEVNULL, cwd=tmp_path
    ) as process:
        try:
            counted = run(
                f"""
from sandboxed import count_leads
asked = [count_leads.delay("{ALICE}") for _ in range(8)]
print([one.get(timeout=90) for one in asked])
""",
                environment,
            )
        finally:
            process.terminate()
    assert counted == f"{[0] * 8}\n"
    assert zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token") == 1
