import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.following import follower

FAILURES = {"2": StoreUnavailableError(), "3": RuntimeError("CANARY-text")}


@follower
def handler(change):
    if change["SequenceNumber"] in FAILURES:
        raise FAILURES[change["SequenceNumber"]]
    return {"post_id": f"post_{change['SequenceNumber']}"}


def records(*numbers):
    return {"Records": [{"dynamodb": {"SequenceNumber": number}} for number in numbers]}


def test_when_all_goes_well_nothing_comes_again(lines):
    assert handler(records("1", "4"), None) == {"batchItemFailures": []}
    assert [line["post_id"] for line in lines.named("change done")] == ["post_1", "post_4"]


def test_what_failed_comes_again_and_what_is_behind_it_is_not_kept_waiting(lines):
    answer = handler(records("1", "2", "4"), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert [line["post_id"] for line in lines.named("change done")] == ["post_1", "post_4"]
    assert [line["error"] for line in lines.named("change failed")] == ["StoreUnavailableError"]


def test_of_what_nobody_foresaw_the_place_is_logged_and_not_its_words(lines):
    handler(records("3"), None)
    assert [line["error"] for line in lines.named("unforeseen error")] == ["RuntimeError"]
    assert "CANARY" not in lines.getvalue()


def test_a_record_of_no_known_form_fails_the_batch():
    with pytest.raises(KeyError):
        handler({"Records": [{}]}, None)
