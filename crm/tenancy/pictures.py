"""Pictures that people upload: made anew from their pixels, so that nothing else of the file is kept."""

import io
import struct
import warnings

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from .refusals import Refused

MOST_PIXELS = 25_000_000  # a few hundred kilobytes can unpack to gigabytes
LONGEST_SIDE = 50_000  # a line of one pixel by millions takes a gigabyte, each of its rows being one
FORMATS = ["PNG", "JPEG", "WEBP"]


def as_png(upload, *, side):
    """The picture as PNG, upright, at most so many pixels wide and high, without place, camera and date."""
    picture = _opened(upload, (side, side))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    out = io.BytesIO()
    bare.save(out, "PNG", optimize=True)
    return ContentFile(out.getvalue(), name=f"{(upload.name or 'logo').rpartition('.')[0] or 'logo'}.png")


def as_jpeg(upload, *, side):
    """The picture as JPEG, upright and whole, at most so many pixels wide and high, without place, camera and date."""
    picture = _opened(upload, (side, side))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _jpeg(picture)


def as_square(upload, *, side, box=None):
    """The picture as JPEG, upright and square, of so many pixels at most, without place, camera and date.

    `box` is the square to keep, as left, top and side in parts of width, height and the shorter edge; without it, the middle.
    """
    picture = _opened(upload, (2 * side, 2 * side))
    width, height = picture.size
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    if box is not None:
        part = min(max(float(box[2]), 0.05), 1.0)
        edge = max(1, round(edge * part))
        left, top = (min(max(round(at * length), 0), length - edge) for at, length in ((float(box[0]), width), (float(box[1]), height)))
    picture = picture.crop((left, top, left + edge, top + edge))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _jpeg(picture)


def _jpeg(picture):
    bare = Image.new("RGB", picture.size, "white")
    bare.paste(picture, mask=picture.getchannel("A"))
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=88, optimize=True)
    return ContentFile(out.getvalue(), name="photo.jpg")


def _upright(picture):
    """Turned as its camera says; where that is said in a way that nobody understands, as it lies."""
    try:
        return ImageOps.exif_transpose(picture)
    except (struct.error, ArithmeticError, AttributeError, KeyError):
        return picture


def _opened(upload, least):
    """Upright, with its alpha; a large one is read at no more than it takes for so many pixels."""
    try:
        upload.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(upload, formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS or max(picture.size) > LONGEST_SIDE:
                raise Image.DecompressionBombError
            picture.draft("RGB", least)
            picture = _upright(picture).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        sentence = _("This picture has too many pixels; at most %(most)s million will do.") % {"most": MOST_PIXELS // 10**6}
        raise Refused(sentence, code="too_many_pixels", status=400) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, MemoryError):
        sentence = _("This picture cannot be read; it is damaged or no picture. Save it again as PNG or JPEG.")
        raise Refused(sentence, code="no_picture", status=400) from None
    return picture
