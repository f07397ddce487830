"""Thumbnails, made with Pillow."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

EDGE = 240


def make_thumbnail(photo: bytes) -> bytes:
    """The photo as a small PNG, turned the way the camera was held. ValueError when it is no photo."""
    try:
        with Image.open(io.BytesIO(photo)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as problem:
        raise ValueError("the file is not a photo") from problem
    upright.thumbnail((EDGE, EDGE))
    small = io.BytesIO()
    upright.save(small, "PNG")
    return small.getvalue()
