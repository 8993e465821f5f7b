"""The public fuzzer reads the API's description and sends what it allows and what it forbids, with all its checks.

`FUZZ_SECONDS=1800 uv run --group check pytest -s tests/api/test_fuzz.py` runs it for half an hour and says how many requests it sent.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crm.tenancy import middleware
from crm.tenancy.models import AccessToken, Seat
from crm.tenancy.scope import acting_for
from groups.models import Draft, Placement, Reshuffle
from tests.factories import SeatFactory, TenantFactory
from tests.groups.communities import ready_draft, small_community

SECONDS = os.environ.get("FUZZ_SECONDS", "25")
FUZZER = shutil.which("schemathesis", path=str(Path(sys.executable).parent))


@pytest.fixture
def told(transactional_db, monkeypatch):
    """The secret of an owner's key in a community with a plan, and what the fuzzer's hooks want to know of it."""
    monkeypatch.setattr(middleware, "WRONG_KEYS_A_MINUTE", 10**6)  # it tries thousands
    community = small_community(TenantFactory(slug="qinghe", name="Qinghe", language="en"))
    ready_draft(community)
    with acting_for(community.tenant.pk):
        seat = SeatFactory(tenant=community.tenant, role="owner", name="Lily")
        key, secret = AccessToken.make(AccessToken.Kind.API_KEY, seat)
        members = community.members
        rows = {
            "member": members, "members": members, "one": members[:12], "other": members[12:],
            "matrix": [community.matrix], "matrices": [community.matrix], "group": community.groups, "groups": community.groups,
            "assistant": community.assistants, "seat": community.assistants, "seats": Seat.objects.filter(tenant=community.tenant),
            "drafts": Draft.objects.all(), "reshuffles": Reshuffle.objects.all(), "placements": Placement.objects.all(),
        }  # fmt: skip
        rows = {name: [str(row.pk) for row in found] for name, found in rows.items()}
    return secret, {"FUZZ_SPARED": f"{key.pk} {seat.pk}", "FUZZ_ROWS": json.dumps(rows), "SCHEMATHESIS_HOOKS": "tests.api.fuzz_hooks"}


@pytest.mark.skipif(FUZZER is None, reason="schemathesis is missing: install the group `check`")
def test_nothing_that_the_description_allows_or_forbids_surprises_it(live_server, told, tmp_path):
    secret, environment = told
    here = Path(__file__)
    heard = subprocess.run(
        [
            *(FUZZER, "--config-file", here.with_name("fuzz.toml"), "run", f"{live_server.url}/api/v1/schema/"),
            *("--header", f"Authorization: Bearer {secret}", "--max-time", SECONDS),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,  # it keeps a folder of its own
        env=os.environ | environment | {"PYTHONPATH": str(here.parents[2])},
        timeout=int(SECONDS) * 3 + 120,
        check=False,
    )
    print(heard.stdout[-1500:])
    assert heard.returncode == 0, heard.stdout[-20_000:] + heard.stderr[-2000:]
