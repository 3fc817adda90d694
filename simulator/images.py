"""Judging images by their bytes, never by name or content type."""

from simulator.errors import (
    ASPECT_RATIO,
    DOWNLOAD_TOO_SLOW,
    IMAGE_FORMAT,
    IMAGE_TOO_LARGE,
    MEDIA_UNFETCHABLE,
    GraphError,
    Refusal,
    filled,
)
from simulator.media_files import FetchError, FetchProblem, MediaFetcher, MediaFile
from simulator.switches import Switches

MAX_IMAGE_BYTES = 8 * 1024 * 1024
WIDEST_RATIO = 1.91
TALLEST_RATIO = {"4:5": 4 / 5, "3:4": 3 / 4}
ROUNDING = 0.01  # 1080 x 566 is called 1.91:1 although it is 1.908

REFUSAL_OF_PROBLEM = {
    FetchProblem.UNREACHABLE: MEDIA_UNFETCHABLE,
    FetchProblem.CUT_SHORT: MEDIA_UNFETCHABLE,
    FetchProblem.TOO_SLOW: DOWNLOAD_TOO_SLOW,
    FetchProblem.TOO_LARGE: IMAGE_TOO_LARGE,
}


def fetch_and_judge_image(fetcher: MediaFetcher, url: str, switches: Switches, *, is_for_feed: bool) -> None:
    """Raises GraphError with the code that POST /{ig}/media answers. Only feed images have a prescribed ratio."""
    try:
        file = fetcher.fetch(url, MAX_IMAGE_BYTES)
    except FetchError as exc:
        raise _unfetchable(REFUSAL_OF_PROBLEM[exc.problem], url) from exc
    with file:
        width, height = _read_image(file, url, switches)
    if is_for_feed:
        _check_ratio(width / height, switches)


def _read_image(file: MediaFile, url: str, switches: Switches) -> tuple[int, int]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - a quarter of the start-up time

    accepted = {"JPEG"} if switches.image_formats == "jpeg" else {"JPEG", "PNG", "WEBP"}
    if file.read(12)[4:8] == b"ftyp":  # HEIC, AVIF and videos: a known medium, but no image that Instagram takes
        raise GraphError(IMAGE_FORMAT)
    file.seek(0)
    try:
        with Image.open(file) as image:
            form, size = image.format, image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as exc:
        raise _unfetchable(MEDIA_UNFETCHABLE, url) from exc
    if form not in accepted:
        raise GraphError(IMAGE_FORMAT)
    return size


def _check_ratio(ratio: float, switches: Switches) -> None:
    tallest = TALLEST_RATIO[switches.feed_tallest_ratio]
    if not tallest - ROUNDING <= ratio <= WIDEST_RATIO + ROUNDING:
        raise GraphError(filled(ASPECT_RATIO, ratio=f"{ratio:.2f}"))


def _unfetchable(refusal: Refusal, url: str) -> GraphError:
    return GraphError(filled(refusal, url=url))
