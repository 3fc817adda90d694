"""When an error of publishing or commenting is not the end: what proves that nothing happened, what proves nothing."""

import httpx
import pytest

from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramError,
    InstagramUnavailableError,
    InvalidRequestError,
    MediaNotReadyError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)

CONTAINER = "17889455560051444"
MEDIA = "17920238422030506"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error_token_expired", TokenInvalidError),
        ("error_permission", PermissionDeniedError),
        ("error_quota", PublishingLimitReachedError),
        ("error_media_not_ready", MediaNotReadyError),
        ("error_spam_block", OutcomeUnknownError),
        ("error_transient", OutcomeUnknownError),
        ("error_throttled", OutcomeUnknownError),
        ("error_not_visible_yet", OutcomeUnknownError),
        ("error_with_status_200", OutcomeUnknownError),
        ("edge_html_502", OutcomeUnknownError),
        ("edge_html_200", OutcomeUnknownError),
        ("edge_empty_503", OutcomeUnknownError),
        ("truncated", OutcomeUnknownError),
        ("subscribed", OutcomeUnknownError),
    ],
)
def test_asks_instead_of_publishing_twice_when_the_answer_proves_nothing(answering, access, name, error):
    with pytest.raises(InstagramError) as caught:
        answering(name).publish_container(access, CONTAINER)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error_token_expired", TokenInvalidError),
        ("error_permission", PermissionDeniedError),
        ("error_spam_block", OutcomeUnknownError),
        ("error_throttled", OutcomeUnknownError),
        ("error_transient", OutcomeUnknownError),
        ("error_quota", OutcomeUnknownError),
        ("error_media_not_ready", OutcomeUnknownError),
        ("error_not_visible_yet", OutcomeUnknownError),
        ("error_with_status_200", OutcomeUnknownError),
        ("edge_html_502", OutcomeUnknownError),
        ("edge_html_200", OutcomeUnknownError),
        ("edge_html_429", OutcomeUnknownError),
        ("edge_empty_503", OutcomeUnknownError),
        ("truncated", OutcomeUnknownError),
        ("subscribed", OutcomeUnknownError),
        ("comments", OutcomeUnknownError),
    ],
)
def test_asks_instead_of_commenting_twice_when_the_answer_proves_nothing(answering, access, name, error):
    with pytest.raises(InstagramError) as caught:
        answering(name).add_comment(access, MEDIA, "#dawn")
    assert type(caught.value) is error


def test_takes_no_invalid_parameter_for_proof_that_there_is_no_comment(client_of, access):
    """The code behind which comments have been made."""
    client = client_of(lambda _request: httpx.Response(400, json={"error": {"code": 100, "fbtrace_id": "A"}}))
    with pytest.raises(OutcomeUnknownError) as caught:
        client.add_comment(access, MEDIA, "#dawn")
    assert caught.value.facts() == {"code": 100, "fbtrace_id": "A"}
    with pytest.raises(InvalidRequestError):
        client.set_comments_enabled(access, MEDIA, True)


def test_keeps_how_long_to_wait_before_asking_for_a_comment(answering, access):
    with pytest.raises(OutcomeUnknownError) as caught:
        answering("error_throttled").add_comment(access, MEDIA, "#dawn")
    assert (caught.value.code, caught.value.retry_after) == (80002, 19 * 60)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error_spam_block", AccountRestrictedError),
        ("error_throttled", RateLimitedError),
        ("error_transient", InstagramUnavailableError),
        ("edge_html_502", InstagramUnavailableError),
        ("truncated", InstagramUnavailableError),
        ("subscribed", InstagramUnavailableError),
    ],
)
def test_takes_the_same_answers_at_their_word_where_a_repetition_is_harmless(answering, access, name, error):
    with pytest.raises(InstagramError) as caught:
        answering(name).create_container(access, {"image_url": "https://media.example/a.jpg"})
    assert type(caught.value) is error


NEVER_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
PERHAPS_SENT = [
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
]


@pytest.mark.parametrize("error", NEVER_SENT)
def test_may_publish_or_comment_again_when_nothing_was_sent(losing, access, error):
    with pytest.raises(InstagramUnavailableError):
        losing(error).publish_container(access, CONTAINER)
    with pytest.raises(InstagramUnavailableError):
        losing(error).add_comment(access, MEDIA, "#dawn")


@pytest.mark.parametrize("error", PERHAPS_SENT)
def test_asks_instead_of_doing_it_twice_when_the_answer_is_lost(losing, access, error):
    with pytest.raises(OutcomeUnknownError):
        losing(error).publish_container(access, CONTAINER)
    with pytest.raises(OutcomeUnknownError):
        losing(error).add_comment(access, MEDIA, "#dawn")


@pytest.mark.parametrize("error", [*NEVER_SENT, *PERHAPS_SENT])
def test_may_repeat_everything_else_after_a_lost_answer(losing, access, error):
    client = losing(error)
    for call in (
        lambda: client.create_container(access, {"image_url": "https://media.example/a.jpg"}),
        lambda: client.container_status(access, CONTAINER),
        lambda: client.comments(access, MEDIA),
        lambda: client.set_comments_enabled(access, MEDIA, False),
        lambda: client.refresh("long"),
    ):
        with pytest.raises(InstagramUnavailableError):
            call()


def test_knows_every_way_in_which_the_transport_can_fail():
    def leaves(error):
        return {error} if not error.__subclasses__() else set().union(*map(leaves, error.__subclasses__()))

    refused_by_ourselves = {httpx.UnsupportedProtocol, httpx.LocalProtocolError}
    assert leaves(httpx.TransportError) == {*NEVER_SENT, *PERHAPS_SENT} | refused_by_ourselves
