import pickle
import re

import pytest

from darkroom.instagram import client, codes, endpoints, errors, models, oauth, protocol
from darkroom.instagram.errors import InstagramError, InstagramUnavailableError, RateLimitedError, TokenInvalidError

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, InstagramError) and value is not InstagramError
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_class_stands_in_the_tree_at_the_top(error):
    assert re.search(rf"─ {error.__name__} ", errors.__doc__)


def test_the_tree_names_no_class_that_does_not_exist():
    assert set(re.findall(r"─ (\w+Error) ", errors.__doc__)) == {error.__name__ for error in CLASSES}


@pytest.mark.parametrize("error", CLASSES)
def test_every_class_says_in_its_own_words_what_happened(error):
    assert error.__doc__
    assert error.summary != InstagramError.summary
    assert str(error()) == error.summary


@pytest.mark.parametrize("error", CLASSES)
def test_every_class_can_really_be_raised(error):
    in_tables = {row.error for row in codes.CODE_TABLE} | {row[1] for row in codes.SAYINGS}
    named_in_code = {
        name
        for module in (client, endpoints, models, oauth, protocol)
        for name in vars(module)
        if name.endswith("Error")
    }
    assert error in in_tables or error.__name__ in named_in_code


def test_shows_metas_numbers_under_metas_names_and_leaves_out_what_was_not_said():
    error = TokenInvalidError(code=190, subcode=463, trace_id="EJplcsCHuLu")
    assert error.facts() == {"code": 190, "error_subcode": 463, "fbtrace_id": "EJplcsCHuLu"}
    assert str(error) == f"{TokenInvalidError.summary} (code 190, error_subcode 463, fbtrace_id EJplcsCHuLu)"
    assert error.args == (TokenInvalidError.summary,)


def test_keeps_metas_words_out_of_what_is_printed():
    error = InstagramUnavailableError(user_title="CANARY", user_message="CANARY")
    assert "CANARY" not in f"{error} {error!r} {error.facts()}"


def test_survives_a_process_boundary():
    copy = pickle.loads(pickle.dumps(RateLimitedError(code=4, retry_after=60.0)))
    assert (type(copy), copy.code, copy.retry_after, copy.args) == (
        RateLimitedError,
        4,
        60.0,
        (RateLimitedError.summary,),
    )
