"""What answers with a picture beside JSON: which types a caller may ask for, and how they stand in the description."""

from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer

from crm.tenancy import files


class _Ready(BaseRenderer):
    """What is answered is bytes already; this is only found by what the caller takes."""

    charset = None

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return b""


class Picture(_Ready):
    media_type, format = "image/*", "picture"


class Bytes(_Ready):
    """As a download, for programs that know no pictures."""

    media_type, format = files.DOWNLOADED, "bytes"


KINDS = [Picture, Bytes]
ANSWER = {(200, *files.SHOWN, files.DOWNLOADED): OpenApiTypes.BINARY}  # for `extend_schema(responses=…)`
