"""What the whole house keeps to: its rooms, its addresses, its pages without anything inline."""

import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import get_resolver

from crm.health import PROBES
from crm.tenancy.slugs import RESERVED

HOUSE = Path(__file__).parents[1]
TOP = {
    "manage.py", "pyproject.toml", "docker-compose.yml", "Dockerfile", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
    "crm", "members", "groups", "incentives", "partners", "templates", "static", "tests",
}  # fmt: skip
# Written in pieces, so that this file is none of those that name one.
REGISTRIES = [f"{name}.{domain}" for name, domain in {"pypi": "org", "pythonhosted": "org", "npmjs": "org", "yarnpkg": "com"}.items()]
BINARY = {".mo", ".png", ".jpg", ".webp", ".ico", ".woff2", ".ttf", ".otf", ".xlsx", ".gz", ".br", ".npz"}


@pytest.fixture(scope="module")
def tracked():
    """What git knows or would take, as paths below the house."""
    ask = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(ask, cwd=HOUSE, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no checkout")
    return [Path(name) for name in listed.stdout.split("\0") if name and (HOUSE / name).is_file()]


def text(path):
    return (HOUSE / path).read_text(errors="replace")


def templates():
    """Of pages. Mails are no pages: what mail programs show well is inline."""
    return sorted(path for path in (HOUSE / "templates").rglob("*.html") if "mail" not in path.parts)


def hits(pattern, *, but=None):
    """Where it stands in the templates: file, line and text; not in lines that say `but`."""
    found = []
    for path in templates():
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if not (but and but in line):
                found += [f"{path.relative_to(HOUSE)}:{number}: {hit[0]}" for hit in re.finditer(pattern, line, re.IGNORECASE)]
    return found


def test_the_top_level_holds_the_rooms_and_nothing_else(tracked):
    top = {path.parts[0] for path in tracked}

    assert {name for name in top - TOP if not name.startswith(".")} == set()


def test_a_tenant_cannot_take_the_first_word_of_another_address():
    words = {re.split(r"[/(<]", str(pattern.pattern).lstrip("^"))[0] for pattern in get_resolver(settings.ROOT_URLCONF).url_patterns}
    words |= {path.strip("/") for path in PROBES}

    assert words - {""} - RESERVED == set()


def test_static_files_are_no_tenant():
    assert {settings.STATIC_URL.strip("/"), "media"} <= RESERVED


def test_no_file_names_a_package_registry(tracked):
    named = [f"{path}: {host}" for path in tracked if path.suffix not in BINARY for host in REGISTRIES if host in text(path)]

    assert named == []


def test_no_file_names_a_place_on_somebodys_machine(tracked):
    # Vendored files are as their makers left them.
    ours = [path for path in tracked if path.suffix not in BINARY and "vendor" not in path.parts and path.name != "test_house.py"]

    assert [str(path) for path in ours if re.search(r"/(home|Users)/\w+/|/work/", text(path))] == []


def test_no_lock_file_is_kept(tracked):
    assert {"uv.lock", "poetry.lock", "package-lock.json"} & {path.name for path in tracked} == set()


def test_no_template_holds_a_script():
    assert hits(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>") == []
    assert hits(r"\son[a-z]+=\"[^\"]*\"") == []
    assert hits(r"javascript:") == []


def test_no_template_holds_a_style():
    assert hits(r"<style\b") == []
    assert hits(r"\sstyle=\"[^\"]*\"") == []


def test_no_scripts_import_each_other_in_a_circle():
    """Each has a name by its content, in which the names of what it imports stand: a circle has no first one, and nothing is collected."""
    imports = re.compile(r'^import\b.*?"(\./[^"]+|\.\./[^"]+)"', re.MULTILINE)
    scripts = {path: imports.findall(path.read_text()) for path in Path("static/js").resolve().rglob("*.js")}
    TopologicalSorter({path: [(path.parent / name).resolve() for name in names] for path, names in scripts.items()}).prepare()

    assert sum(map(len, scripts.values())) > 20


def test_colours_stand_in_the_tokens_alone():
    # The browser paints its own frame in this one before it reads a style sheet.
    assert hits(r"(?<![&\w])#(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})\b(?=[\"';\s)])", but='name="theme-color"') == []
    assert hits(r"\b(?:rgba?|hsla?|oklch)\(") == []


def test_no_page_asks_another_host_for_anything():
    assert hits(r"(?:src|srcset)=\"(?:https?:)?//[^\"]*\"") == []
    assert hits(r"<link[^>]*href=\"(?:https?:)?//[^\"]*\"") == []
