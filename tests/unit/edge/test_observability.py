import json
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from darkroom.instagram.protocol import Usage
from darkroom.observability import about, log, log_call, log_unforeseen, name_of

CANARY = "CANARY-c0de"


@dataclass
class Call:
    """As the Instagram client reports one."""

    method: str = "POST"
    path_template: str = "/{ig_user_id}/media"
    status: int | None = 400
    duration_ms: float = 12.345
    error: str | None = "MediaUnreachableError"
    code: int | None = 9004
    subcode: int | None = 2207052
    trace_id: str | None = "A6LJ"
    usage: Usage = field(default_factory=lambda: Usage(app_percent=28, account_percent=None, retry_after=None))


def test_a_call_is_one_line_with_metas_numbers(lines):
    log_call(Call())
    (line,) = lines.read_lines()
    expected = {
        "message": "instagram call",
        "method": "POST",
        "path": "/{ig_user_id}/media",
        "status": 400,
        "duration_ms": 12.3,
        "error": "MediaUnreachableError",
        "instagram_code": 9004,
        "instagram_subcode": 2207052,
        "fbtrace_id": "A6LJ",
        "app_usage_percent": 28,
    }
    assert expected.items() <= line.items()


def test_what_is_not_known_is_not_on_the_line(lines):
    log_call(Call(error=None, code=None, subcode=None, trace_id=None))
    (line,) = lines.read_lines()
    assert not {"error", "instagram_code", "instagram_subcode", "fbtrace_id", "account_usage_percent"} & line.keys()


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[31mred", "\u2028", '"}\n{"message": "forged"}', "\x00", "😀"])
def test_hostile_text_stays_one_line_of_json(lines, text):
    log("something", detail=text)
    (line,) = lines.read_lines()
    assert line["detail"] == text
    assert "\x1b" not in lines.getvalue()


def test_long_text_is_clipped(lines):
    log("something", detail="x" * 1_000_000)
    assert len(lines.getvalue()) < 1_000


@pytest.mark.parametrize("value", ["a\ud800b", ["a\udfffb"], {"a\ud800b": 1}], ids=["text", "list", "dict"])
def test_half_a_surrogate_pair_costs_no_line(value):
    """On a stream that encodes, as Lambda's does; the one that the other tests read from takes anything."""
    code = "import sys; from darkroom.observability import log; log('something', detail=eval(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, repr(value)], capture_output=True, check=True)
    assert "a?b" in json.dumps(json.loads(done.stdout))
    assert done.stderr == b""


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        [LONG],
        (LONG,),
        {LONG},
        {"name": LONG},
        {LONG: "value"},
        {"errors": [{"message": LONG}]},
        [""] * 1_000_000,
        {str(number): "" for number in range(100_000)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_so_is_text_inside_of_a_list_or_a_dict_and_a_long_one_of_those(lines, value):
    log("something", detail=value)
    assert len(lines.getvalue()) < 2_000


def test_a_field_that_holds_itself_is_cut_off_and_what_is_short_stays_as_it_is(lines):
    endless = []
    endless.append(endless)
    log("something", endless=endless, scopes=("posts:read",), counts={"a": 1, "b": None, "c": [True, 1.5]})
    (line,) = lines.read_lines()
    assert (line["scopes"], line["counts"]) == (["posts:read"], {"a": 1, "b": None, "c": [True, 1.5]})


def test_times_are_utc(lines):
    log("something")
    (line,) = lines.read_lines()
    assert line["timestamp"].endswith(("Z", "+0000", "+00:00"))


def test_an_unforeseen_error_is_its_class_and_place(lines):
    def inner() -> None:
        raise ValueError(CANARY)

    try:
        inner()
    except ValueError as error:
        about(request_id="req_1")
        log_unforeseen(error)
    (line,) = lines.read_lines()
    assert (line["level"], line["error"], line["request_id"]) == ("ERROR", "ValueError", "req_1")
    assert line["at"][-1].startswith("test_observability.py:")
    assert line["at"][-1].endswith(":inner")
    assert CANARY not in lines.getvalue()


def test_a_deep_trace_is_cut(lines):
    def deeper(depth: int) -> None:
        if depth == 0:
            raise ValueError
        deeper(depth - 1)

    try:
        deeper(100)
    except ValueError as error:
        log_unforeseen(error)
    (line,) = lines.read_lines()
    assert len(line["at"]) == 8


class AwsError(Exception):
    def __init__(self, response) -> None:
        super().__init__(CANARY)
        self.response = response


@pytest.mark.parametrize(
    ("response", "name"),
    [
        ({"Error": {"Code": "AccessDeniedException"}}, "AccessDeniedException"),
        ({"Error": {"Code": "x" + CANARY + "\n"}}, "AwsError"),
        ({"Error": {"Code": 403}}, "AwsError"),
        ({"Error": {}}, "AwsError"),
        ({}, "AwsError"),
        (None, "AwsError"),
        ("text", "AwsError"),
    ],
)
def test_an_aws_error_goes_by_its_code_where_it_is_one(response, name):
    assert name_of(AwsError(response)) == name


def test_ids_stand_on_every_line_until_the_next_invocation_begins(lines):
    about(request_id="req_1", post_id=None)
    log("one")
    about(step="CheckContainer", post_id="post_1")
    log("two")
    one, two = lines.read_lines()
    assert (one["request_id"], "post_id" in one) == ("req_1", False)
    assert (two["post_id"], "request_id" in two) == ("post_1", False)
