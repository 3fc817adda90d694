"""Sample media, made when first asked for: what Instagram takes, and one misfit for every refusal."""

from collections.abc import Callable
from functools import cache
from io import BytesIO

from simulator.images import MAX_IMAGE_BYTES
from simulator.sample_clip import Clip, mp4
from simulator.wire import Response

PREFIX = "/_sim/samples/"


def sample(name: str) -> Response:
    """Answers any name: one that is not in the table is the missing file."""
    make = SAMPLES.get(name)
    return make() if make else _text(404, "There is no such sample.")


@cache
def photo_bytes(width: int, height: int, form: str = "JPEG", shade: int = 0) -> bytes:
    """A colour gradient, so that two samples never look alike."""
    from PIL import Image  # noqa: PLC0415 - a quarter of the start-up time

    across, down = Image.linear_gradient("L").rotate(90).resize((width, height)), Image.linear_gradient("L")
    flat = Image.new("L", (width, height), 90 + shade)
    picture = Image.merge("RGB", (across, flat, down.resize((width, height))))
    file = BytesIO()
    picture.save(file, form, quality=85)
    return file.getvalue()


@cache
def clip_bytes(clip: Clip) -> bytes:
    return mp4(clip)


def _photo(width: int, height: int, form: str = "JPEG", shade: int = 0) -> Callable[[], Response]:
    media_type = f"image/{form.lower()}"
    return lambda: Response(200, {"content-type": media_type}, photo_bytes(width, height, form, shade))


def _clip(seconds: float, *, codec: bytes = b"avc1") -> Callable[[], Response]:
    return lambda: Response(200, {"content-type": "video/mp4"}, clip_bytes(Clip(seconds, codec=codec)))


def _huge() -> Response:
    return Response(200, {"content-type": "image/jpeg"}, photo_bytes(1080, 1350) + bytes(MAX_IMAGE_BYTES))


def _slow() -> Response:
    return Response(200, {"content-type": "image/jpeg"}, photo_bytes(1080, 1350), delay=60)


def _text(status: int, sentence: str, media_type: str = "text/plain") -> Response:
    return Response(status, {"content-type": media_type}, sentence.encode())


SAMPLES: dict[str, Callable[[], Response]] = {
    # Taken everywhere.
    "photo.jpg": _photo(1080, 1350),
    "square.jpg": _photo(1080, 1080, shade=60),
    "landscape.jpg": _photo(1080, 566, shade=120),
    "story.jpg": _photo(1080, 1920, shade=30),
    "cover.jpg": _photo(1080, 1920, shade=150),
    "clip.mp4": _clip(5),
    # Taken by some kinds, or on some days.
    "photo.png": _photo(1080, 1350, "PNG"),
    "photo.webp": _photo(1080, 1350, "WEBP"),
    "long.mp4": _clip(90),
    "moved.jpg": lambda: Response(302, {"location": PREFIX + "photo.jpg"}),
    # Refused.
    "wide.jpg": _photo(2000, 500),
    "tall.jpg": _photo(500, 2000),
    "huge.jpg": _huge,
    "short.mp4": _clip(1),
    "wrong-codec.mp4": _clip(5, codec=b"vp09"),
    "not-media.html": lambda: _text(200, "<!DOCTYPE html><p>No picture here.</p>", "text/html"),
    "forbidden": lambda: _text(403, "This link is not public."),
    "slow": _slow,
    "loop": lambda: Response(302, {"location": PREFIX + "loop"}),
    "missing": lambda: _text(404, "There is no such file."),
}
