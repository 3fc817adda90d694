"""Where an export goes on: a cursor has no signature, so a tenant may write one."""

import pytest

from darkroom.errors import BadRequestError
from darkroom.exporting import export
from darkroom.pages import opened_parts, parts_cursor
from darkroom.tenants import Caller
from tests.builders import TENANT

CALLER = Caller(TENANT, frozenset({"admin"}))


class Shelf:
    """`rest` is where it goes on; `asked` where it was told to begin."""

    def __init__(self, rest=None):
        self.rest, self.asked = rest, []

    def page(self, tenant_id, after, limit):
        self.asked.append(after)
        return (), self.rest


def test_an_export_goes_from_shelf_to_shelf():
    shelves = Shelf("POST#1"), Shelf()
    first = export(CALLER, None, 10, shelves)
    assert opened_parts(first.next_cursor, TENANT) == ["0", "POST#1"]
    shelves[0].rest = None
    second = export(CALLER, first.next_cursor, 10, shelves)
    assert export(CALLER, second.next_cursor, 10, shelves).next_cursor is None
    assert (shelves[0].asked, shelves[1].asked) == ([None, "POST#1"], [None])


@pytest.mark.parametrize("key", ["x" * 1024, "\u00e9" * 512])
def test_the_longest_key_that_can_be_is_a_place(key):
    shelf = Shelf()
    export(CALLER, parts_cursor(TENANT, "0", key), 10, (shelf,))
    assert shelf.asked == [key]


@pytest.mark.parametrize(
    "parts",
    [
        ("0", "x" * 1025),
        ("0", "\u00e9" * 513),
        ("1", ""),
        ("-1", ""),
        ("00", ""),
        ("\u0660", ""),
        ("", ""),
        ("0",),
        ("0", "a", "b"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_any_shelf_is_asked(parts):
    shelf = Shelf()
    with pytest.raises(BadRequestError) as caught:
        export(CALLER, parts_cursor(TENANT, *parts), 10, (shelf,))
    assert (caught.value.code, shelf.asked) == ("cursor_invalid", [])
