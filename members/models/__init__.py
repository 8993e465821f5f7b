from .fields import CustomField, Mapping
from .imports import ImportedRow
from .introductions import Introduction
from .people import FormerNickname, Handle, Member
from .records import Consent, Module, Note
from .segments import Segment
from .terms import Renewal
from .twins import Merge, Twin
from .words import Spelling, Word

__all__ = [
    "Consent",
    "CustomField",
    "FormerNickname",
    "Handle",
    "ImportedRow",
    "Introduction",
    "Mapping",
    "Member",
    "Merge",
    "Module",
    "Note",
    "Renewal",
    "Segment",
    "Spelling",
    "Twin",
    "Word",
]
