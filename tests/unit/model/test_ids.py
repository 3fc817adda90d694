from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.ids import is_id, made_at, new_id
from tests.builders import NOW

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 — as hypothesis wants bounds


@given(MOMENTS)
def test_a_new_id_is_one(moment):
    assert is_id(new_id("post", moment), "post")


@given(MOMENTS, st.integers(1, 10**9))
def test_ids_sort_by_time(moment, milliseconds):
    assert new_id("post", moment) < new_id("post", moment + timedelta(milliseconds=milliseconds))


def test_ids_of_one_moment_differ():
    assert len({new_id("post", NOW) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "post_",
        "post",
        "acc_01JDARKR00M000000000000000",
        "post_01JDARKR00M00000000000000",  # one short
        "post_01JDARKR00M0000000000000000",  # one too many
        "post_01jdarkr00m000000000000000",
        "post_01JDARKR00M00000000000000U",  # no U in the alphabet
        "post_01JDARKR00M000000000000000\n",
        "post_01JDARKR00M000000000000000#x",
        "post_\u0660\u0661JDARKR00M000000000000000",  # digits, but not ours
    ],
)
def test_what_is_no_id_of_that_kind(text):
    assert not is_id(text, "post")


@given(MOMENTS)
def test_an_id_says_to_the_millisecond_when_it_was_made(moment):
    assert made_at(new_id("acc", moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_what_was_not_made_here_does_not_say():
    with pytest.raises(ValueError, match="substring"):
        made_at("acc_UUUU")
