"""What we know of industries and skills before a tenant has said a word: a start, with the ways of writing them.

Nothing of it is put into a tenant's lists by itself. A word comes when somebody's row names it, and from then on the tenant's own
spellings count.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 60
# What two spellings of one word differ in. C, C++ and C# are three words.
BETWEEN = re.compile(r"[\s·・•‧.\-–—_'’‘`\"“”()]+")

# Chinese name = English name = further spellings
INDUSTRIES = """
知识付费 = Paid knowledge = 知付, 知识付费行业, 在线知识, 知识博主, 知识IP, knowledge products, online courses
教育培训 = Education = 教育, 培训, 教培, 教育行业, 培训行业, 教育/培训, K12, 职业教育, education and training, training, edtech
企业服务 = Business services = 企服, toB, to B服务, B2B服务, 企业咨询, 管理咨询, consulting, business consulting
电商 = E-commerce = 电子商务, 电商行业, 网店, 淘宝电商, 直播电商, ecommerce, online retail
跨境出海 = Cross-border trade = 跨境, 跨境电商, 出海, 外贸, 进出口, 亚马逊跨境, cross-border e-commerce, export, foreign trade
本地生活 = Local services = 本地服务, 生活服务, 本地商家, 同城, local life
美业 = Beauty = 美容, 美发, 美容美发, 美妆, 医美, 护肤, 美甲, beauty and cosmetics, cosmetics
健康养生 = Health = 健康, 大健康, 养生, 健康管理, 中医养生, 健身, 营养, health and wellness, wellness, fitness
医疗医药 = Medicine = 医疗, 医药, 医疗健康, 医疗器械, 生物医药, healthcare, pharma, medical
母婴 = Mother and child = 母婴行业, 母婴用品, 亲子, 育儿, 婴童, baby and maternity, parenting
餐饮 = Food service = 餐饮业, 餐饮行业, 餐厅, 饭店, 茶饮, 烘焙, 咖啡, restaurants, catering, food and beverage, F&B
食品 = Food = 食品行业, 食品饮料, 零食, 农产品, 生鲜, food products
农业 = Agriculture = 三农, 农牧, 种植, 养殖, farming
文旅 = Travel = 旅游, 文化旅游, 旅行, 民宿, 酒店, 酒旅, tourism, hospitality, hotels
文化传媒 = Media = 传媒, 文化, 媒体, 自媒体, 新媒体, 影视, 影视传媒, 出版, media and culture, publishing, film
广告营销 = Marketing = 广告, 营销, 市场营销, 公关, 品牌策划, MCN, advertising, PR
金融保险 = Finance = 金融, 保险, 银行, 证券, 基金, 理财, 投资, 金融行业, finance and insurance, insurance, banking, investment
法律 = Law = 法律服务, 律师, 律所, 法务行业, legal, legal services
财税服务 = Accounting = 会计, 财务, 代账, 代理记账, 税务, accounting and tax
人力资源 = Human resources = 人力, HR, 招聘, 猎头, 劳务派遣, HR services, recruiting
互联网 = Internet = 互联网行业, IT, IT互联网, 软件, 科技, 信息技术, SaaS, tech, software, information technology
人工智能 = Artificial intelligence = AI, AI行业, AIGC, 大模型, artificial intelligence industry
硬件电子 = Electronics = 电子, 智能硬件, 消费电子, 半导体, 芯片, 通信, hardware, semiconductors
制造业 = Manufacturing = 制造, 工厂, 生产制造, 机械, 工业, 实业, factory, industrial
服装 = Fashion = 服饰, 服装行业, 鞋服, 女装, 纺织, 时尚, 箱包, clothing, apparel, textiles
家居建材 = Home and building = 家居, 家装, 装修, 装饰, 建材, 家具, 室内设计行业, home improvement, furniture, interior decoration
房地产 = Real estate = 地产, 房产, 房产中介, 物业, 建筑, property, construction
汽车 = Cars = 汽车行业, 汽车后市场, 新能源汽车, 二手车, automotive
能源环保 = Energy and environment = 能源, 新能源, 环保, 光伏, 化工, energy, environment
物流 = Logistics = 物流运输, 快递, 运输, 货运, 仓储, shipping, transport
零售 = Retail = 新零售, 商超, 便利店, 实体店, 批发, 批发零售, shops, wholesale
微商直销 = Direct sales = 微商, 直销, 社交电商, 团购, 社区团购, direct selling
珠宝 = Jewellery = 珠宝首饰, 翡翠, 玉石, 黄金, jewelry
宠物 = Pets = 宠物行业, 宠物用品, pet care
体育 = Sports = 体育运动, 运动, 户外, 瑜伽, sports and outdoors
游戏动漫 = Games = 游戏, 动漫, 电竞, gaming, animation
心理咨询行业 = Psychology = 心理, 心理健康, 心理行业, 身心灵, 疗愈, mental health
家政养老 = Home care = 家政, 养老, 康养, 月嫂, elderly care
公益 = Non-profit = 公益组织, 慈善, NGO, nonprofit, charity
政府机关 = Public sector = 政府, 公务员, 事业单位, 体制内, government
自由职业 = Freelance = 自由职业者, 个体户, 独立工作者, freelancer, self-employed
"""

SKILLS = """
文案 = Copywriting = 写文案, 文案写作, 文案策划, 朋友圈文案, 销售文案, copywriter, copy
写作 = Writing = 写文章, 写作变现, 写手, 码字, writer
写书 = Book writing = 出书, 著书, 图书出版, 写书出书, author
公众号 = WeChat articles = 微信公众号, 公众号运营, 公号, 公众号写作, WeChat official account
小红书 = Xiaohongshu = 小红书运营, 小红书博主, 小红薯, RED, XHS, RedNote, Little Red Book
短视频 = Short video = 短视频运营, 短视频创作, 小视频, 拍短视频, short videos
抖音 = Douyin = 抖音运营, 抖音短视频, TikTok中国
视频号 = WeChat Channels = 微信视频号, 视频号运营
TikTok = TikTok = TK, TikTok运营, 海外抖音
直播 = Livestreaming = 直播带货, 做直播, 主播, 直播运营, live streaming, livestream, live commerce
剪辑 = Video editing = 视频剪辑, 剪视频, 后期, 视频后期, 剪映, editing
拍摄 = Filming = 摄像, 视频拍摄, 拍视频, videography
摄影 = Photography = 拍照, 摄影师, 修图, photographer, photo
设计 = Design = 平面设计, 设计师, 美工, 视觉设计, UI设计, UI, designer, graphic design
海报设计 = Poster design = 做海报, 海报
PPT = Slides = PPT制作, 做PPT, PPT设计, presentations, PowerPoint
社群运营 = Community building = 社群, 社群管理, 社群搭建, 群运营, 社区运营, community management, community
私域 = Private traffic = 私域运营, 私域流量, 私域操盘, 微信私域, private domain
投流 = Paid traffic = 投放, 广告投放, 信息流, 信息流投放, 千川, 投手, 付费投流, paid ads, ads, media buying
SEO = SEO = 搜索优化, 搜索引擎优化, 百度SEO, search engine optimization, search engine optimisation
引流 = Lead generation = 获客, 涨粉, 引流获客, 精准引流, lead gen
增长 = Growth = 用户增长, 增长黑客, 裂变, 裂变增长, growth hacking
选题策划 = Content planning = 选题, 内容策划, 选题会, content strategy
内容运营 = Content marketing = 内容营销, 新媒体运营, 自媒体运营, content
活动策划 = Event planning = 策划活动, 活动运营, event management
线下活动 = Offline events = 线下沙龙, 沙龙, 线下聚会, 线下会, offline meetups, meetups
IP定位 = Personal branding = 个人IP, 打造IP, IP打造, IP孵化, 个人品牌, 定位, 商业定位, personal brand
品牌 = Branding = 品牌策划设计, 品牌打造, 品牌营销, brand
营销策划 = Marketing strategy = 营销推广, 市场策划, 全案策划, marketing plan
销售 = Sales = 成交, 谈单, 销售技巧, 一对一成交, 销冠, selling
发售 = Launches = 产品发售, 操盘发售, 浪潮式发售, product launch
商务拓展 = Business development = BD, 商务, 商务合作, 商务对接, 资源对接, biz dev
谈判 = Negotiation = 商务谈判, 谈判技巧
渠道 = Channels = 渠道拓展, 渠道管理, 招商, 招商加盟, 加盟
供应链 = Supply chain = 供应链管理, 货源, 选品供应链, 工厂资源, sourcing
选品 = Product sourcing = 电商选品, 直播选品
电商运营 = E-commerce operations = 店铺运营, 淘宝运营, 拼多多运营, 天猫运营, 京东运营
亚马逊 = Amazon = 亚马逊运营, Amazon运营, Amazon FBA
独立站 = Own web shops = Shopify, 独立站运营, DTC
项目管理 = Project management = PMP, 项目经理, PM
产品经理 = Product management = 产品, 产品设计, 产品规划, product manager
编程 = Programming = 写代码, 程序员, 软件开发, 开发, 全栈, 前端, 后端, coding, software development, developer
小程序 = Mini programs = 小程序开发, 微信小程序
Python = Python = python编程, 爬虫
AI工具 = AI tools = AI, AI应用, 人工智能工具, ChatGPT, GPT, AIGC工具, AI提效, prompt
AI绘画 = AI images = Midjourney, AI作图, Stable Diffusion
AI智能体 = AI agents = 智能体, Agent, Coze, 扣子
数据分析 = Data analysis = 数据, 数据统计, BI, 商业分析, data analytics, analytics
Excel = Excel = 表格, 做表格, Excel表格
财税 = Tax and accounting = 财务, 税务, 会计, 报税, 税筹, 税务筹划, CPA, accounting, tax
法务 = Legal = 法律, 律师, 合同, 法律咨询, 知识产权, 商标, law, lawyer
融资 = Fundraising = 投融资, BP, 路演, 融资顾问, VC
股权 = Equity = 股权设计, 股权激励, 股权架构, 合伙人制度
理财 = Personal finance = 投资理财, 财富管理, 资产配置, 基金理财, wealth management
保险规划 = Insurance planning = 保险, 保险配置, 保险经纪
人力 = People operations = HR, 人力资源, 招聘, 人事, 绩效, human resources, recruiting
团队管理 = Team leadership = 管理, 带团队, 企业管理, 领导力, leadership, management
培训 = Training = 企业培训, 内训, 培训师, 讲师, trainer
课程开发 = Course design = 课程设计, 做课, 课程研发, 课程制作, instructional design
演讲 = Public speaking = 公众演讲, 演说, 口才, 演讲表达, 当众讲话, speaking
主持 = Hosting = 主持人, 司仪, 活动主持, MC
配音 = Voice acting = 声音, 播音, 有声书, 声音变现, voice-over
播客 = Podcasting = 播客制作, 小宇宙, podcast
心理咨询 = Counselling = 心理咨询师, 心理疏导, 情绪疗愈, 心理学, psychology, counseling, therapy
教练 = Coaching = 教练技术, 生命教练, 人生教练, ICF, coach, life coach
职业规划 = Career planning = 生涯规划, 职业咨询, 求职辅导, 简历, career coaching
家庭教育 = Family education = 亲子教育, 家庭教育指导师, 育儿, parenting
英语 = English = 英语教学, 英文, 口语, 英语口语
翻译 = Translation = 英语翻译, 口译, 笔译, 同传, interpreting
留学 = Study abroad = 留学规划, 留学咨询, 留学申请
营养 = Nutrition = 营养师, 减脂, 减肥, 体重管理, dietetics
健身 = Fitness = 健身教练, 私教, 瑜伽, 瑜伽老师, personal training, yoga
中医 = Chinese medicine = 中医养生, 针灸, 推拿, TCM, acupuncture
形象管理 = Image consulting = 形象设计, 形象顾问, 穿搭, 化妆, 色彩诊断, styling, make-up
收纳 = Tidying = 整理收纳, 收纳师, 整理师
花艺 = Floristry = 插花, 花艺师
烘焙 = Baking = 烘焙师, 做蛋糕
手工 = Crafts = 手作, 手工艺, DIY
书法 = Calligraphy = 写字, 毛笔字, 硬笔书法
绘画 = Painting = 画画, 插画, 手绘, illustration, drawing
音乐 = Music = 唱歌, 声乐, 钢琴, 古筝, singing
时间管理 = Time management = 效率, 效率管理, 自我管理, productivity
思维导图 = Mind mapping = 脑图, mind maps
读书 = Reading = 阅读, 读书会, 拆书, book club
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A word that we know by ourselves: in both languages, with its spellings."""

    chinese: str
    english: str
    spellings: tuple

    def called(self, language):
        return self.chinese if language.startswith("zh") else self.english


@lru_cache(maxsize=100_000)
def key(text):
    """The normal form of a spelling: equal where two are one word written otherwise. Taken twice it is the same."""
    before, text = None, text.replace("\0", "")
    while text != before:  # without what stood between them, an accent may join its letter
        before, text = text, unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
        text = (BETWEEN.sub("", text) or text)[:LONGEST]
    return text


def _read(lines):
    found = {}
    for line in lines.strip().splitlines():
        chinese, english, others = (part.strip() for part in line.split(" = "))
        entry = Entry(chinese, english, tuple(dict.fromkeys([chinese, english, *(part.strip() for part in others.split(","))])))
        for text in entry.spellings:
            found.setdefault(key(text), entry)
    return found


@lru_cache(maxsize=2)
def _known(kind):
    return _read(INDUSTRIES if kind == "industry" else SKILLS)


def find(kind, text):
    """The entry of an industry or a skill that this spelling means, or None."""
    return _known(kind).get(key(text))
