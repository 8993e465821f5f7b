"""Commands as a deployment runs them: in processes of their own, with nothing set but what a deployment sets."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]
# What a shell has, and nothing of ours.
NAMES = ("PATH", "HOME", "TMPDIR", "NUMBA_CACHE_DIR", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX")
KEPT = {name: os.environ[name] for name in NAMES if name in os.environ}
KEPT |= {"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def start(words, env):
    command = [sys.executable, *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=HERE, env=KEPT | env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def run(words, env):
    """Exit status, what it printed, and what it complained of."""
    process = start(words, env)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def manage(*words, **env):
    return run(["manage.py", *words], env)
