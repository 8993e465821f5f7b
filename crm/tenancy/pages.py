"""A page that is whole, and its part for htmx; a list cut into pages of one size."""

from dataclasses import dataclass

from django.shortcuts import render
from django.utils.cache import patch_vary_headers

SIZE = 50


def page(request, template, context, *, part="answer"):
    """The whole page, or for htmx the part of it by this name."""
    whole = request.htmx.history_restore_request or (request.htmx.boosted and not request.htmx.target)
    fragment = request.htmx and not whole
    response = render(request, f"{template}#{part}" if fragment else template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@dataclass(frozen=True)
class Cut:
    """One page out of a counted list; a number beyond the end is the last page."""

    total: int
    asked: object = 1
    size: int = SIZE

    @property
    def pages(self):
        return max(1, -(-self.total // self.size))

    @property
    def number(self):
        asked = str(self.asked or 1)
        return min(max(int(asked), 1), self.pages) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1

    @property
    def start(self):
        return (self.number - 1) * self.size

    @property
    def first(self):
        return self.start + 1 if self.total else 0

    @property
    def last(self):
        return min(self.start + self.size, self.total)

    @property
    def previous(self):
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self):
        return self.number + 1 if self.number < self.pages else None

    def of(self, rows):
        return rows[self.start : self.start + self.size]
