"""From today every page is three clicks away at most. What lies in a menu that has to be opened costs a click more."""

from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.urls import Resolver404, resolve

from tests.tenancy import doors
from tests.tenancy.walking import a_plan, one_of_each

MOST, A_FEW = 3, 8
# Pages that nobody is led to from inside, and why.
ELSEWHERE = {
    "begin:files": "one of the first steps; later files come in by the page of imports",
    "begin:groups": "one of the first steps; later the groups are set up on a page of the settings",
    "members:timeline": "a part of the member's page, for browsers without scripts",
    "palette": "it opens over every page; as a page of its own it serves browsers without scripts",
    "groups:week_move": "it opens over the week, for a slot that was dragged or sent to another day by keys",
    "groups:moves": "it opens from a reshuffle that is being carried out, as does what mends one",
    "groups:making": "a part of the plan's page while the plan is made",
    "account_reauthenticate": "asked for on the way to something grave",
}


class Links(HTMLParser):
    """{address: clicks it costs} of a page: one, and one more for each closed fold or menu around it."""

    def __init__(self, base):
        super().__init__()
        self.base, self.folds, self.found = base, 0, {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "details":
            self.folds += "open" not in attrs
        if tag == "a" and attrs.get("href") and "download" not in attrs:
            address = urljoin(self.base, attrs["href"]).partition("#")[0]
            self.found[address] = min(self.found.get(address, 9), 1 + self.folds)

    def handle_endtag(self, tag):
        if tag == "details":
            self.folds = 0  # none of ours stands within another


def opens(client, address, *, follow=False):
    """The whole page at an address; nothing for a redirect that is not followed, a file, a part of a page or a refusal."""
    answer = client.get(address, follow=follow)
    is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html") and not answer.streaming
    return answer.content.decode() if is_page and b"<html" in answer.content[:600] else ""


def name_of(address):
    path = urlsplit(address).path
    try:
        if path.startswith("/qinghe/"):
            return resolve(path.removeprefix("/qinghe"), settings.TENANT_URLCONF).view_name
        return resolve(path, settings.ROOT_URLCONF).view_name
    except Resolver404:
        return None


def walk(client, start):
    """{name of a page: fewest clicks}; of each kind of page the nearest few are looked through, since not every member has a note."""
    clicks, ways, looked, known = {name_of(start): 0}, [(0, start)], Counter(), set()
    while ways:
        ways.sort(reverse=True)
        spent, address = ways.pop()
        kind = name_of(address), urlsplit(address).query
        if spent >= MOST or address in known or looked[kind] >= A_FEW:  # what the last click led to leads nowhere nearer
            continue
        looked[kind] += 1
        known.add(address)
        text = opens(client, address, follow=True)
        if not text:
            continue
        links = Links(address)
        links.feed(text)
        for found, cost in links.found.items():
            name = name_of(found)
            if name and not urlsplit(found).netloc:
                clicks[name] = min(clicks.get(name, 99), spent + cost)
                ways.append((spent + cost, found))
    return {name: spent for name, spent in clicks.items() if spent <= MOST}


@pytest.fixture
def rows(house, owner):
    return one_of_each(house, Task={"assistant": owner.seat}) | a_plan(house)


class Anywhere:
    """The owner's client for addresses that are whole already."""

    def __init__(self, owner):
        self.inside, self.outside = owner, owner.outside

    def get(self, address, **kwargs):
        client = self.inside if address.startswith("/qinghe/") else self.outside
        return client.get(address, **kwargs)


def test_every_page_is_three_clicks_from_today_at_most(owner, rows):
    client = Anywhere(owner)
    inside = {door.name: "/qinghe" + door.path(rows) for door in doors.pages() if door.is_listed}
    outside = {door.name: door.path({}) for door in doors.doors() if door.name in doors.OUTSIDE - doors.OPEN and not door.words}
    pages = {name for name, address in (inside | outside).items() if opens(client, address)}

    near = walk(client, "/qinghe/")

    assert len(pages) > 10
    assert sorted(pages - near.keys() - ELSEWHERE.keys()) == []
