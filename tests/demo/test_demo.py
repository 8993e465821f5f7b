"""The whole product by one command, in a data folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
JUDGE = HERE.parent / "shared/tools/judge_plan.py"
OURS = ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL", "QUNXING_EMBEDDED", "DATA_DIR", "COLLECTED", "BASE_URL")


long = pytest.mark.skipif(os.environ.get("LONG") != "1", reason="minutes that LONG=1 takes")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """With a space and Chinese characters, as home folders have them. Where the demo was set up before, that one."""
    return Path(os.environ.get("DEMO_DATA_DIR") or tmp_path_factory.mktemp("my 数据"))


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(data, *words, **more):
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= {"DATA_DIR": str(data), "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | more
    command = [sys.executable, "manage.py", *map(str, words)]
    return subprocess.Popen(command, cwd=HERE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(data, *words, **more):
    process = start(data, *words, **more)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_a_second_run_keeps_it_and_ends_when_it_is_told_or_when_a_part_of_it_dies(data, port):
    import psutil

    first, out = _running(data, port)
    refused = run(data, "demo", "--once", "--port", _other(port))
    first.send_signal(signal.SIGTERM)
    rest, err = first.communicate(timeout=60)

    assert (first.returncode, rest, err) == (0, "Stopped.\n", "")
    assert f"http://localhost:{port}/xingqiao/" in out
    for name in "owner", "operator", "ayuan", "doudou", "zhixia", "mumu":
        assert f"{name}@demo.example" in out
    assert "会员1群 … 会员4群" in out
    assert (refused[0], "already" in refused[2]) == (1, True)
    with socket.socket() as probe, pytest.raises(OSError):
        probe.connect(("127.0.0.1", port))

    second, again = _running(data, port)
    (beat,) = [child for child in psutil.Process(second.pid).children() if "beat" in child.cmdline()]
    beat.kill()
    _, err = second.communicate(timeout=60)

    assert _card(again) == _card(out)
    assert (second.returncode, "The beat stopped by itself" in err) == (1, True)


def _running(data, port):
    """The demo, and what it said until everything ran."""
    demo, said = start(data, "demo", "--port", port), []
    for line in demo.stdout:
        if line.startswith("Ctrl-C"):
            break
        said.append(line)
    return demo, "".join(said)


def _card(out):
    return out[out.index("星桥社群") :]


def _other(port):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_taken_port_is_refused_before_anything_is_made(data):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, out, err = run(data, "demo", "--port", port)

    assert (status, out) == (1, "")
    assert err == f"CommandError: Port {port} is taken, or cannot be had; choose another one with --port.\n"


def test_a_folder_that_is_none_is_refused_in_a_sentence(data, port, tmp_path):
    nowhere = tmp_path / "nowhere"
    assert run(data, "demo", "--from", nowhere, "--port", port)[::2] == (1, f"CommandError: There is no folder {nowhere}.\n")

    (tmp_path / "empty").mkdir()
    status, _, err = run(data, "demo", "--from", tmp_path / "empty", "--port", port)

    assert status == 1
    assert err.startswith("CommandError: ")
    assert "Traceback" not in err


@long
def test_an_owners_folder_becomes_a_community_of_its_own(data, port, tmp_path):
    folder = tmp_path / "Lin 的社群"
    folder.mkdir()
    folder.joinpath("members.csv").write_text("昵称,微信号,所在群\n林,lin_0001,1群\n周,zhou_0002,2群\n", encoding="utf-8")
    folder.joinpath("cohorts.csv").write_text("届,群,微信号\n2026上半年,会员1群,lin_0001\n2026上半年,会员2群,zhou_0002\n", encoding="utf-8")

    status, out, err = run(data, "demo", "--once", "--from", folder, "--port", port)

    assert (status, err) == (0, "")
    assert f"http://localhost:{port}/lin-deshequn/" in out


@long
def test_reset_starts_anew(data, port):
    assert run(data, "open_tenant", "leftover", "--owner", "lin@example.com")[0] == 0

    status, _, err = run(data, "demo", "--once", "--reset", "--port", port)

    assert (status, err) == (0, "")
    status, _, err = run(data, "make_key", "leftover", "--seat", "lin@example.com")
    assert (status, err) == (1, "CommandError: There is no tenant “leftover”. There are: xingqiao.\n")


def test_the_demo_refuses_to_run_on_servers_of_others(data):
    """Its people have a password that everybody knows."""
    from crm import servers

    with servers.running(data) as urls:
        theirs = {name: urls[name] for name in ("DATABASE_URL", "REDIS_URL")}
        theirs |= {"SECRET_KEY": "x" * 50, "SECRET_KEYS": "x", "BASE_URL": "http://localhost"}
        status, _, err = run(data, "demo", "--once", **theirs)

    assert (status, err) == (1, "CommandError: The demo brings its own servers and its own people: unset DATABASE_URL.\n")


@long
def test_a_plan_is_proposed_and_written_down(data, tmp_path):
    files = {"problem": tmp_path / "problem.json", "plan": tmp_path / "plan.json"}
    words = ["--moves", "10%", "--steps", "20000", "--seed", "1", "--problem", files["problem"], "--plan", files["plan"], "--json"]

    status, out, err = run(data, "propose", "会员", "--tenant", "xingqiao", *words)

    assert (status, err) == (0, "")
    said, problem, plan = json.loads(out), *(json.loads(file.read_text()) for file in files.values())
    assert said["max_moves"] == problem["max_moves"] == 516
    assert plan.keys() == {member["id"] for member in problem["members"]}
    now_at = {member["id"]: member["current"] for member in problem["members"]}
    assert said["moves"] == sum(1 for who, group in plan.items() if now_at[who] not in (None, group))
    if not JUDGE.exists():
        pytest.skip("The judge does not lie here.")
    judge = [sys.executable, JUDGE, files["problem"], files["plan"], "--json", "--bound-seconds", "1", "--random", "0"]
    verdict = json.loads(subprocess.run(judge, capture_output=True, text=True, check=True).stdout)
    assert [verdict["broken"], verdict["moves"], verdict["pairs_per_cohort"]] == [[], said["moves"], said["repeated_pairs"]]
    assert verdict["distinct_repeated_pairs"] == said["known_pairs"]
    assert said["terms"] == pytest.approx(verdict["terms"], rel=1e-4)
    assert said["cost"] == pytest.approx(verdict["objective"], rel=1e-4)
    assert said["bounds"]["cost"] <= verdict["objective"]
