"""Calls to addresses that somebody typed in: to the world outside alone, never into our own network.

The name is looked up once, and the connection is made to the address that was checked, so that a second answer of a name server
changes nothing; host and certificate stay those of the name. No redirect is followed, no proxy of the surroundings used, and an answer
may neither be endless nor take for ever.
"""

import ipaddress
import time
from dataclasses import dataclass
from functools import lru_cache
from socket import IPPROTO_TCP, SOCK_STREAM, gaierror, getaddrinfo
from urllib.parse import urlsplit

import httpcore
import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

CONNECT, WHOLE = 5.0, 20.0  # seconds
MOST = 64 * 1024  # bytes of an answer
LONGEST = 500
INNER = (".local", ".internal", ".localhost")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotSent(Exception):
    """It surely did not get there. `code` says why, and never where to: an address is a secret."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Unsure(NotSent):
    """It was on its way when the line was cut: it may have got there."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes

    def json(self):
        """What it says, or an empty dict where that is no JSON object."""
        try:
            said = httpx.Response(200, content=self.body).json()
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}


def is_ours(host, port=None):
    """Hosts inside one's own network, which whoever runs the product has named."""
    return host in settings.DELIVERY_HOSTS or f"{host}:{port}" in settings.DELIVERY_HOSTS


def check(url, hosts=()):
    """Refuses what no message may be sent to. `hosts` are those of a platform, if it has its own."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host = ""
    if not host or len(url) > LONGEST or not url.isprintable() or " " in url or parts.username or parts.password:
        raise Refused(_("An address as https://example.com/hook, please."), code="no_address", status=400, field="address")
    if is_ours(host, port):
        return
    if parts.scheme != "https":
        raise Refused(_("The address begins with https://, so that nobody can listen in."), code="not_https", status=400, field="address")
    if hosts and host not in hosts:
        sentence = _("An address of this kind begins with https://%(host)s/. Copy it once more from the settings of the robot.")
        raise Refused(sentence % {"host": hosts[0]}, code="other_host", status=400, field="address")
    if not is_outside(host) if _is_address(host) else "." not in host or host.endswith(INNER):
        sentence = _("This address lies inside our own network; messages only go to the world outside.")
        raise Refused(sentence, code="inner_address", status=400, field="address")


def _is_address(host):
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_outside(text):
    """Whether an IP address belongs to the world outside, whatever it is wrapped in."""
    ip = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    if ip.version == 6:
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in NAT64:
            inner = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
        if inner:
            return is_outside(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class _Backend(httpcore.SyncBackend):
    """Looks a name up once, checks what was found, and connects to just that."""

    def __init__(self):
        self.until = time.monotonic() + WHOLE

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        try:
            found = getaddrinfo(host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)
        except (gaierror, UnicodeError):
            raise NotSent("no_such_host") from None
        addresses = list(dict.fromkeys(each[4][0] for each in found))
        if not is_ours(host, port) and not all(map(is_outside, addresses)):
            raise NotSent("inner_address")
        for address in addresses[:2]:
            try:
                return _Stream(super().connect_tcp(address, port, timeout, local_address, socket_options), self.until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                last = problem
        raise last

    def connect_unix_socket(self, *args, **kwargs):
        raise NotSent("inner_address")


class _Stream(httpcore.NetworkStream):
    """A line that is cut when its time is over, also where the other side drips one byte after another."""

    def __init__(self, stream, until):
        self.stream, self.until = stream, until

    def _left(self, timeout):
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("over")
        return min(left, timeout or left)

    def read(self, max_bytes, timeout=None):
        return self.stream.read(max_bytes, self._left(timeout))

    def write(self, buffer, timeout=None):
        self.stream.write(buffer, self._left(timeout))

    def close(self):
        self.stream.close()

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self.until)

    def get_extra_info(self, info):
        return self.stream.get_extra_info(info)


@lru_cache(1)
def _trusted():
    return httpx.create_ssl_context()


class _Transport(httpx.HTTPTransport):
    def __init__(self):
        super().__init__(verify=_trusted(), trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=_trusted(), network_backend=_Backend())  # httpx has no parameter for it


def post(url, **sent):
    """One POST, and what came back. Raises `NotSent` or `Unsure`."""
    timeout = httpx.Timeout(WHOLE, connect=CONNECT)
    headers = {"Accept-Encoding": "identity", "User-Agent": "Qunxing"} | sent.pop("headers", {})
    try:
        with (
            httpx.Client(transport=_Transport(), timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, headers=headers, **sent) as response,
        ):
            return Answer(response.status_code, response.headers, _body(response))
    except NotSent:
        raise
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise NotSent("no_connection") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise NotSent("no_address") from None
    except httpx.TimeoutException:
        raise Unsure("no_answer") from None
    except httpx.HTTPError:
        raise Unsure("line_cut") from None


def _body(response):
    found = b""
    for chunk in response.iter_raw():
        found += chunk
        if len(found) > MOST:
            return found[:MOST]
    return found
