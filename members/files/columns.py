"""Which column means what: the headers owners write, in Chinese and English."""

import hashlib
import re
from collections import Counter

from members.handles import plain

from .faults import NotATable

# A field's headers, the best first: where a file has both 昵称 and 姓名, the nickname is 昵称.
SYNONYMS = {
    "nickname": "昵称 暱稱 微信昵称 群昵称 微信名 网名 名称 姓名 名字 成员 真实姓名 "
    "nickname nick displayname name fullname membername",
    "wechat": "微信号 微信號 微信id wechatid wxid 微信账号 微信帐号 微信号码 微信 "
    "wechat weixin wx wechataccount wechatnumber",
    "phone": "手机号 手機號 手机号码 手机 电话 電話 电话号码 联系电话 联系方式 "
    "phone mobile phonenumber mobilephone tel telephone cell",
    "city": "城市 所在城市 所在地 常住城市 地区 坐标 city location town",
    "industry": "行业 行業 所属行业 从事行业 industry sector",
    "skills": "技能标签 技能 技能標籤 能力 标签 擅长 特长 skills skill tags tag skilltags",
    "joined": "入群时间 入群時間 入群日期 加入时间 加入日期 入会时间 入会日期 进群时间 进群日期 开始时间 开始日期 加入 "
    "joined joinedat joindate joinedon datejoined startdate start",
    "group": "所在群 群 群名 群名称 群名稱 所属群 群组 群聊 当前群 分群 group groupname chatgroup",
    "expires": "到期时间 到期時間 到期日期 到期日 到期 有效期至 有效期 截止日期 结束时间 过期时间 "
    "expires expiresat expiry expirydate expirationdate expireson validuntil enddate",
    "inviter": "邀请人微信号 邀請人微信號 邀请人微信 推荐人微信号 推荐人微信 介绍人微信号 邀请人 邀請人 推荐人 介绍人 "
    "inviterwechat inviterwechatid inviter invitedby referrer referredby",
    "partner": "合伙人 合夥人 是否合伙人 partner ispartner",
    "note": "备注 備註 说明 备注信息 note notes remark remarks comment comments",
    "tags": "会员标签 成员标签 用户标签 客户标签 分组标签 membertags usertags",
    "offers": "能提供 可提供 我能提供 能给什么 提供资源 资源 offers offer offering",
    "seeks": "想找 在找什么 需求 我需要 寻找 想要 seeks seeking needs",
    "paid": "付费金额 实付金额 实付 缴费金额 会费 入会费 paid paidprice membershipfee",
    "id:wecom": "企业微信 企业微信号 企业微信id 企微 企微号 企微id wecom wecomid",
    "id:email": "邮箱 电子邮箱 邮件 邮箱地址 email mail emailaddress",
    "id:planet": "知识星球 知识星球编号 知识星球id 星球编号 星球id 星球用户id planet planetid",
    "id:external": "外部编号 外部id 会员编号 会员id 客户编号 用户编号 用户id externalid memberid customerid userid",
    "when": "时间 发言时间 消息时间 发送时间 互动时间 time timestamp sentat",
    "speaker": "发言人微信号 发言人 发送人 发送人微信号 speaker sender speakerwechat",
    "act": "类型 消息类型 互动类型 kind type",
    "target": "对象微信号 对象 回复对象 被回复人 target to targetwechat",
    "cohort": "届 屆 期 半年 届次 期次 期数 半年度 cohort halfyear half term season",
}
COHORT_FIELDS = ("cohort", "group", "wechat", "phone", "nickname")
INTERACTION_FIELDS = ("when", "group", "speaker", "act", "target")
MEMBER_FIELDS = tuple(field for field in SYNONYMS if field not in ("cohort", "when", "speaker", "act", "target"))
FIELDS = {"members": MEMBER_FIELDS, "cohorts": COHORT_FIELDS, "interactions": INTERACTION_FIELDS}
IDENTITIES = ("wechat", "phone", *(field for field in SYNONYMS if field.startswith("id:")))
# What a file of a kind cannot do without: of each line one.
MUST_HAVE = {
    "members": [IDENTITIES],
    "cohorts": [("cohort",), ("group",), ("wechat", "phone")],
    "interactions": [("when",), ("speaker",)],
}
EXAMPLES = {field: headers.split()[0] for field, headers in SYNONYMS.items()}

FIELD_OF = {header: (field, rank) for field, headers in SYNONYMS.items() for rank, header in enumerate(headers.split())}
HINT = re.compile(r"[(\[【<].*?[)\]】>]")  # 手机号（必填）
DECORATION = re.compile(r"[\s_\-*:：.·/#'\"]+")
OWNER = re.compile(r"^(成员|会员|學員|学员|用户|客户|member|your|您的|你的)(?=.)")


def field_of(header):
    """The field a header names and how well it does, or None. Case, blanks, hints and full-width forms do not count."""
    text = DECORATION.sub("", HINT.sub("", plain(header).lower()))
    return FIELD_OF.get(text) or FIELD_OF.get(OWNER.sub("", text))


def known(cells, fields):
    """How many different fields of these a row names."""
    return len(
        {found[0] for cell in cells if cell and len(cell) < 40 and (found := field_of(cell)) and found[0] in fields}
    )


def keys_of(header):
    """A key for each column, by which a mapping names it: its header, numbered where that comes twice."""
    seen, keys = Counter(), []
    for cell in header:
        text = " ".join(cell.split())
        seen[text] += 1
        keys.append(f"{text} ({seen[text]})" if seen[text] > 1 else text)
    return keys


def shape_of(header):
    """Files with the same columns in the same order have one shape, however their headers are decorated."""
    words = (DECORATION.sub("", HINT.sub("", plain(cell).lower())) for cell in header)
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()


class Columns:
    """Where each field stands in a table: as somebody said (`mapping`, {key of a column: field, or "" for one left out}), else as its
    header says."""

    def __init__(self, table, fields, mapping=None):
        self.header, self.name, self.keys = table.header, table.name, keys_of(table.header)
        said = {at: mapping[key] for at, key in enumerate(self.keys) if mapping and key in mapping}
        self.at = self._said(said, fields)
        best = {}
        for at, header in enumerate(table.header):
            field, rank = field_of(header) or (None, 0)
            if at not in said and field in fields and field not in self.at and rank < best.get(field, (99, 0))[0]:
                best[field] = rank, at
        self.at |= {field: at for field, (_, at) in best.items()}
        used = set(self.at.values())
        self.unknown = [header for at, header in enumerate(table.header) if at not in used and header.strip()]

    def _said(self, said, fields):
        places = {}
        for at, field in said.items():
            if field in fields or field.startswith(("id:", "custom:")):
                if field in places:
                    raise NotATable("column_twice", name=self.name, one=self.keys[places[field]], other=self.keys[at])
                places[field] = at
        return places

    @property
    def fields(self):
        """Of each column what it is read as; empty where it is not read."""
        by_place = {at: field for field, at in self.at.items()}
        return [by_place.get(at, "") for at in range(len(self.header))]

    def __contains__(self, field):
        return field in self.at

    def reader(self, field):
        """A function from a row's cells to this field's, empty where the file has no such column."""
        at = self.at.get(field)
        return (lambda cells: cells[at]) if at is not None else (lambda cells: "")

    def header_of(self, field):
        return self.header[self.at[field]].strip()

    def require(self, *alternatives):
        """Refuse the file that has none of these columns."""
        if not any(field in self.at for field in alternatives):
            raise NotATable(
                "missing_column",
                name=self.name,
                column=" / ".join(field.removeprefix("id:") for field in alternatives[:2]),
                example=" / ".join(EXAMPLES[field] for field in alternatives[:2]),
            )


def tells_of(table):
    """Whether a table's columns are those of "members", of "cohorts" or of "interactions"; None where they are of none."""
    columns = Columns(table, tuple(SYNONYMS))
    if "speaker" in columns and "when" in columns:
        return "interactions"
    if not any(field in columns for field in IDENTITIES):
        return None
    return "cohorts" if "cohort" in columns and "group" in columns else "members"


def spellings(table, groups, mapping=None):
    """{key of a group: {spelling: how often}}, as a table writes them."""
    fields = [field for field in (mapping or {}).values() if field] + ["group"]  # so that each is known for what it is
    columns, found = Columns(table, tuple(fields), mapping), {}
    if "group" not in columns:
        return found
    cell = columns.reader("group")
    for spelling, count in Counter(cell(cells).strip() for _, cells in table.rows).items():
        keys = groups.find(spelling) if spelling else []
        if len(keys) == 1:
            found.setdefault(keys[0], Counter())[spelling] += count
    return found
