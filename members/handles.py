"""Normal forms: two spellings of one identity become equal here, before anything compares them."""

import re
import unicodedata

import phonenumbers

INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)  # phones copied out of a phone carry them
AS_TEXT = re.compile(r'="(.*)"\Z', re.DOTALL)  # how a table is told not to make a number of something
EMPTY = frozenset(
    [
        "-",
        "--",
        "—",
        "——",
        "/",
        "\\",
        "无",
        "暂无",
        "没有",
        "空",
        "未知",
        "未填",
        "未填写",
        "不详",
        "n/a",
        "na",
        "none",
        "null",
        "nil",
        "#n/a",
        "?",
        "？",
    ]
)

WECHAT = re.compile(r"[a-z][a-z0-9_-]{5,19}")
DECORATION = re.compile(r"[\s().·‐-―−-]+")
MAINLAND = re.compile(r"(\+86|0086|86)?0?(1[3-9]\d{9})", re.ASCII)
WHOLE_NUMBER = re.compile(r"(\d+)\.0+", re.ASCII)
EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[a-z0-9\u0080-\U0010ffff-]+(\.[a-z0-9\u0080-\U0010ffff-]+)+")
WECOM = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")
PLANET = re.compile(r"[a-z0-9_-]{3,40}")
SYSTEM = re.compile(r"[a-z][a-z0-9_-]{1,19}")  # the short name of any other system
LONGEST = 120
SCIENTIFIC = re.compile(r"(\d)\.(\d+)e\+?(\d+)", re.ASCII | re.IGNORECASE)


def plain(text):
    """The value without blanks around it, full-width forms, invisible marks; empty where a dash or 无 stands."""
    if not text.isascii():
        text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = text.strip()
    if text[:1] in ("=", "'"):
        text = AS_TEXT.sub(r"\1", text).removeprefix("'").strip()
    return "" if text.lower() in EMPTY else text


def wechat(text):
    """A WeChat id as it is compared, or None where it cannot be one."""
    text = plain(text).lower()
    return text if WECHAT.fullmatch(text) else None


def phone(text, region="CN"):
    """A phone in E.164, or None where it cannot be one. A number without a country's prefix is of `region`."""
    text = _digits_of_a_number(plain(text))
    found = MAINLAND.fullmatch(DECORATION.sub("", text))
    if found and (region == "CN" or found[1]):
        return "+86" + found[2]  # nearly all are such, and parsing them in full takes fifty times as long
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or re.search("[A-Za-z]", text) or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _digits_of_a_number(text):
    """13800000643.0 and 1.3800000643E+10 are phones; 1.38E+10 has lost its digits and is none."""
    if found := WHOLE_NUMBER.fullmatch(text):
        return found[1]
    found = SCIENTIFIC.fullmatch(text)
    return found[1] + found[2] if found and len(found[2]) == int(found[3]) else text


def normal(platform, text, region="CN"):
    """A handle of this platform as it is compared and kept, or None where it cannot be one."""
    if platform == "wechat":
        return wechat(text)
    if platform == "phone":
        return phone(text, region)
    text = plain(text)
    if platform in FORMS:
        text = _digits_of_a_number(text).lower() if platform == "planet" else text.lower()
        return text if len(text) <= LONGEST and FORMS[platform].fullmatch(text) else None
    text = " ".join(text.replace("\0", "").split())
    return text if text and len(text) <= LONGEST and SYSTEM.fullmatch(platform) else None


FORMS = {"email": EMAIL, "wecom": WECOM, "planet": PLANET}
