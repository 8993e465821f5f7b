"""The reshuffle engine: a problem goes in, a plan with figures and bound comes out. It knows arrays and not Django."""

import os
from importlib import import_module
from pathlib import Path

# Compiled code is kept between runs; numba reads the variable once, when it is first imported.
_DATA = Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parents[2] / ".data")
os.environ.setdefault("NUMBA_CACHE_DIR", str(_DATA / "numba"))

_HOMES = {
    "Problem": "problem",
    "BadProblem": "problem",
    "Plan": "plans",
    "Clash": "clashing",
    "WORDS": "clashing",
    "clashes": "clashing",
    "NoPlan": "solving",
    "NotFound": "solving",
    "solve": "solving",
    "warm": "solving",
    "broken_rules": "checking",
    "figures": "measuring",
    "Order": "ordering",
    "order_of_moves": "ordering",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    """Imported when first asked for: a web process that never solves need not load numba."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
