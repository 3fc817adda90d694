import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from simulator.instagram import Instagram
from simulator.options import Options
from simulator.testing import running


@pytest.fixture
def live(request):
    """The parameter is the patience with media hosts."""
    options = Options(image_seconds=0, video_seconds=0, fetch_seconds=getattr(request, "param", 5.0))
    with running(Instagram(options)) as handle:
        yield handle


@pytest.fixture
def http(live):
    token = live.instagram.token_for("lumen.bakery")
    with httpx.Client(base_url=live.url, headers={"authorization": f"Bearer {token}"}, timeout=5) as client:
        yield client


def create(live, http, name="photo.jpg", **form):
    key = "video_url" if name.endswith(".mp4") else "image_url"
    return http.post("/me/media", data={key: f"{live.url}/_sim/samples/{name}", **form})


def test_a_reel_goes_live_over_real_sockets(live, http):
    container = create(live, http, "clip.mp4", media_type="REELS").json()["id"]
    while http.get(f"/{container}", params={"fields": "status_code"}).json()["status_code"] == "IN_PROGRESS":
        pass
    media_id = http.post("/me/media_publish", json={"creation_id": container}).json()["id"]
    assert [entry["media_id"] for entry in live.instagram.ledger()] == [media_id]


@pytest.mark.parametrize("live", [1.0], indirect=True)
def test_a_slow_media_host_does_not_block_anybody_else(live, http):
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(create, live, http, "slow")
        assert http.get("/me").elapsed.total_seconds() < 0.5
        assert not slow.done()
        assert slow.result().json()["error"]["error_subcode"] == 2207003


def test_many_images_at_once_come_from_the_simulators_own_samples(live, http):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: create(live, http).status_code, range(40)))
    assert Counter(answers) == {200: 40}


def test_parallel_publishes_of_one_container_make_one_post(live, http):
    container = create(live, http).json()["id"]
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda _: http.post("/me/media_publish", data={"creation_id": container}), range(20))
        statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 1, 400: 19}
    assert len(live.instagram.ledger()) == 1


@pytest.mark.parametrize(
    ("kind", "expected"), [("timeout", httpx.ReadTimeout), ("slow", httpx.ReadTimeout), ("reset", httpx.ReadError)]
)
def test_transport_faults_reach_the_socket_after_the_effect(live, http, kind, expected):
    container = create(live, http).json()["id"]
    live.instagram.fail("POST /{ig}/media_publish", kind, when="after", nth=1)
    with pytest.raises(expected):
        http.post("/me/media_publish", data={"creation_id": container}, timeout=0.3)
    assert len(live.instagram.ledger()) == 1
    assert http.get("/me").status_code == 200


def test_a_dripping_answer_takes_its_time_and_arrives_whole(live, http):
    live.instagram.fail("GET /{ig}", "drip", when="after", seconds=0.5)
    answer = http.get("/me")
    assert answer.elapsed.total_seconds() > 0.2
    assert answer.json()["id"]


def test_the_server_ends_while_a_fault_keeps_a_caller_waiting(live, http):
    live.instagram.fail("GET /{ig}", "timeout")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(http.get, "/me", timeout=30)
        while not live.instagram.calls():
            pass
        live.close()
        with pytest.raises(httpx.TransportError):
            waiting.result(timeout=5)


def test_a_refused_redirect_of_a_browser_reaches_the_page(live):
    assert httpx.get(f"{live.url}/oauth/authorize").status_code == 400


@pytest.fixture
def command():
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_announces_itself_serves_and_ends_cleanly(command, ending):
    process = command("--json", "--app-id", "77", "--quota", "25")
    announcement = json.loads(process.stdout.readline())
    assert announcement["app_id"] == "77"
    assert httpx.get(f"{announcement['url']}/_sim/health").json()["app_id"] == "77"
    process.send_signal(ending)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", "")


def test_a_port_in_use_is_said_in_one_line(live, command):
    process = command("--port", live.url.rpartition(":")[2])
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.startswith("cannot listen on 127.0.0.1")


def test_nothing_is_left_running_after_a_close(live):
    live.close()
    live.close()
    assert "simulator" not in {thread.name for thread in threading.enumerate()}
