"""Translations without gettext's programs: `python .ci/messages.py` gathers every text and compiles what is translated.

    --check        say what is not as it should be, and exit with 1
    --missing      print the texts that are not translated yet, as a JSON list; of two numbers the plural
    --fill FILE    take translations from a JSON object {text: translation}; a text with a context is "context\\u0004text"

The texts in the code are English, so English needs no catalogue. Catalogues hold no dates and no line numbers, so that a
diff shows what was said anew.
"""

import argparse
import ast
import datetime
import io
import json
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
# Where a text stands decides which catalogue holds it; the first folder that fits counts.
HOMES = ["crm/tenancy", "crm", "members", "groups", "incentives", "partners"]
OF_TEMPLATES = "crm"
LANGUAGES = ["zh_Hans"]
HEADER = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals={plurals}; plural={plural};\\n"

"""
SPEC = {"gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}
PLACEHOLDER = re.compile(r"%\(\w+\)[#0-9.]*[a-zA-Z]|%[#0-9.]*[sdif]|\{\w*\}")


# Gathering


def gathered():
    """{home: {(context, text): plural or None}}"""
    found = {home: {} for home in HOMES if (ROOT / home).is_dir()}
    for home in found:
        for path in sorted((ROOT / home).rglob("*.py")):
            if "migrations" not in path.parts and _home_of(path) == home:
                _take(found[home], of_python(path))
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.is_file():
            _take(found[OF_TEMPLATES], of_template(path))
    return found


def _home_of(path):
    return next(home for home in HOMES if path.is_relative_to(ROOT / home))


def _take(known, messages):
    for text, context in messages:
        single, plural = text if isinstance(text, tuple) else (text, None)
        if single:
            known[context, single] = plural or known.get((context, single))


def of_python(path):
    source = path.read_bytes()
    keywords = _keywords(source)
    return [] if not keywords else [(text, context) for _, text, _, context in extract("python", io.BytesIO(source), keywords)]


def _keywords(source):
    """The names under which a module has imported Django's functions, or a mark of its own where it knows no Django."""
    keywords = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == "gettext_noop":
            keywords[node.name] = None
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            for name in node.names:
                if (plain := name.name.removesuffix("_lazy")) in SPEC:
                    keywords[name.asname or name.name] = SPEC[plain]
    return keywords


def of_template(path):
    # What is not to be translated becomes rows of X; without the indentation Python reads them.
    code = "\n".join(line.lstrip() for line in templatize(path.read_text()).splitlines())
    return [(text, context) for _, text, _, context in extract("python", io.BytesIO(code.encode()), SPEC | {"_": None})]


# Catalogues


def po_of(home, language):
    return ROOT / home / "locale" / language / "LC_MESSAGES/django.po"


def translations(language):
    """All that is translated, wherever it stood: {(context, text): translation or its forms}; and for each home."""
    everywhere, by_home = {}, {}
    for home in HOMES:
        path = po_of(home, language)
        by_home[home] = {}
        if path.exists():
            for message in read_po(io.BytesIO(path.read_bytes())):
                if message.id and message.string and any(message.string):
                    text = message.id[0] if isinstance(message.id, tuple) else message.id
                    said = message.string if isinstance(message.string, str) else message.string[0]
                    by_home[home][message.context, text] = said
        everywhere |= by_home[home]
    return everywhere, by_home


def catalogue(language, texts, said):
    made = Catalog(locale=language, charset="utf-8")
    made.creation_date = made.revision_date = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for (context, text), plural in sorted(texts.items(), key=lambda item: (item[0][1], item[0][0] or "")):
        translation = said.get((context, plural), said.get((context, text), ""))
        if plural:
            made.add((text, plural), (translation,) * made.num_plurals, context=context)
        else:
            made.add(text, translation, context=context)
    return made


def as_po(made, language):
    file = io.BytesIO()
    write_po(file, made, omit_header=True, no_location=True, width=120)
    header = HEADER.format(language=language, plurals=made.num_plurals, plural=made.plural_expr)
    return header.encode() + file.getvalue().lstrip()


def as_mo(made):
    file = io.BytesIO()
    write_mo(file, made)
    return file.getvalue()


def made(language, filled=()):
    """{home: catalogue}, of the texts that stand in the code now."""
    everywhere, by_home = translations(language)
    filled = dict(filled)
    return {home: catalogue(language, texts, everywhere | by_home[home] | filled) for home, texts in gathered().items()}


def write(language, filled=()):
    for home, each in made(language, filled).items():
        path = po_of(home, language)
        if len(each):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_po(each, language))
            path.with_suffix(".mo").write_bytes(as_mo(each))


# Looking


def missing(language):
    return sorted({_key(message, last=True) for each in made(language).values() for message in each if message.id and not _said(message)})


def faults(language):
    meant = {}
    for home, each in made(language).items():
        path = po_of(home, language)
        where = path.relative_to(ROOT)
        if not len(each):
            continue
        if not path.exists() or path.read_bytes() != as_po(each, language):
            yield f"{where} is not what stands in the code: run python .ci/messages.py."
        elif not path.with_suffix(".mo").exists() or path.with_suffix(".mo").read_bytes() != as_mo(each):
            yield f"{where.with_suffix('.mo')} was not made of its .po: run python .ci/messages.py."
        for message in each:
            if not message.id:
                continue
            said = _said(message)
            if not said:
                yield f"{where}: no translation of {_text(message)!r}."
            elif sorted(set(PLACEHOLDER.findall(said))) != sorted(set(PLACEHOLDER.findall(_text(message, last=True)))):
                yield f"{where}: other placeholders in {said!r} than in {_text(message, last=True)!r}."
            elif meant.setdefault(_key(message), (said, where))[0] != said:
                yield f"{where}: {_text(message)!r} is {said!r} here and {meant[_key(message)][0]!r} in {meant[_key(message)][1]}."


def _text(message, last=False):
    return message.id if isinstance(message.id, str) else message.id[-1 if last else 0]


def _said(message):
    return message.string if isinstance(message.string, str) else message.string[0]


def _key(message, last=False):
    text = _text(message, last)
    return f"{message.context}\x04{text}" if message.context else text


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="say what is wrong, and exit with 1")
    parser.add_argument("--missing", action="store_true", help="print what is not translated yet, as JSON")
    parser.add_argument("--fill", type=Path, metavar="FILE", help="take translations from a JSON object")
    parser.add_argument("--language", default=LANGUAGES[0], choices=LANGUAGES)
    asked = parser.parse_args()
    settings.configure(USE_I18N=True)
    if asked.missing:
        print(json.dumps(missing(asked.language), ensure_ascii=False, indent=1))
        return 0
    if asked.check:
        found = [fault for language in LANGUAGES for fault in faults(language)]
        print(*found, sep="\n", file=sys.stderr)
        return 1 if found else 0
    filled = json.loads(asked.fill.read_text()) if asked.fill else {}
    write(asked.language, {tuple(key.split("\x04", 1)) if "\x04" in key else (None, key): said for key, said in filled.items()})
    print(f"{len(missing(asked.language))} texts are not translated yet: python .ci/messages.py --missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
