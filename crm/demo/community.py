"""An invented community, as its owner would export it: the member file, the cohort file, and the rules of its reshuffle.

The same seed and day give the same files. Only dates hang on the day; who the people are and where they sat does not.
"""

import csv
import io
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from crm.tenancy import pinyin

from . import words

# Eight half-years, the present one last: members and groups.
SIZES = [168, 503, 1036, 1688, 2461, 3302, 4271, 5168]
GROUPS = [2, 4, 6, 8, 10, 12, 14, 16]
LEAVE = 0.073  # of a half-year's members, before the next one
STAY = 0.2  # in their group, from one half-year to the next
HOSTS = 2  # of each group
STARS, PARTNERS, TEAMS, APART, DOUBLES = 100, 104, 18, 20, 14

COLUMNS = ["昵称", "微信号", "手机号", "城市", "行业", "技能标签", "入群时间", "所在群", "到期时间", "邀请人微信号", "合伙人", "备注"]


@dataclass(eq=False)
class Person:
    nickname: str
    wechat: str
    phone: str
    city: str
    industry: str
    skills: list
    joined: date
    expires: date | None
    note: str
    host: bool = False
    partner: bool = False
    inviter: str = ""
    seats: dict = field(default_factory=dict)  # half-year's place in SIZES -> group's number

    @property
    def group(self):
        return self.seats.get(len(SIZES) - 1)


@dataclass(frozen=True)
class Community:
    """The two files, and by WeChat id what no file holds."""

    members: str
    cohorts: str
    hosts: list
    stars: list  # (id, because)
    teams: list  # (name, ids)
    apart: list  # (id, id)
    partners: list  # (id, group's number, since)

    def write(self, folder):
        (folder / "members.csv").write_text(self.members, encoding="utf-8-sig", newline="")
        (folder / "cohorts.csv").write_text(self.cohorts, encoding="utf-8", newline="")


def invent(today, seed=2026):
    """`today` says which half-year is the present one."""
    dice = Random(seed)
    halves = _halves(today)
    people = _grow(dice, halves, today)
    current = [person for person in people if person.group]
    _invite(Random(seed + 1), people)  # it draws more or fewer numbers by the day, and nothing else may hang on that
    partners = _partners(dice, current, today)
    teams = _teams(dice, current)
    stars = _stars(dice, current)
    return Community(
        members=_member_file(dice, current, today),
        cohorts=_cohort_file(dice, people, halves),
        hosts=[person.wechat for person in current if person.host],
        stars=stars,
        teams=teams,
        apart=_apart(dice, current, {who for _, team in teams for who in team}),
        partners=partners,
    )


def _halves(today):
    """The first days of the half-years, oldest first."""
    year, half = today.year, 1 if today.month < 7 else 2
    places = [2 * year + half - 1 - back for back in range(len(SIZES))]
    return [date(place // 2, 1 if place % 2 == 0 else 7, 1) for place in reversed(places)]


# Growing


def _grow(dice, halves, today):
    """Half-year by half-year: some leave, more come, a fifth stay where they are, all others are dealt anew."""
    maker = _Maker(dice, today)
    people, sitting = [], []
    for at, (size, groups, begins) in enumerate(zip(SIZES, GROUPS, halves, strict=True)):
        sitting = _without_leavers(dice, sitting)
        came = [maker.person(begins) for _ in range(size - len(sitting))]
        _found_groups(dice, sitting or came, at, groups)
        sitting += came
        _deal(dice, sitting, at, groups)
        people += came
    return people


def _without_leavers(dice, sitting):
    free = [person for person in sitting if not person.host]
    gone = set(map(id, dice.sample(free, round(len(sitting) * LEAVE)))) if free else set()
    return [person for person in sitting if id(person) not in gone]


def _found_groups(dice, veterans, at, groups):
    """Each new group is opened by hosts who came from the others."""
    opened = range((GROUPS[at - 1] if at else 0) + 1, groups + 1)
    candidates = dice.sample([person for person in veterans if not person.host], HOSTS * len(opened))
    for place, person in enumerate(candidates):
        person.host = True
        person.seats[at] = opened[place // HOSTS]


def _deal(dice, sitting, at, groups):
    for person in sitting:
        before = person.seats.get(at - 1)
        if at not in person.seats and before and (person.host or dice.random() < STAY):
            person.seats[at] = before
    seats = [len(sitting) // groups + (number < len(sitting) % groups) for number in range(groups)]
    for number in range(0, groups - 1, 2):  # no two groups are exactly alike
        shift = dice.randint(-2, 2)
        seats[number] += shift
        seats[number + 1] -= shift
    for person in sitting:
        if number := person.seats.get(at):
            seats[number - 1] -= 1
    free = [number + 1 for number, left in enumerate(seats) for _ in range(left)]
    dice.shuffle(free)
    loose = [person for person in sitting if at not in person.seats]
    dice.shuffle(loose)
    for place, person in enumerate(loose):
        if free[place] == person.seats.get(at - 1):  # give it to the next one, who most likely sat elsewhere
            other = (place + 1) % len(loose)
            free[place], free[other] = free[other], free[place]
        person.seats[at] = free[place]


class _Maker:
    """Makes one person after another, no two with one WeChat id or phone."""

    def __init__(self, dice, today):
        self.dice, self.today = dice, today
        self.wechats, self.phones = set(), set()

    def person(self, half_year):
        dice = self.dice
        surname, given = _one(dice, words.SURNAMES), _one(dice, words.GIVEN)
        city = _one(dice, words.CITIES)
        industry, _, typical = dice.choices(words.INDUSTRIES, [weight for _, weight, _ in words.INDUSTRIES])[0]
        skills = self.skills(typical)
        joined = min(half_year + timedelta(days=dice.randrange(-20, 110)), self.today)
        return Person(
            nickname=self.nickname(surname, given, city, skills),
            wechat=self.wechat(surname, given),
            phone=self.phone() if dice.random() < 0.62 else "",
            city=city if dice.random() < 0.94 else "",
            industry=industry if dice.random() < 0.9 else "",
            skills=skills,
            joined=joined,
            expires=self.expires(joined),
            note=dice.choice(words.NOTES) if dice.random() < 0.06 else "",
        )

    def skills(self, typical):
        dice = self.dice
        many = dice.choices([0, 1, 2, 3, 4], [4, 34, 34, 20, 8])[0]
        found = [dice.choice(typical) if dice.random() < 0.7 else dice.choice(words.SKILLS) for _ in range(many)]
        return list(dict.fromkeys(found))

    def nickname(self, surname, given, city, skills):
        dice = self.dice
        emoji = _one(dice, words.EMOJI) if dice.random() < 0.66 else ""
        whole = surname + given
        kind = dice.random()
        if kind < 0.3:
            said = dice.choice([whole, whole, given])
            return f"{city}-{said}{emoji}-{dice.choice(skills or words.SKILLS)}"
        if kind < 0.52:
            return whole + emoji
        if kind < 0.72:
            return given + emoji
        if kind < 0.8:
            return f"{dice.choice(words.LATIN)}{dice.choice(['', ' ', '_', '｜'])}{dice.choice([whole, given, city])}"
        if kind < 0.87:
            return dice.choice(words.CALLED) + emoji
        if kind < 0.93:
            return f"{dice.choice(['阿', '小'])}{given[-1]}{emoji}"
        if kind < 0.97:
            return f"{surname}{dice.choice(['老师', '总', '姐', '哥', '同学'])}{emoji}"
        return f"{whole}{dice.choice(['｜', '·', '-'])}{dice.choice(words.SKILLS)}"

    def wechat(self, surname, given):
        dice = self.dice
        while True:
            if dice.random() < 0.55:
                value = "wxid_" + "".join(dice.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=14))
            else:
                parts = pinyin.syllables(surname), pinyin.syllables(given)
                value = "".join(dice.choice([parts[0] + parts[1], parts[1] + parts[0], parts[1]])) + str(dice.randrange(10, 100_000))
                value = value[:20] if len(value) > 5 else f"{value}{dice.randrange(1000, 10_000)}"
            if value not in self.wechats:
                self.wechats.add(value)
                return value

    def phone(self):
        """Numbers that look like a mobile's and that nobody has been given: four zeros in the middle."""
        while True:
            value = f"1{self.dice.choice([35, 36, 37, 38, 39, 50, 58, 59, 66, 77, 86, 88, 89])}0000{self.dice.randrange(10_000):04}"
            if value not in self.phones:
                self.phones.add(value)
                return value

    def expires(self, joined):
        """Whole years. Some have lately run out and still sit there; a few are for life."""
        late, more = self.dice.random() < 0.18, self.dice.choices([0, 1, 2, None], [80, 12, 6, 2])[0]
        if more is None:
            return None
        years = 1
        while _years_after(joined, years) < self.today:
            years += 1
        return _years_after(joined, years - 1 if late and years > 1 else years + more)


def _years_after(day, years):
    return day.replace(year=day.year + years, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _one(dice, weighted):
    return dice.choices([word for word, _ in weighted], [weight for _, weight in weighted])[0]


# Who is who


def _invite(dice, people):
    """Most were brought by somebody who was there before them; a few bring very many."""
    known = []
    for place, person in enumerate(people):
        if place and dice.random() < 0.55:
            inviter = dice.choice(known) if known and dice.random() < 0.7 else people[dice.randrange(place)]
            if inviter.joined <= person.joined:
                person.inviter = inviter.wechat
                known.append(inviter)


def _partners(dice, current, today):
    """Those of a year and more; hosts are often among them. They sit in two groups of their own as well."""
    hosts = [person for person in current if person.host]
    others = [person for person in current if not person.host and len(person.seats) > 3]
    chosen = dice.sample(hosts, 14) + dice.sample(others, PARTNERS - 14)
    rows = []
    for place, person in enumerate(chosen):
        person.partner = True
        since = min(person.joined + timedelta(days=dice.randrange(120, 700)), today - timedelta(days=dice.randrange(1, 30)))
        rows.append((person.wechat, place % 2 + 1, max(since, person.joined)))
    return rows


def _teams(dice, current):
    """Most of a team sit in one group; some teams reach over two, and the reshuffle brings them together."""
    by_group = _by_group(person for person in current if not person.host)
    numbers = sorted(by_group)
    teams = []
    for place, name in enumerate(words.TEAMS[:TEAMS]):
        number = numbers[place % len(numbers)]
        size = dice.choice([3, 4, 4, 5, 5, 6, 7, 8])
        away = dice.randint(1, 2) if place % 4 == 3 else 0
        found = [by_group[number].pop() for _ in range(size - away)]
        found += [by_group[numbers[(place + 5) % len(numbers)]].pop() for _ in range(away)]
        teams.append((name, [person.wechat for person in found]))
    return teams


def _by_group(people):
    groups = {}
    for person in people:
        groups.setdefault(person.group, []).append(person)
    return groups


def _stars(dice, current):
    """Unevenly spread, as they are when nobody looks after it."""
    wanted = {number: dice.choice([2, 4, 5, 6, 7, 8, 11]) for number in range(1, GROUPS[-1] + 1)}
    chosen = []
    for number, people in sorted(_by_group(person for person in current if len(person.seats) > 1).items()):
        chosen += dice.sample(people, wanted[number])
    dice.shuffle(chosen)
    taken = {person.wechat for person in chosen}
    rest = [person for person in current if person.wechat not in taken and len(person.seats) > 2]
    chosen = (chosen + dice.sample(rest, max(0, STARS - len(chosen))))[:STARS]
    reasons = ["seller", "seller", "helper", "helper", "helper", "host"]
    return [(person.wechat, "host" if person.host else dice.choice(reasons)) for person in chosen]


def _apart(dice, current, in_teams):
    """Some sit together now and have fallen out; the others are to stay out of each other's way."""
    free = [person for person in current if not person.host and person.wechat not in in_teams]
    dice.shuffle(free)
    together = [people[:2] for _, people in sorted(_by_group(free).items())][:8]
    taken = {person.wechat for pair in together for person in pair}
    rest = [person for person in free if person.wechat not in taken][: 2 * (APART - len(together))]
    pairs = together + [rest[place : place + 2] for place in range(0, len(rest), 2)]
    return [(one.wechat, other.wechat) for one, other in pairs]


# Files, with the spellings that owners' files have


def _member_file(dice, current, today):
    rows = [_row(dice, person) for person in current]
    doubles = dice.sample([row for row in rows if row[2]], DOUBLES)
    rows += [[f"{row[0]}(小号)", row[1] if place % 2 else "", *row[2:]] for place, row in enumerate(doubles)] + _bad_rows()
    dice.shuffle(rows)
    return _table([["星桥社群成员导出"], [f"导出时间：{today:%Y-%m-%d} 08:00"], COLUMNS, *rows])


def _row(dice, person):
    return [
        person.nickname,
        person.wechat,
        dice.choice(["{}", "{}", "{}", "{}", "+86{}", "86 {}"]).format(person.phone) if person.phone else "",
        person.city + dice.choices(["", "市", " ", "·市区"], [88, 8, 2, 2])[0] if person.city else "",
        person.industry,
        dice.choice(["、", "/", "，", " "]).join(person.skills),
        _written(dice, person.joined),
        dice.choices(["会员{}群", "{}群", "星桥会员{}群"], [5, 3, 2])[0].format(person.group),
        _written(dice, person.expires) if person.expires else "",
        person.inviter,
        "是" if person.partner else "",
        person.note,
    ]


def _written(dice, day):
    form = dice.choices(["{0:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}", "{0.year}年{0.month}月{0.day}日", "{0:%Y.%m.%d}"], [5, 3, 1, 1])[0]
    return form.format(day)


def _bad_rows():
    """A few that no import can take, so that its report has something to say."""
    return [
        ["陈一帆", "", "1390000", "杭州", "电商", "直播", "2025-03-01", "会员2群", "2027-03-01", "", "", ""],
        ["木子🌱", "", "", "上海", "自媒体", "小红书", "2025-06-18", "会员5群", "2027-06-18", "", "", "没留联系方式"],
        ["周小雨", "zhouxiaoyu5521", "", "宁波", "母婴", "社群运营", "2025-02-30", "会员7群", "2027-02-28", "", "", ""],
        ["阿亮", "aliang77120", "", "成都", "餐饮", "选址", "2024-11-11", "会员61群", "2026-11-11", "", "", ""],
    ]


def _cohort_file(dice, people, halves):
    rows = []
    for at, begins in enumerate(halves):
        name = f"{begins.year}{'上' if begins.month == 1 else '下'}半年"
        placed = [[name, f"会员{person.seats[at]}群", person.wechat] for person in people if at in person.seats]
        dice.shuffle(placed)
        rows += placed
    return _table([["届", "群", "微信号"], *rows])


def _table(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
