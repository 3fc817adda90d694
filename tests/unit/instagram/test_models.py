import json
from datetime import UTC, datetime
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.instagram.errors import (
    InstagramError,
    InstagramUnavailableError,
    MediaRejectedError,
    MediaUnreachableError,
)
from darkroom.instagram.models import (
    Access,
    Comment,
    ContainerStatus,
    LongLivedToken,
    Media,
    Profile,
    PublishingLimit,
    ShortLivedToken,
    acknowledged,
    created_id,
)
from darkroom.instagram.protocol import parse


@pytest.fixture
def payload(sample):
    return lambda name: parse(*sample(name))


@pytest.mark.parametrize("name", ["short_lived_token_wrapped", "short_lived_token_flat"])
def test_reads_a_short_lived_token_in_both_shapes(payload, name):
    token = ShortLivedToken.parse(payload(name))
    assert token.token.startswith("IGAAsampleShort")
    assert token.user_id == "25412345678901234"
    assert token.permissions == {"instagram_business_basic", "instagram_business_content_publish"}


def test_takes_untold_permissions_for_none():
    assert ShortLivedToken.parse({"access_token": "t", "user_id": 1}).permissions == frozenset()


def test_shows_no_token_when_printed(payload):
    shown = [
        Access("1", "IGAAsample"),
        ShortLivedToken.parse(payload("short_lived_token_flat")),
        LongLivedToken.parse(payload("long_lived_token")),
    ]
    assert "IGAA" not in repr(shown)


def test_reads_how_long_a_token_lives(payload):
    assert LongLivedToken.parse(payload("long_lived_token")).expires_in == 5_183_944


@pytest.mark.parametrize("seconds", [0, -1, "5184000", 5184000.0, True, None, 10**12, [], {}])
def test_refuses_a_token_whose_life_makes_no_sense(seconds):
    with pytest.raises(InstagramUnavailableError):
        LongLivedToken.parse({"access_token": "t", "expires_in": seconds})


@pytest.mark.parametrize("token", [None, "", 17, "two words", "line\nbreak", "x" * 5000])
def test_refuses_a_token_that_cannot_be_one(token):
    with pytest.raises(InstagramUnavailableError):
        LongLivedToken.parse({"access_token": token, "expires_in": 1})


def test_reads_a_profile_in_both_shapes(payload):
    flat, wrapped = Profile.parse(payload("profile_flat")), Profile.parse(payload("profile_wrapped"))
    assert flat.user_id == wrapped.user_id == "17841405309211844"
    assert (flat.id, flat.name, flat.account_type) == ("25412345678901234", "Metric Übersaurus", "Media_Creator")
    assert (flat.followers_count, flat.media_count) == (1204, 31)
    assert (wrapped.followers_count, wrapped.account_type) == (None, None)


def test_accepts_account_types_not_invented_yet():
    payload = {"user_id": 1, "username": "a", "account_type": "Hologram"}
    assert Profile.parse(payload).account_type == "Hologram"


@pytest.mark.parametrize(
    ("name", "status_code", "subcode"),
    [
        ("container_in_progress", "IN_PROGRESS", None),
        ("container_finished", "FINISHED", None),
        ("container_published", "PUBLISHED", None),
        ("container_failed_sentence", "ERROR", 2207026),
        ("container_failed_number", "ERROR", 2207077),
    ],
)
def test_reads_what_became_of_a_container(payload, name, status_code, subcode):
    status = ContainerStatus.parse(payload(name))
    assert (status.status_code, status.subcode) == (status_code, subcode)


@pytest.mark.parametrize("status_code", ["DONE", "finished", None, 1, [], {}])
def test_asks_again_when_a_container_says_something_new(status_code):
    with pytest.raises(InstagramUnavailableError):
        ContainerStatus.parse({"status_code": status_code})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (ContainerStatus("ERROR", 2207026), MediaRejectedError),
        (ContainerStatus("ERROR", 2207077), MediaUnreachableError),
        (ContainerStatus("ERROR", 2207001), InstagramUnavailableError),
        (ContainerStatus("ERROR", 2207999), MediaRejectedError),
        (ContainerStatus("ERROR"), MediaRejectedError),
    ],
)
def test_names_a_failed_container_like_an_answered_error(status, error):
    failure = status.failure()
    assert type(failure) is error
    assert failure.subcode == status.subcode


@pytest.mark.parametrize("status_code", ["IN_PROGRESS", "FINISHED", "EXPIRED", "PUBLISHED"])
def test_calls_no_other_container_failed(status_code):
    assert ContainerStatus(status_code).failure() is None


def test_reads_media(payload):
    media = Media.parse(payload("media"))
    assert media.id == "17920238422030506"
    assert media.caption == "First light 🌅 #dawn"
    assert media.permalink == "https://www.instagram.com/p/CSgf9BChwVq/"
    assert media.timestamp == datetime(2026, 8, 13, 8, 25, 28, tzinfo=UTC)
    assert media.children_count == 3
    assert "First light" not in repr(media)


@pytest.mark.parametrize("moment", [None, "", "yesterday", 17, "2026-08-13T08:25:28", "0001-01-01T00:00:00+2300"])
def test_knows_no_moment_without_an_offset(moment):
    assert Media.parse({"id": 1, "timestamp": moment}).timestamp is None


def test_reads_a_page_of_media_and_nothing_of_the_next(payload):
    first, second = Media.parse_list(payload("recent_media"))
    assert (first.id, second.id) == ("17895731045244887", "17895731045244886")
    assert Media.parse_list({"data": []}) == ()


@pytest.mark.parametrize("data", [None, {}, "x", [None], ["17"], [{}], [{"id": None}], [{"id": "../17"}]])
def test_refuses_a_page_that_is_not_one(data):
    with pytest.raises(InstagramUnavailableError):
        Media.parse_list({"data": data})


def test_reads_comments_and_nothing_of_the_next_page(payload):
    first, second = Comment.parse_list(payload("comments"))
    moment = datetime(2026, 8, 13, 8, 25, 31, tzinfo=UTC)
    assert first == Comment("17870913679156914", "CANARY-comment 🌅 #dawn", moment, "metricsaurus")
    assert (second.id, second.username) == ("17870913679156913", None)
    assert "CANARY" not in repr((first, second))
    assert Comment.parse_list({"data": []}) == ()


@pytest.mark.parametrize("data", [None, {}, [None], [{}], [{"id": "../17"}]])
def test_refuses_comments_that_are_none(data):
    with pytest.raises(InstagramUnavailableError):
        Comment.parse_list({"data": data})


def test_reads_the_publishing_limit_from_instagram(payload):
    assert PublishingLimit.parse(payload("publishing_limit")) == PublishingLimit(2, 50, 86_400)


@pytest.mark.parametrize("entry", [{}, {"quota_usage": 1}, {"quota_usage": 1, "config": {}}, {"config": []}])
def test_invents_no_publishing_limit(entry):
    with pytest.raises(InstagramUnavailableError):
        PublishingLimit.parse({"data": [entry]})


def test_reads_the_id_of_what_was_created_as_string_or_number():
    assert created_id({"id": "17"}) == created_id({"id": 17}) == "17"


@pytest.mark.parametrize("value", [None, "", True, 1.5, -1, "a/b", ["1"], 10**400])
def test_takes_no_answer_for_created_without_a_usable_id(value):
    with pytest.raises(InstagramUnavailableError):
        created_id({"id": value})


@pytest.mark.parametrize("payload", [{}, {"success": False}, {"success": "true"}, {"success": 1}])
def test_takes_nothing_but_true_for_success(payload):
    with pytest.raises(InstagramUnavailableError):
        acknowledged(payload)


scalars = st.sampled_from(
    [None, True, False, 0, -1, 17, 10**400, 1.5, float("inf"), "", "17", "IN_PROGRESS", "ERROR", "a/b", "half \ud83d"]
)
json_values = scalars | st.lists(scalars, max_size=2)
fields = st.sampled_from(
    sorted(
        {*get_type_hints(Profile), *get_type_hints(Media), *get_type_hints(Comment), *get_type_hints(PublishingLimit)}
    )
)
wire_only = st.sampled_from(
    ["access_token", "permissions", "expires_in", "status_code", "status", "children", "success"]
)
flat = st.dictionaries(fields | wire_only, json_values, max_size=6)
payloads = flat | st.fixed_dictionaries({"data": json_values | st.lists(flat, max_size=2)}, optional={"config": flat})
READERS = (
    ShortLivedToken.parse,
    LongLivedToken.parse,
    Profile.parse,
    ContainerStatus.parse,
    Media.parse,
    Media.parse_list,
    Comment.parse,
    Comment.parse_list,
    PublishingLimit.parse,
    created_id,
    acknowledged,
)


@given(reader=st.sampled_from(READERS), payload=payloads)
def test_gives_a_value_or_an_instagram_error_for_any_object(reader, payload):
    try:
        value = reader(payload)
    except InstagramError:
        return
    json.dumps(repr(value)).encode()
