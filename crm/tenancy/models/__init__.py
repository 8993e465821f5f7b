from .access import AccessToken
from .base import AppendOnlyModel, TenantField, TenantManager, TenantModel, scoped
from .events import Event
from .people import Seat, Tenant, User

__all__ = [
    "AccessToken", "AppendOnlyModel", "Event", "Seat", "Tenant", "TenantField", "TenantManager", "TenantModel", "User", "scoped",
]  # fmt: skip
