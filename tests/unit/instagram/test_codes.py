import pytest

from darkroom.instagram.codes import (
    CODE_TABLE,
    REFUSED_BEFORE_COMMENTING,
    REFUSED_BEFORE_PUBLISHING,
    SAYINGS,
    classify,
)
from darkroom.instagram.errors import (
    AccountRestrictedError,
    InstagramUnavailableError,
    InvalidRequestError,
    MediaNotReadyError,
    MediaRejectedError,
    MediaUnreachableError,
    PermissionDeniedError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)


def test_every_row_names_its_source():
    sources = [row.source for row in CODE_TABLE] + [source for *_, source in SAYINGS]
    assert all(source.split(":")[0] in {"codes", "graph", "limits", "observed"} for source in sources)


def test_no_row_contradicts_another():
    keys = [(row.code, row.subcode) for row in CODE_TABLE]
    assert len(keys) == len(set(keys))


def test_a_media_subcode_means_the_same_whatever_code_it_comes_with():
    of_subcode = {}
    for row in CODE_TABLE:
        if row.subcode and row.subcode >= 2207000:
            assert of_subcode.setdefault(row.subcode, row.error) is row.error


@pytest.mark.parametrize(
    ("code", "subcode", "error"),
    [
        (-2, 2207003, MediaUnreachableError),
        (-1, 2207001, InstagramUnavailableError),
        (-1, 2207032, InstagramUnavailableError),
        (1, None, InstagramUnavailableError),
        (1, 99, InstagramUnavailableError),
        (1, 2207057, InvalidRequestError),
        (2, None, InstagramUnavailableError),
        (4, None, RateLimitedError),
        (4, 2207051, AccountRestrictedError),
        (9, 2207042, PublishingLimitReachedError),
        (10, None, PermissionDeniedError),
        (17, None, RateLimitedError),
        (24, 2207006, MediaNotReadyError),
        (24, 2207008, MediaNotReadyError),
        (25, 2207050, AccountRestrictedError),
        (32, None, RateLimitedError),
        (100, None, InvalidRequestError),
        (100, 33, InstagramUnavailableError),
        (100, 2207028, InvalidRequestError),
        (100, 2108006, InvalidRequestError),
        (190, None, TokenInvalidError),
        (190, 458, TokenInvalidError),
        (190, 459, AccountRestrictedError),
        (190, 460, TokenInvalidError),
        (190, 463, TokenInvalidError),
        (200, None, PermissionDeniedError),
        (299, None, PermissionDeniedError),
        (352, 2207026, MediaRejectedError),
        (368, None, AccountRestrictedError),
        (613, 1996, RateLimitedError),
        (9004, 2207052, MediaUnreachableError),
        (9007, 2207027, MediaNotReadyError),
        (9009, None, AccountRestrictedError),
        (36000, 2207004, MediaRejectedError),
        (36001, 2207005, MediaRejectedError),
        (36003, 2207009, MediaRejectedError),
        (36004, 2207010, InvalidRequestError),
        (80002, None, RateLimitedError),
        (80014, None, RateLimitedError),
        (None, 2207026, MediaRejectedError),
        (None, 2207076, MediaUnreachableError),
        (-1, 2207076, MediaUnreachableError),
    ],
)
def test_knows_metas_numbers(code, subcode, error):
    assert classify(code, subcode) is error


@pytest.mark.parametrize(("code", "subcode"), [(None, None), (None, 33), (424242, None), (300, 1), (80015, None)])
def test_admits_what_it_does_not_know(code, subcode):
    assert classify(code, subcode) is None


@pytest.mark.parametrize("code", [-2, -1, 1, 2, 4, 17, 24, 25, 32, 100, 368, 613, 9004, 80002])
def test_codes_that_were_seen_for_live_posts_or_might_be_never_prove_that_nothing_was_published(code):
    assert code not in REFUSED_BEFORE_PUBLISHING


@pytest.mark.parametrize("code", [-2, -1, 1, 2, 4, 9, 17, 24, 25, 32, 100, 368, 613, 2500, 9004, 9007, 80002])
def test_codes_that_were_seen_for_comments_or_might_be_never_prove_that_there_is_none(code):
    assert code not in REFUSED_BEFORE_COMMENTING


def test_every_proof_that_nothing_happened_has_its_reason():
    assert all([*REFUSED_BEFORE_PUBLISHING.values(), *REFUSED_BEFORE_COMMENTING.values()])
