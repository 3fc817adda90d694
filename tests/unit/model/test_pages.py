import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.errors import BadRequestError
from darkroom.pages import cursor, opened
from tests.builders import OTHER_TENANT, TENANT

POST_ID = "post_01M83VVAE04TFF59TDWH9EDD1R"


def test_a_cursor_leads_back_to_its_id():
    assert opened(cursor(TENANT, POST_ID), TENANT) == POST_ID


def test_a_cursor_fits_where_cursors_are_accepted():
    assert len(cursor(TENANT, POST_ID)) <= 200


def test_a_cursor_of_another_tenant_is_refused():
    with pytest.raises(BadRequestError) as caught:
        opened(cursor(OTHER_TENANT, POST_ID), TENANT)
    assert caught.value.code == "cursor_invalid"


@pytest.mark.parametrize(
    "tampered",
    [
        "",
        "a",
        "!!!!",
        "ümlaut",
        "\ud800",
        cursor(TENANT, POST_ID)[1:],
        cursor(TENANT, POST_ID) + "=",
        cursor(TENANT, POST_ID) + "\n",
        f" {cursor(TENANT, POST_ID)}",
        cursor(TENANT, POST_ID).swapcase(),
        cursor(TENANT, "é"),
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(tampered):
    with pytest.raises(BadRequestError) as caught:
        opened(tampered, TENANT)
    assert caught.value.code == "cursor_invalid"


@given(st.text(max_size=200))
def test_no_text_is_a_cursor_by_accident_or_makes_it_fall_over(text):
    with pytest.raises(BadRequestError):
        opened(text, TENANT)
