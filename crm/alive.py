"""For health checks: `python crm/alive.py web|worker|beat` ends with 0, or with 1 and why. It runs often, so it loads no Django.

The worker and the beat touch a file each as long as they get through to the broker; the host's name keeps several workers apart.
"""

import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

OLD = 60  # seconds; a worker says something every two, a beat every five


def file_of(part):
    data = Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parents[1] / ".data")
    return data / "alive" / f"{part}-{socket.gethostname()}"


def touch(part):
    file = file_of(part)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def fault(part):
    """A sentence, or None."""
    return web_fault() if part == "web" else silence(part)


def web_fault():
    address = f"http://127.0.0.1:{os.environ.get('GRANIAN_PORT', '8000')}/readyz"
    try:
        with urllib.request.urlopen(address, timeout=15):
            return None
    except urllib.error.HTTPError as error:
        return f"The web answers {error.code}: {error.read().decode(errors='replace')}"
    except OSError as error:
        return f"The web does not answer: {error}"


def silence(part):
    try:
        seconds = time.time() - file_of(part).stat().st_mtime
    except FileNotFoundError:
        return f"The {part} has said nothing yet."
    return f"The {part} has said nothing for {seconds:.0f} seconds." if seconds > OLD else None


if __name__ == "__main__":
    sys.exit(fault(sys.argv[1]))
