"""The public fuzzer reads the API's description and sends what it allows and what it forbids, with all its checks.

By itself this sends the example of every operation to rows that are there.

`FUZZ_SECONDS=1800 uv run --group check pytest -n0 tests/api/test_fuzz.py` runs it for half an hour and says on the terminal how many
operations it knew, how many requests it made, and of each operation how many of them were done; `FUZZ_SEED=2` and so on make others.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from crm.tenancy import middleware
from crm.tenancy.scope import acting_for
from groups.models import Draft
from tests.api import fuzz_rows
from tests.imports import uploading

SECONDS = int(os.environ.get("FUZZ_SECONDS", "25"))
SEED = os.environ.get("FUZZ_SEED", "1")
FUZZER = shutil.which("schemathesis", path=str(Path(sys.executable).parent))


@pytest.fixture
def told(transactional_db, monkeypatch):
    """The secret of an owner's key, its tenant, and what the fuzzer's hooks want to know."""
    monkeypatch.setattr(middleware, "WRONG_KEYS_A_MINUTE", 10**6)  # it tries thousands
    return fuzz_rows.community(each=6 + min(SECONDS, 300) // 10)


@pytest.fixture
def worker(told):
    """Files are read and written, as a worker does it, so that the next ones may come; plans that somebody asks for are given up."""
    _secret, tenant, _known = told
    is_over = threading.Event()

    def work():
        try:
            while not is_over.wait(0.2):
                with acting_for(tenant.pk):
                    Draft.objects.filter(state="waiting", requested_by__isnull=False).update(state="stopped")
                uploading.work_off(tenant, "community.")
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    is_over.set()
    thread.join()


@pytest.mark.skipif(FUZZER is None, reason="schemathesis is missing: install the group `check`")
def test_nothing_that_the_description_allows_or_forbids_surprises_it(live_server, schema, told, worker, tmp_path, capsys):
    secret, _tenant, known = told
    here, tally, rows, description = Path(__file__), tmp_path / "tally", tmp_path / "known", tmp_path / "schema.json"
    description.write_text(json.dumps(schema))  # the fuzzer itself waits ten seconds for it, which is not enough on a slow machine
    rows.write_text(json.dumps(known))  # of a long run more than a variable holds
    hooks = {"FUZZ_KNOWN": str(rows), "FUZZ_TALLY": str(tally), "SCHEMATHESIS_HOOKS": "tests.api.fuzz_hooks"}
    heard = subprocess.run(
        [
            *(FUZZER, "--config-file", here.with_name("fuzz.toml"), "run", description, "--url", live_server.url),
            *("--header", f"Authorization: Bearer {secret}", "--max-time", str(SECONDS), "--seed", SEED),
            *(() if "FUZZ_SECONDS" in os.environ else ("--phases", "examples")),  # the same requests each time
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,  # it keeps a folder of its own
        env=os.environ | hooks | {"PYTHONPATH": str(here.parents[2])},
        timeout=SECONDS * 3 + 120,
        check=False,
    )
    if "FUZZ_SECONDS" in os.environ:
        with capsys.disabled():
            print(heard.stdout[heard.stdout.rfind(" SUMMARY ") :], *_table(tally), sep="\n")
    assert heard.returncode == 0, heard.stdout[-20_000:] + heard.stderr[-2000:]


def _table(tally):
    """Of each operation how many requests that its description allows were done, and why the others were not; the least done first."""
    sound, refused = {}, {}
    for operation, is_asked, status, code in map(json.loads, tally.read_text().splitlines()):
        if is_asked:
            sound.setdefault(operation, []).append(status < 400)
            refused.setdefault(operation, Counter()).update([f"{status} {code}"] if status >= 400 else [])
    for operation in sorted(sound, key=lambda name: sum(sound[name]) / len(sound[name])):
        done, asked = sum(sound[operation]), len(sound[operation])
        why = ", ".join(f"{code}: {many}" for code, many in refused[operation].most_common(4))
        yield f"{100 * done // asked:4}% of {asked:4}  {operation:55} {why}"
    never = [operation for operation, done in sound.items() if not any(done)]
    done, asked = (sum(map(count, sound.values())) for count in (sum, len))
    yield f"{done} of {asked} requests were done; {len(never)} of {len(sound)} operations never: {', '.join(never)}"
