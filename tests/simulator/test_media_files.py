from io import BytesIO

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.media_files import USER_AGENT, FetchError, FetchProblem, MediaFetcher
from simulator.sample_clip import Clip, mp4
from simulator.videos import UnreadableVideoError, VideoRules, judge_video, read_video

REEL = VideoRules(300 * 1024 * 1024, (3, 900), (0.01, 10))
CLIP = mp4(Clip(5))


def fetcher(handler, seconds=5.0):
    return MediaFetcher(seconds, httpx.MockTransport(handler))


def test_the_box_reader_reads_what_the_writer_wrote():
    video = read_video(BytesIO(mp4(Clip(4.5, 720, 1280, 25, b"hvc1"))))
    assert (video.width, video.height, video.codec, video.seconds) == (720, 1280, "hvc1", 4.5)
    assert video.frame_rate == pytest.approx(25, abs=0.3)


def test_a_clip_whose_index_comes_last_is_read_as_well():
    moov = CLIP.index(b"moov") - 4
    mdat = CLIP.index(b"mdat") - 4
    assert read_video(BytesIO(CLIP[:moov] + CLIP[mdat:] + CLIP[moov:mdat])).seconds == 5


@pytest.mark.parametrize(
    ("clip", "subcode"),
    [
        (Clip(3), None),
        (Clip(900), None),
        (Clip(2.9), 2207026),
        (Clip(901), 2207026),
        (Clip(5, 1920, 1080), None),
        (Clip(5, 1922, 1080), 2207026),
        (Clip(5, 1100, 100), 2207026),
        (Clip(5, frame_rate=15), 2207026),
        (Clip(5, frame_rate=120), 2207026),
        (Clip(5, codec=b"av01"), 2207026),
    ],
)
def test_reels_are_judged_by_length_size_rate_and_codec(clip, subcode):
    assert judge_video(BytesIO(mp4(clip)), REEL) == subcode


@given(cut=st.integers(0, len(CLIP)), at=st.integers(0, 700), byte=st.integers(0, 255))
def test_broken_clips_are_refused_and_never_crash_the_reader(cut, at, byte):
    broken = bytearray(CLIP[:cut])
    if at < len(broken):
        broken[at] = byte
    assert judge_video(BytesIO(bytes(broken)), REEL) in {None, 2207026, 2207052, 2207076}


def test_a_clip_without_a_picture_is_unreadable():
    with pytest.raises(UnreadableVideoError, match="no video track"):
        read_video(BytesIO(CLIP.replace(b"vide", b"soun")))


def test_the_crawler_introduces_itself():
    seen = []

    def answer(request):
        seen.append(request.headers["user-agent"])
        return httpx.Response(200, content=b"picture")

    with fetcher(answer).fetch("https://media.example/a", 100) as file:
        assert file.read() == b"picture"
    assert seen == [USER_AGENT]


def test_a_download_stops_at_its_limit():
    with pytest.raises(FetchError) as caught:
        fetcher(lambda _: httpx.Response(200, content=bytes(1000))).fetch("https://media.example/a", 999)
    assert caught.value.problem is FetchProblem.TOO_LARGE


def test_a_dripping_host_runs_out_of_time():
    def endless():
        while True:
            yield b"x"

    with pytest.raises(FetchError) as caught:
        fetcher(lambda _: httpx.Response(200, content=endless()), seconds=0.05).fetch("https://media.example/a", 10**9)
    assert caught.value.problem is FetchProblem.TOO_SLOW


def test_a_host_that_hangs_up_half_way_is_told_apart():
    def half():
        yield b"half"
        raise httpx.RemoteProtocolError("peer closed connection")

    with pytest.raises(FetchError) as caught:
        fetcher(lambda _: httpx.Response(200, content=half())).fetch("https://media.example/a", 100)
    assert caught.value.problem is FetchProblem.CUT_SHORT


@pytest.mark.parametrize("target", ["https://media.example/again", "file:///etc/passwd"])
def test_redirects_end_after_three_and_never_leave_the_web(target):
    with pytest.raises(FetchError) as caught:
        fetcher(lambda _: httpx.Response(302, headers={"location": target})).fetch("https://media.example/a", 100)
    assert caught.value.problem is FetchProblem.UNREACHABLE
