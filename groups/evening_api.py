"""When newcomers enter and which stickers welcome them, as programs see and set it. A change calls the verb that the page calls."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action

from crm.tenancy.api import pictures
from crm.tenancy.api.serializers import ModelSerializer, Serializer, Upload
from crm.tenancy.api.views import RowsView, View

from . import evenings, stickers
from .models import Evenings, Sticker
from .rhythm_api import Clock


class EveningsSerializer(ModelSerializer):
    begins = Clock(required=False, help_text="When the first one enters, on the clock of the community.")
    ends = Clock(required=False, help_text="When the evening is over; later on the same day.")
    cap = serializers.IntegerField(required=False, help_text="So many enter in one evening at most; who is urgent takes no place.")
    minutes_between = serializers.IntegerField(required=False, help_text="From one newcomer to the next.")
    callers = serializers.IntegerField(required=False, help_text="So many members are named in a welcome.")
    calls_a_week = serializers.IntegerField(required=False, help_text="So often somebody is named in one week at most.")
    rest_days = serializers.IntegerField(
        required=False, help_text="So long who was named three times in a row and never answered is not named. 0: nobody rests for it."
    )

    class Meta:
        model = Evenings
        fields = list(evenings.KINDS)
        limits = evenings.LIMITS  # the verb refuses what lies outside, with a code and a number that would do


class EveningsViewSet(View):
    """The evenings of arrivals: when newcomers enter, how many and how far apart, and how often somebody is named to greet them."""

    area = "matrix"
    queryset = Evenings.objects.none()  # one of each community, so no address names one
    serializer_class = EveningsSerializer
    filter_backends = []
    pagination_class = None

    def found(self):
        return evenings.of_tenant()

    @extend_schema(operation_id="evenings_retrieve")
    def retrieve(self, request):
        """The evenings of arrivals, as they are set; what nobody has set is as it comes with the product."""
        return self.one(self.get_object())

    @extend_schema(operation_id="evenings_partial_update")
    def partial_update(self, request):
        """Change the evenings. What is planned stays as it is, the next ones follow; POST /events/{event}/undo/ of the fact
        `evenings.set` takes it back. 400 `ends_before_it_begins`, `out_of_range`."""
        evenings.held()  # so that of two who have read the same, the second is told, also where nobody has set anything yet
        row, _before = evenings.change(self.asked(EveningsSerializer, self.get_object()), by=request.auth)
        return self.one(row)


# Stickers


class StickerSerializer(ModelSerializer):
    class Meta:
        model = Sticker
        extra_kwargs = {"picture": {"help_text": "Read at `/stickers/{id}/picture/`."}}
        fields = ["id", "name", "picture", "added_at"]
        read_only_fields = fields


class NewStickerSerializer(Serializer):
    name = serializers.CharField(max_length=stickers.LONGEST_NAME)
    picture = Upload(help_text=f"PNG, JPEG or WebP, at most 10 MB. It is kept as PNG, at most {stickers.SIDE} pixels wide and high.")


@extend_schema_view(
    destroy=extend_schema(description="Offer it no more; tasks that carry it keep it. Undoing the fact `sticker.dropped` brings it back.")
)
class StickerViewSet(RowsView):
    """The community's own stickers. Each welcome carries one, in turn, as the `picture` of its task."""

    area = "arrivals"
    acts = {"create": "matrix", "destroy": "matrix"}
    uploads, shows = ("create",), ("picture_of",)
    queryset = Sticker.objects.filter(dropped_at=None)
    serializer_class = StickerSerializer

    @extend_schema(request={"multipart/form-data": NewStickerSerializer}, responses={201: StickerSerializer})
    def create(self, request):
        """Add a sticker. 400 `name_malformed`, `too_large`, `wrong_type`, `no_picture`, `too_many_pixels`; 409 `too_many` where there are
        forty already."""
        said = self.asked(NewStickerSerializer)
        sticker = stickers.add(said["name"], said["picture"], by=request.auth)
        return self.one(sticker, 201, Location=self.address(sticker))

    def drop(self, sticker):
        stickers.drop(sticker, by=self.request.auth)

    @extend_schema(responses=pictures.ANSWER)
    @action(detail=True, url_path="picture", filter_backends=[], pagination_class=None)
    def picture_of(self, request, pk):
        """The sticker itself."""
        return self.picture(self.get_object().picture)
