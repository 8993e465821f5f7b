"""Slack incoming webhook: the word `ok`, or a status with a word that says why not.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: `&`, `<` and `>` are escaped. Texts of 4,000 characters (40,000
are cut: https://docs.slack.dev/reference/methods/chat.postMessage), a block of 3,000 below a head of 150
(https://docs.slack.dev/reference/block-kit/blocks/section-block), a message a second and Retry-After where that was too fast
(https://docs.slack.dev/apis/web-api/rate-limits). A text is sent as it was typed: its stars and lines make nothing bold.
"""

from . import outside, said

HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
ABILITIES = ("text", "card")
SECRET = None
A_MINUTE = 30
MOST, MOST_OF_CARD = 4000, 2900
GONE = (
    "channel_not_found", "channel_is_archived", "no_service", "no_service_id", "no_active_hooks", "no_team", "invalid_token",
    "team_disabled", "action_prohibited", "posting_to_general_channel_denied",
)  # fmt: skip


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def size(text):
    return len(escaped(text))


def send(channel, piece, key):
    answer = outside.post(channel.address, json=_body(piece))
    word = answer.body.decode(errors="replace").strip()
    if answer.status in (400, 403, 404, 410) and word not in GONE:
        return said.no("refused") if answer.status == 400 else said.dead("no_such_channel")
    if answer.status != 200:
        return said.dead("no_such_channel") if word in GONE else said.of_status(answer) or said.unsure("unknown_answer")
    return said.SENT if word == "ok" else said.unsure("unknown_answer")


def _body(piece):
    if not piece.url:
        return {"text": escaped(piece.text), "mrkdwn": False}
    button = {"type": "button", "text": {"type": "plain_text", "text": piece.label}, "url": piece.url}
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": piece.title}},
        {"type": "section", "text": {"type": "mrkdwn", "text": escaped(piece.text or piece.title)}},
        {"type": "actions", "elements": [button]},
    ]
    return {"text": escaped(piece.title), "blocks": blocks}
