"""The public fuzzer reads the API's description and sends what it allows and what it forbids, with all its checks.

`FUZZ_SECONDS=1800 uv run --group check pytest -n0 tests/api/test_fuzz.py` runs it for half an hour and says on the terminal how many
operations it knew and how many requests it made; `FUZZ_SEED=1` and so on make others.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crm.tenancy import middleware
from tests.api import fuzz_rows

SECONDS = os.environ.get("FUZZ_SECONDS", "25")
SEED = os.environ.get("FUZZ_SEED")
FUZZER = shutil.which("schemathesis", path=str(Path(sys.executable).parent))


@pytest.fixture
def told(transactional_db, monkeypatch):
    """The secret of an owner's key, and what the fuzzer's hooks want to know."""
    monkeypatch.setattr(middleware, "WRONG_KEYS_A_MINUTE", 10**6)  # it tries thousands
    secret, known = fuzz_rows.community()
    return secret, {"FUZZ_KNOWN": json.dumps(known), "SCHEMATHESIS_HOOKS": "tests.api.fuzz_hooks"}


@pytest.mark.skipif(FUZZER is None, reason="schemathesis is missing: install the group `check`")
def test_nothing_that_the_description_allows_or_forbids_surprises_it(live_server, told, tmp_path, capsys):
    secret, environment = told
    here = Path(__file__)
    heard = subprocess.run(
        [
            *(FUZZER, "--config-file", here.with_name("fuzz.toml"), "run", f"{live_server.url}/api/v1/schema/"),
            *("--header", f"Authorization: Bearer {secret}", "--max-time", SECONDS, *(("--seed", SEED) if SEED else ())),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,  # it keeps a folder of its own
        env=os.environ | environment | {"PYTHONPATH": str(here.parents[2])},
        timeout=int(SECONDS) * 3 + 120,
        check=False,
    )
    if "FUZZ_SECONDS" in os.environ:
        with capsys.disabled():
            print(heard.stdout[heard.stdout.rfind(" SUMMARY ") :])
    assert heard.returncode == 0, heard.stdout[-20_000:] + heard.stderr[-2000:]
