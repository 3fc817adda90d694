"""Judging MP4 and MOV files by their boxes: a reader of just the boxes that matter, and Instagram's rules."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from simulator.media_files import FetchError, FetchProblem, MediaFetcher
from simulator.switches import MIB, Switches
from simulator.world import ContainerPlan, Kind

# Subcodes a container's status reports.
DOWNLOAD_TOO_SLOW = 2207003
FORMAT_UNSUPPORTED = 2207026
UNFETCHABLE = 2207052
THUMB_OFFSET_OUTSIDE = 2207057
UNREADABLE = 2207076
CUT_SHORT = 2207077
TOO_LARGE = 2207082

SUBCODE_OF_PROBLEM = {
    FetchProblem.UNREACHABLE: UNFETCHABLE,
    FetchProblem.TOO_SLOW: DOWNLOAD_TOO_SLOW,
    FetchProblem.TOO_LARGE: TOO_LARGE,
    FetchProblem.CUT_SHORT: CUT_SHORT,
}

CODECS = {"avc1", "avc3", "hvc1", "hev1"}  # H.264 and HEVC
MAX_WIDTH = 1920
FRAME_RATES = (22.9, 60.1)  # 23 to 60, with room for 23.976 and clock rounding
SLACK = 0.05  # seconds: 3 s of 30 fps may be 2.97 s
MAX_BOXES = 10_000


@dataclass(frozen=True)
class VideoRules:
    max_bytes: int
    seconds: tuple[float, float]
    ratio: tuple[float, float]


@dataclass(frozen=True)
class Video:
    seconds: float
    width: int
    height: int
    codec: str
    frame_rate: float


@dataclass(frozen=True)
class Box:
    kind: str
    start: int  # of the payload
    end: int


class UnreadableVideoError(Exception):
    """Not an MP4 or MOV file, or a broken one."""


def rules_for(plan: ContainerPlan, switches: Switches) -> VideoRules:
    if plan.kind is Kind.STORY:
        return VideoRules(100 * MIB, (3, 60), (0.1, 10))
    if plan.is_child:
        return VideoRules(switches.reel_max_bytes, (3, switches.child_video_max_seconds), (0.01, 10))
    return VideoRules(switches.reel_max_bytes, (3, 15 * 60), (0.01, 10))


def fetch_and_judge_video(fetcher: MediaFetcher, plan: ContainerPlan, switches: Switches) -> int | None:
    """The subcode the container fails with, or None for a video Instagram takes."""
    rules = rules_for(plan, switches)
    try:
        with fetcher.fetch(plan.video_url or "", rules.max_bytes) as file:
            return judge_video(file, rules, plan.thumb_offset)
    except FetchError as exc:
        return SUBCODE_OF_PROBLEM[exc.problem]


def judge_video(file: IO[bytes], rules: VideoRules, thumb_offset: int | None = None) -> int | None:
    head = file.read(12)
    if head[4:8] not in {b"ftyp", b"moov", b"wide", b"mdat"}:
        return FORMAT_UNSUPPORTED if _is_some_medium(head) else UNFETCHABLE
    try:
        video = read_video(file)
    except (UnreadableVideoError, struct.error):
        return UNREADABLE
    if not _fits(video, rules):
        return FORMAT_UNSUPPORTED
    if thumb_offset is not None and thumb_offset >= video.seconds * 1000:
        return THUMB_OFFSET_OUTSIDE
    return None


def read_video(file: IO[bytes]) -> Video:
    """The first video track. Raises UnreadableVideoError or struct.error."""
    file.seek(0, 2)
    whole = Box("file", 0, file.tell())
    moov = _child(file, whole, "moov")
    for track in _children(file, moov):
        if track.kind == "trak" and _payload(file, _child(file, track, "mdia", "hdlr"))[8:12] == b"vide":
            return _read_track(file, track)
    raise UnreadableVideoError("no video track")


def _read_track(file: IO[bytes], track: Box) -> Video:
    timescale, duration = _time_header(_payload(file, _child(file, track, "mdia", "mdhd")))
    samples = _child(file, track, "mdia", "minf", "stbl")
    description = _payload(file, _child(file, samples, "stsd"))
    frames = _frame_count(_payload(file, _child(file, samples, "stts")))
    if not timescale or not duration:
        raise UnreadableVideoError("no duration")
    seconds = duration / timescale
    width, height = struct.unpack_from(">HH", description, 8 + 32)
    codec = description[12:16].decode("latin-1")
    return Video(seconds, width, height, codec, frames / seconds)


def _fits(video: Video, rules: VideoRules) -> bool:
    if video.codec not in CODECS or not video.height or not 0 < video.width <= MAX_WIDTH:
        return False
    shortest, longest = rules.seconds
    return (
        shortest - SLACK <= video.seconds <= longest + SLACK
        and rules.ratio[0] <= video.width / video.height <= rules.ratio[1]
        and FRAME_RATES[0] <= video.frame_rate <= FRAME_RATES[1]
    )


def _is_some_medium(head: bytes) -> bool:
    """JPEG, PNG, GIF, RIFF (WebP, AVI), Matroska or Ogg: media, but none that Instagram takes as a video."""
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"\x1aE\xdf\xa3", b"OggS"))


def _time_header(mdhd: bytes) -> tuple[int, int]:
    timescale, duration = struct.unpack_from(">IQ", mdhd, 20) if mdhd[0] else struct.unpack_from(">II", mdhd, 12)
    return int(timescale), int(duration)


def _frame_count(stts: bytes) -> int:
    (entries,) = struct.unpack_from(">I", stts, 4)
    if len(stts) < 8 + entries * 8:
        raise UnreadableVideoError("sample table cut short")
    return sum(struct.unpack_from(">I", stts, 8 + entry * 8)[0] for entry in range(entries))


def _child(file: IO[bytes], parent: Box, *path: str) -> Box:
    for kind in path:
        found = next((box for box in _children(file, parent) if box.kind == kind), None)
        if found is None:
            raise UnreadableVideoError(f"no {kind}")
        parent = found
    return parent


def _children(file: IO[bytes], parent: Box) -> Iterator[Box]:
    position = parent.start
    for _ in range(MAX_BOXES):
        if position + 8 > parent.end:
            return
        box = _box_at(file, position, parent.end)
        yield box
        position = box.end


def _box_at(file: IO[bytes], position: int, limit: int) -> Box:
    file.seek(position)
    size, kind = struct.unpack(">I4s", file.read(8))
    header = 8
    if size == 1:
        (size,) = struct.unpack(">Q", file.read(8))
        header = 16
    end = limit if size == 0 else position + size
    if end > limit or end < position + header:
        raise UnreadableVideoError("box sizes do not add up")
    return Box(kind.decode("latin-1"), position + header, end)


def _payload(file: IO[bytes], box: Box) -> bytes:
    if box.end - box.start > 4 * MIB:
        raise UnreadableVideoError(f"{box.kind} is absurdly large")
    file.seek(box.start)
    return file.read(box.end - box.start)
