"""A cursor that is made by hand is refused before any store hears of it."""

import pytest

from darkroom import exporting
from darkroom.errors import BadRequestError
from darkroom.exports import Record
from darkroom.pages import parts_cursor
from tests.builders import TENANT, a_caller
from tests.compliance_fakes import FakeShelf


@pytest.fixture
def shelf():
    made = FakeShelf()
    made.records[TENANT] = [Record(kind="post", key="POST#1", record={})]
    return made


def exported(shelf, *parts):
    return exporting.export(a_caller(), parts_cursor(TENANT, *parts), 10, (shelf,))


@pytest.mark.parametrize(("text", "times"), [("", 0), ("A", 1), ("POST#0", 1), ("é", 512), ("x", 1024)])
def test_a_place_that_a_store_can_be_asked_for_goes_on_there(shelf, text, times):
    after = text * times
    assert [each.key for each in exported(shelf, "0", after).data] == ["POST#1"] * (after < "POST#1")


@pytest.mark.parametrize(("text", "times"), [("x", 1025), ("é", 513), ("\N{SNOWMAN}", 342), ("x", 100_000)])
def test_a_place_longer_than_any_key_is_no_cursor(shelf, text, times):
    """DynamoDB and S3 refuse more than 1,024 bytes, which would be a 500."""
    with pytest.raises(BadRequestError) as caught:
        exported(shelf, "0", text * times)
    assert caught.value.code == "cursor_invalid"


@pytest.mark.parametrize(
    "parts",
    [
        ("1", ""),
        ("-1", ""),
        ("00", ""),
        ("\N{ARABIC-INDIC DIGIT ZERO}", ""),
        ("9" * 4301, ""),
        ("x", ""),
        ("", ""),
        ("0",),
        ("0", "", ""),
    ],
)
def test_a_shelf_that_is_not_there_is_no_cursor(shelf, parts):
    with pytest.raises(BadRequestError) as caught:
        exported(shelf, *parts)
    assert caught.value.code == "cursor_invalid"
