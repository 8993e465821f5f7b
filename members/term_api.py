"""Renewals, as programs see them."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from crm.tenancy.api.filters import DayFilter, FilterSet
from crm.tenancy.api.serializers import ModelSerializer
from crm.tenancy.api.views import RowsView

from . import terms
from .api_fields import Day
from .models import Renewal


class RenewalSerializer(ModelSerializer):
    begins_on = Day(help_text="From 1990 to 2199.")
    ends_on = Day(help_text="Not before it begins, and at most 50 years later.")
    price = serializers.IntegerField(
        min_value=0, max_value=terms.HIGHEST, required=False, allow_null=True, help_text="In minor units; null where it is not known."
    )
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, help_text="Three letters; without it the tenant's own.")
    paid_on = Day(required=False, help_text="Without it today, by the calendar of the tenant.")
    note = serializers.CharField(required=False, allow_blank=True, max_length=terms.LONGEST_NOTE)

    class Meta:
        model = Renewal
        fields = ["id", "member", "begins_on", "ends_on", "price", "currency", "source", "note", "paid_on", "noted_at", "noted_by"]
        read_only_fields = ["noted_at", "noted_by"]


class RenewalFilter(FilterSet):
    paid_from = DayFilter("paid_on", "gte", help_text="Paid on this day or later.")
    paid_to = DayFilter("paid_on", "lte", help_text="Paid on this day or earlier.")
    ends_from = DayFilter("ends_on", "gte", help_text="Ends on this day or later.")
    ends_to = DayFilter("ends_on", "lte", help_text="Ends on this day or earlier.")

    class Meta:
        model = Renewal
        fields = ["member", "source"]


@extend_schema_view(
    create=extend_schema(description="Note a paid span. The same span again is the same renewal; the member's last day follows."),
    destroy=extend_schema(description="Take it back; the latest of a member goes first. 409 `later_term`."),
)
class RenewalViewSet(RowsView):
    """Paid spans of membership. Amounts are whole numbers of minor units."""

    area = "members"
    queryset = Renewal.objects.all()
    serializer_class = RenewalSerializer
    filterset_class = RenewalFilter
    orders = {"paid_on": "paid_on", "begins_on": "begins_on"}

    def make(self, said):
        tenant = self.request._request.tenant
        said = {"price": None, "currency": tenant.currency, "source": Renewal.Source.DIRECT} | said
        return terms.renew(said.pop("member"), by=self.request.auth, **said)

    def drop(self, renewal):
        terms.take_back(renewal, by=self.request.auth)
