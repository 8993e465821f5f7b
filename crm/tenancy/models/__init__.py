from .access import AccessToken, Invite
from .base import AppendOnlyModel, TenantField, TenantManager, TenantModel, scoped
from .due import DueModel, due_index
from .events import Event
from .files import File
from .people import Seat, Tenant, User
from .requests import IdempotencyKey
from .work import Job

__all__ = [
    "AccessToken", "AppendOnlyModel", "DueModel", "Event", "File", "IdempotencyKey", "Invite", "Job", "Seat", "Tenant", "TenantField",
    "TenantManager", "TenantModel", "User", "due_index", "scoped",
]  # fmt: skip
