"""What can be wrong with a file or a row, as a code for programs and a sentence for people."""

from dataclasses import dataclass, field


def gettext_noop(text):
    """Marks a text for the catalogue. Django's own asks for its settings, and this package knows none."""
    return text


WORDS = {
    # rows
    "wrong_column_count": gettext_noop(
        "The row has %(found)s cells and the header has %(expected)s. Give every row one cell per column;"
        " put a value that holds the separator into double quotes."
    ),
    "unclosed_quote": gettext_noop(
        "A double quote is opened in this row and not closed well. Close it, or write a quote inside of a"
        ' quoted value twice: "say ""hi""".'
    ),
    "no_identity": gettext_noop(
        "The row names nobody: it has neither a WeChat id nor a phone. Give one of them, such as lin_2025"
        " or 13800000643."
    ),
    "bad_wechat_id": gettext_noop(
        "“%(value)s” cannot be a WeChat id. It has 6 to 20 characters: a letter first, then letters, "
        "digits, _ or -, such as lin_2025."
    ),
    "bad_phone": gettext_noop(
        "“%(value)s” cannot be a phone. A mainland mobile has 11 digits, such as 13800000643; other "
        "countries begin with + and their code, such as +85291234567."
    ),
    "phone_cut": gettext_noop(
        "“%(value)s” is what a spreadsheet left of a phone: its last digits are cut off and cannot be guessed. Make the column a "
        "text column, type or paste the phone anew, such as 13800000643, and export the file again."
    ),
    "bad_handle": gettext_noop(
        "“%(value)s” in the column “%(column)s” cannot be such an id. An e-mail holds one @, such as lin@example.com."
    ),
    "bad_amount": gettext_noop(
        "“%(value)s” in the column “%(column)s” is not an amount of money. Write it in figures, such as 699 or 699.50."
    ),
    "bad_value": gettext_noop("“%(value)s” in the column “%(column)s” does not fit this field: %(why)s"),
    "bad_moment": gettext_noop(
        "“%(value)s” in the column “%(column)s” is not a day and a time. Write both, such as 2026-07-01 20:15."
    ),
    "bad_date": gettext_noop(
        "“%(value)s” in the column “%(column)s” is not a day of the calendar. Write year, month and day, "
        "such as 2025-01-02."
    ),
    "expires_before_joined": gettext_noop(
        "The membership ends on %(expires)s, before it begins on %(joined)s. The end must be the same day"
        " or later, such as %(joined)s."
    ),
    "unknown_group": gettext_noop("The community has no group “%(value)s”. Use one that it has, such as %(example)s."),
    "doubtful_group": gettext_noop("“%(value)s” may be any of: %(names)s. Write the name in full, such as %(example)s."),
    "no_group": gettext_noop("The row names no group. Give one, such as %(example)s."),
    "unknown_cohort": gettext_noop("“%(value)s” is not a half-year. Write the year and its half, such as 2026下半年 or 2026H2."),
    "placed_twice": gettext_noop(
        "The person sits in “%(other)s” for this half-year already, by line %(first_line)s, and cannot "
        "sit in “%(value)s” too. Keep one of the two rows."
    ),
    "too_long": gettext_noop(
        "“%(value)s” in the column “%(column)s” is too long: it has %(length)s characters, and %(most)s will do. Shorten it."
    ),
    # files
    "empty_file": gettext_noop("The file “%(name)s” is empty. Send a table with a header row, such as 昵称,微信号,手机号."),
    "binary": gettext_noop(
        "The file “%(name)s” is not a table but a picture or another kind of file. Save it as CSV or XLSX"
        " and send it again."
    ),
    "broken_workbook": gettext_noop(
        "The file “%(name)s” cannot be opened as a workbook: it is damaged, protected by a password or of"
        " another kind. Save it as XLSX without a password, or as CSV."
    ),
    "password": gettext_noop("The workbook “%(name)s” is protected by a password. Save it as XLSX without a password, or as CSV."),
    "column_twice": gettext_noop(
        "The columns “%(one)s” and “%(other)s” of “%(name)s” are both to be read as the same field. Leave one of them out."
    ),
    "macros": gettext_noop(
        "The workbook “%(name)s” holds macros, which are programs. Save it as XLSX without macros, or as CSV."
    ),
    "too_much_inside": gettext_noop(
        "The workbook “%(name)s” unpacks to far more than a list of people. Save the sheet alone as XLSX, or as CSV."
    ),
    "too_many_rows": gettext_noop(
        "The file “%(name)s” has more than %(most)s rows. Divide it, or send only the rows of people."
    ),
    "no_rows": gettext_noop("The file “%(name)s” has a header and no rows below it. Export it once more, with the people in it."),
    "no_header": gettext_noop(
        "No header was found in the first %(searched)s lines of “%(name)s”. One row must name the "
        "columns, such as 昵称,微信号,手机号."
    ),
    "missing_column": gettext_noop("The file “%(name)s” has no column for %(column)s. Add one, headed %(example)s."),
    "no_folder": gettext_noop("There is no folder “%(name)s”. Give the path of a folder that holds members.csv and cohorts.csv."),
    "no_such_files": gettext_noop(
        "The folder “%(name)s” holds no %(missing)s. It must hold members and cohorts, each as .csv, .xlsx or .tsv."
    ),
}


class Unreadable(Exception):
    """A file or folder that is refused whole. To translate its sentence take `WORDS[code]` and `data`."""

    def __init__(self, code, **data):
        self.code, self.data = code, data
        super().__init__(self.sentence)

    @property
    def sentence(self):
        return WORDS[self.code] % self.data


class NotATable(Unreadable):
    pass


class NoSuchFiles(Unreadable):
    pass


@dataclass(slots=True)
class Rejection:
    """A row that does not go in, with its cells as they stand in the file, to be handed back with the reason."""

    line: int
    code: str
    data: dict = field(default_factory=dict)
    cells: list = field(default_factory=list)

    @property
    def sentence(self):
        return WORDS[self.code] % self.data


class Fault(Exception):
    """Raised while a row is read; whoever reads the rows makes a Rejection of it."""

    def __init__(self, code, **data):
        super().__init__(code)
        self.code, self.data = code, data

    def at(self, line, cells):
        return Rejection(line, self.code, self.data, cells)
