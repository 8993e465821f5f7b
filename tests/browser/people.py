"""Somebody at a browser, on a small community with a plan: in their language and theme, at their width, with the keyboard if they like."""

from django.test import Client

from tests.chromium import PATIENCE, expect, fits, needs_chromium, ready, until

__all__ = ["DESKTOP", "PHONE", "Somebody", "expect", "fits", "needs_chromium", "ready", "until"]

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

CALLED_OFF = ("htmx:sendAbort", "htmx:afterRequest")  # htmx tells the console when a newer question takes the place of an older one


class Somebody:
    """A browser with a seat signed in, which writes down what its pages complain of."""

    def __init__(self, browser, server, seat, *, size=DESKTOP, language="en", theme="light", **settings):
        self.server, self.seat, self.complaints = server, seat, []
        self.context = browser.new_context(viewport=size, has_touch=size is PHONE, **settings)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        self.wears(language, theme)
        if seat:
            client = Client()
            client.force_login(seat.user)
            self._cookie("sessionid", client.cookies["sessionid"].value)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, said):
        if said.type == "error" and not said.text.startswith(CALLED_OFF):
            self.complaints.append(said.text)

    def _cookie(self, name, value):
        self.context.add_cookies([{"name": name, "value": value, "url": self.server.url}])

    def wears(self, language, theme):
        self._cookie("django_language", language)
        self._cookie("theme", theme)

    def goes(self, path=""):
        """Inside their community; a path with a slash before it is outside any."""
        inside = f"/{self.seat.tenant.slug}/{path}" if self.seat and not path.startswith("/") else path
        self.page.goto(self.server.url + inside)
        return self.page

    def close(self):
        self.page.goto("about:blank")
        self.context.close()
