"""How each kind of channel sends one message: its limits, what may stand in its address, and what its answers mean."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

from ..models import Channel
from . import dingtalk, discord, feishu, letter, outside, said, slack, telegram, webhook, wecom
from .pieces import Piece, TooLong, parts

Kind = Channel.Kind
OF = {
    Kind.WECOM: wecom, Kind.FEISHU: feishu, Kind.DINGTALK: dingtalk, Kind.SLACK: slack, Kind.DISCORD: discord,
    Kind.TELEGRAM: telegram, Kind.MAIL: letter, Kind.WEBHOOK: webhook,
}  # fmt: skip
ABILITIES = ("text", "picture", "card")


def can(channel, ability):
    """Whether this kind can, and nobody has switched it off."""
    return ability in OF[channel.kind].ABILITIES and getattr(channel, ability)


def drops_repeats(kind):
    return getattr(OF[kind], "DROPS_REPEATS", False)


def goes_together(kind):
    """Whether a picture goes out in the same message as the text."""
    return getattr(OF[kind], "TOGETHER", False)


def wants(push):
    """The abilities that a push needs; none where there is nothing that a robot could send."""
    if push.card:
        return {"card"}
    return {name for name, is_there in (("text", push.text.strip()), ("picture", push.picture_id)) if is_there}


def messages(push, kind, picture=None):
    """The messages that a push is on this platform, always the same ones. Raises `TooLong`, or `NotSent` for a picture that cannot go."""
    sender = OF[kind]
    if push.card:
        card = Piece(push.text.strip(), push.title, push.card["url"], push.card.get("label") or _("Open"))
        if getattr(sender, "size_of_card", sender.size)(card.text) > sender.MOST_OF_CARD:
            raise TooLong
        return [card]
    texts = [Piece(part, push.title) for part in parts(push.text.strip(), sender.MOST, sender.size)] if push.text.strip() else []
    if picture is None:
        return texts
    if len(picture) > sender.HEAVIEST or push.picture.content_type not in sender.PICTURES:
        raise outside.NotSent("picture_too_large" if len(picture) > sender.HEAVIEST else "picture_type")
    if texts and goes_together(kind):
        first, *others = texts
        return [Piece(first.text, push.title, picture=picture, picture_type=push.picture.content_type), *others]
    return [*texts, Piece(title=push.title, picture=picture, picture_type=push.picture.content_type)]


def send(channel, piece, key):
    """What the platform said, or what became of asking it. Nothing of it holds an address."""
    try:
        return OF[channel.kind].send(channel, piece, key)
    except outside.NotSent as problem:
        return said.of_failure(problem)


def check(kind, address, secret):
    """Refuses an address or a secret that cannot be one of this kind."""
    sender = OF[kind]
    if kind == Kind.MAIL:
        _check_mail(address)
    elif kind == Kind.TELEGRAM:
        if not telegram.CHAT.fullmatch(address):
            sentence = _("The number of the chat, as -1001234567890, or its @name.")
            raise Refused(sentence, code="no_address", status=400, field="address")
    else:
        outside.check(address, sender.HOSTS)
    if secret and sender.SECRET is None:
        raise Refused(_("A channel of this kind has no secret beside its address."), code="no_secret_here", status=400, field="secret")
    if not secret and sender.SECRET == "must":
        raise Refused(_("This kind needs its secret, too."), code="secret_missing", status=400, field="secret")
    if kind == Kind.TELEGRAM and not telegram.TOKEN.fullmatch(secret):
        raise Refused(_("The token that BotFather gave, as 123456:ABC…"), code="no_token", status=400, field="secret")
    if kind == Kind.WEBHOOK and not webhook.is_secret(secret):
        sentence = _("A secret begins with whsec_ and goes on with at least 24 bytes in base64.")
        raise Refused(sentence, code="no_secret", status=400, field="secret")


def _check_mail(address):
    try:
        validate_email(address)
    except ValidationError:
        raise Refused(_("An address as group@example.com, please."), code="no_address", status=400, field="address") from None


def hint(kind, address):
    """All that is shown of an address: where it leads, and its last four characters."""
    if kind == Kind.MAIL:
        return "…@" + address.rpartition("@")[2]
    if kind == Kind.TELEGRAM:
        return f"…{address[-4:]}"
    return f"{outside.urlsplit(address).hostname} …{address[-4:]}"
