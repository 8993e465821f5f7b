"""Pictures that people upload: made anew from their pixels, so that nothing else of the file is kept."""

import io
import warnings

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from .refusals import Refused

MOST_PIXELS = 25_000_000  # a few hundred kilobytes can unpack to gigabytes
FORMATS = ["PNG", "JPEG", "WEBP"]


def as_png(upload, *, side):
    """The picture as PNG, upright, at most so many pixels wide and high, without place, camera and date."""
    try:
        upload.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(upload, formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.draft("RGB", (side, side))
            picture = ImageOps.exif_transpose(picture).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        sentence = _("This picture has too many pixels; at most %(most)s million will do.") % {"most": MOST_PIXELS // 10**6}
        raise Refused(sentence, code="too_many_pixels", status=400) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, MemoryError):
        sentence = _("This picture cannot be read; it is damaged or no picture. Save it again as PNG or JPEG.")
        raise Refused(sentence, code="no_picture", status=400) from None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    out = io.BytesIO()
    bare.save(out, "PNG", optimize=True)
    return ContentFile(out.getvalue(), name=f"{(upload.name or 'logo').rpartition('.')[0] or 'logo'}.png")

