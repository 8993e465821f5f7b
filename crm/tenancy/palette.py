"""What Ctrl K finds. A room registers in `AppConfig.ready` the pages and acts that it offers, and the rows that it looks through.

Pages and acts are found by their words in every language, so their labels are lazy. A finder is asked with the request, the words and
how many options are wanted at most; it returns `Found`, and looks only where the seat may look.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from . import rights


@dataclass(frozen=True)
class Option:
    """One line. It leads somewhere (`url`), posts (`posts`, with `field` as its name and value), or does what `does` says to the script."""

    label: str
    near: int = 0  # how well it fits; less is nearer
    pieces: list = field(default_factory=list)  # the label cut at the hits
    second: str = ""
    how: list = field(default_factory=list)  # pieces of what was hit where the label was not
    how_label: str = ""
    icon: str = ""
    avatar: str = ""
    marks: Any = ""  # drawn at the avatar
    tag: str = ""
    count: int | None = None
    url: str = ""
    posts: str = ""
    field: tuple = ()
    does: tuple = ()
    is_data: bool = False  # the label is somebody's own word


@dataclass(frozen=True)
class Found:
    options: list
    total: int = 0
    all_url: str = ""  # where all of them stand
    all_label: str = ""
    then_label: str = ""
    then: list = field(default_factory=list)  # what may be done with the first of them


@dataclass(frozen=True)
class Section:
    name: str
    label: Any
    place: int


@dataclass(frozen=True)
class Finder:
    section: str
    looks: Callable  # (request, words, most) -> Found
    area: str


@dataclass(frozen=True)
class Offer:
    """A page or an act, found by its label and by further words for it, in every language."""

    section: str
    label: Any
    icon: str
    area: str | None
    needs: Callable  # (seat, area) -> may they
    words: tuple = ()
    name: str = ""  # of its page
    query: str = ""
    is_outside: bool = False  # a page of no tenant
    is_posted: bool = False
    field: tuple = ()
    does: tuple = ()
    place: int = 50

    @cached_property
    def said(self):
        """Label and words in all languages, once each; labels never change while a process lives."""
        found = {}
        for code, _name in settings.LANGUAGES:
            with override(code):
                found |= dict.fromkeys(str(text) for text in (self.label, *self.words))
        return list(found)

    def is_for(self, seat):
        return self.area is None or self.needs(seat, self.area)


SECTIONS = {}
FINDERS = []
OFFERS = []


def section(name, label, place):
    SECTIONS[name] = Section(name, label, place)


def finds(section, looks, *, area):
    FINDERS.append(Finder(section, looks, area))


def page(label, name, *, icon, area, words=(), query="", is_outside=False, place=50):
    OFFERS.append(Offer("pages", label, icon, area, rights.may_see, words, name, query, is_outside, place=place))


def act(label, name="", *, icon, area=None, words=(), query="", is_outside=False, is_posted=False, field=(), does=()):
    """By a page's name it leads there, or posts to it; with `does` the script does it: `("data-theme-set", "dark")`."""
    OFFERS.append(Offer("acts", label, icon, area, rights.may_do, words, name, query, is_outside, is_posted, field, does))


def of_tab(tab):
    """A page of the settings is found like any other."""
    return Offer("pages", tab.label, tab.icon, tab.area, rights.may_see, (_("Settings"),), tab.name, place=30)
