"""The public holidays of a tenant's country in the year ahead, as spans of days on which a rhythm might rest."""

import datetime
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

AHEAD = datetime.timedelta(days=365)
A_DAY = datetime.timedelta(days=1)
IN_BRACKETS = re.compile(r"\s*[（(].*?[)）]\s*")  # 国庆节（补假）: how the day came to be free
SPEAKS = {"zh-hans": "zh_CN", "en": "en_US"}


@dataclass(frozen=True)
class DaysOff:
    name: str
    since: datetime.date
    until: datetime.date

    @property
    def days(self):
        return (self.until - self.since).days + 1


def ahead(country, language, today):
    """Soonest first; of a country whose holidays nobody knows, none."""
    found = {day: name for day, name in _known(country, SPEAKS.get(language, "en_US"), today.year).items() if today <= day <= today + AHEAD}
    return [DaysOff(_name([found[day] for day in span if day in found]), span[0], span[-1]) for span in _spans(sorted(found))]


def uncovered(tenant, pauses):
    """Those that no pause of all groups covers yet."""
    whole = [pause for pause in pauses if pause.group_id is None]
    found = ahead(tenant.country, tenant.language, tenant.today())
    return [each for each in found if not any(pause.since <= each.since and each.until <= pause.until for pause in whole)]


@lru_cache(maxsize=64)
def _known(country, language, year):
    import holidays  # takes a second, which pages without it need not wait for

    years = [year, year + 1]
    try:
        speaks = holidays.country_holidays(country).supported_languages
        return dict(holidays.country_holidays(country, years=years, language=language if language in speaks else None))
    except NotImplementedError:
        return {}


def _spans(days):
    """Days in a row; a weekend between two of them belongs to the span."""
    spans = []
    for day in days:
        if spans and all(between.weekday() > 4 for between in _between(spans[-1][-1], day)):
            spans[-1] += [*_between(spans[-1][-1], day), day]
        else:
            spans.append([day])
    return spans


def _between(first, last):
    return [first + A_DAY * n for n in range(1, (last - first).days)]


def _name(names):
    """Of a span: what most of its days are called, the first where several are."""
    plain = [IN_BRACKETS.sub("", name).strip() for name in names]
    return Counter(plain).most_common(1)[0][0][:60]
