"""Small files for these tests, written byte by byte."""

from members.files import read_cohorts, read_people, read_table
from members.files.folders import bring_together

HEADER = "昵称,微信号,手机号,城市,所在群,入群时间,到期时间"


def table(*lines, name="members.csv"):
    return read_table("\r\n".join(lines).encode(), name)


def people(*lines, groups=None):
    return read_people(table(*lines), groups)


def cohorts(*lines):
    return read_cohorts(table(*lines))


def community(members, placements):
    return bring_together(table(*members), table(*placements))


def blame(rejected):
    return [(rejection.line, rejection.code) for rejection in rejected]
