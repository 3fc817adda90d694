"""What each safeguard is for, shown by taking it away. Every mutant publishes an undisturbed post as it should."""

from collections.abc import Iterator
from itertools import islice, zip_longest

from tests.faults import plans
from tests.faults.publishers import Change, Mutant
from tests.faults.running import REAL, Result, run
from tests.faults.schedules import CONTENTS, Schedule
from tests.faults.shrinking import shrunk

_PUBLISHING, _CONFIRMING, _DEFINITION = "publishing", "confirming", "definition"
_CALL = """return {"media_id": ports.instagram.publish_container(instagram_access, container.container_id)}"""
_THEN = "\n        ResultPath: $.error\n        Next: "
_UNKNOWN = "except OutcomeUnknownError:\n        raise"
_TAKEN_BACK = "except OutcomeUnknownError as error:\n        attempt_taken_back(post, ports)\n        raise"
_DEATHS = """\
[StoreUnavailableError, States.Timeout, Sandbox.Timedout, Runtime.ExitError, Lambda.Unknown, Lambda.ServiceException, \
Lambda.AWSLambdaException, Lambda.SdkClientException, Lambda.ClientExecutionTimeoutException, \
Lambda.TooManyRequestsException]"""

MUTANTS = (
    Mutant(
        "the attempt is not written down",
        (
            Change(
                _PUBLISHING,
                "publish_attempted_at=ports.now(),\n        publish_attempts",
                "publish_attempted_at=None,\n        publish_attempts",
            ),
        ),
    ),
    Mutant(
        "the attempt is written down after the call",
        (
            Change(
                _PUBLISHING,
                "post = _attempting(post, newest, ports)",
                "fence = newest",
            ),
            Change(
                _PUBLISHING,
                _CALL,
                f"{_CALL.replace('return', 'done =')}\n        _attempting(post, fence, ports)\n        return done",
            ),
        ),
    ),
    Mutant(
        "the attempt is written down whoever else has written",
        (
            Change(
                _PUBLISHING,
                "return ports.posts.save(attempting)",
                "newest = ports.posts.get(post.tenant_id, post.id)\n"
                "        return ports.posts.save(replace(attempting, version=newest.version))",
            ),
        ),
    ),
    Mutant("no fence", (Change(_PUBLISHING, "tuple(media.id for media in fence)", "()"),)),
    Mutant(
        "the attempt is taken back when its outcome is unknown",
        (Change(_PUBLISHING, _UNKNOWN, _TAKEN_BACK),),
    ),
    Mutant(
        "an error answer to the publish call is believed: failed",
        (
            Change(
                _PUBLISHING,
                _UNKNOWN,
                "except OutcomeUnknownError as error:\n        if error.code is None:\n            raise\n"
                "        attempt_taken_back(post, ports)\n        raise ProcessingTimeoutError from error",
            ),
        ),
    ),
    Mutant(
        "an error answer to the publish call is believed: once more",
        (
            Change(
                _PUBLISHING,
                _UNKNOWN,
                "except OutcomeUnknownError as error:\n        if error.code is None:\n            raise\n"
                "        attempt_taken_back(post, ports)\n        raise MediaNotReadyError from error",
            ),
        ),
    ),
    Mutant(
        "whatever goes wrong with the publish call is tried again",
        (Change(_PUBLISHING, _UNKNOWN, _TAKEN_BACK), Change(_DEFINITION, _DEATHS, "[States.ALL]")),
    ),
    Mutant(
        "a container is created although there is one",
        (Change(_PUBLISHING, "existing = post.container(task.item)\n    if", "existing = None\n    if"),),
    ),
    Mutant("one clean read is proof", (Change(_CONFIRMING, "CLEAN_READS = 4", "CLEAN_READS = 1"),)),
    Mutant("two clean reads are proof", (Change(_CONFIRMING, "CLEAN_READS = 4", "CLEAN_READS = 2"),)),
    Mutant(
        "clean reads count for another attempt",
        (Change(_CONFIRMING, "replace(task, attempt=attempt, clean_reads=0)", "replace(task, attempt=attempt)"),),
    ),
    Mutant("asking does not wait", (Change(_DEFINITION, "SecondsPath: $.publish.wait_seconds", "Seconds: 1"),)),
    Mutant(
        "the status PUBLISHED is not believed",
        (Change(_CONFIRMING, 'if status.status_code == "PUBLISHED"', 'if status.status_code == "NEVER"'),),
    ),
    Mutant(
        "what appeared in the list does not matter",
        (
            Change(
                _CONFIRMING,
                'if status.status_code == "FINISHED" and not found:',
                'if status.status_code == "FINISHED":',
            ),
        ),
    ),
    Mutant(
        "whatever appeared could be this post",
        (
            Change(
                _CONFIRMING,
                "candidates(post, newest_media(post, whose, ports))",
                "tuple(media for media in newest_media(post, whose, ports) if media.id not in post.fence)",
            ),
        ),
    ),
    Mutant(
        "the media that was found is not told",
        (Change(_CONFIRMING, "media_id=found[0].id if len(found) == 1 else None", "media_id=None"),),
    ),
    Mutant("asking never ends", (Change(_CONFIRMING, "if is_late or task.asks + 1 >= MOST_ASKS:", "if False:"),)),
    Mutant(
        "an unknown outcome is waited out",
        (
            Change(
                _DEFINITION,
                "ErrorEquals: [MediaNotReadyError]",
                "ErrorEquals: [MediaNotReadyError, OutcomeUnknownError]",
            ),
        ),
    ),
    Mutant(
        "an unknown outcome is not asked about",
        (Change(_DEFINITION, f"[States.ALL]{_THEN}StartAsking", f"[States.ALL]{_THEN}MarkFailed"),),
    ),
    Mutant(
        "a comment whose outcome is unknown is sent again",
        (Change("commenting", "if post.comment.attempted_at is not None:", "if False:"),),
    ),
    Mutant(
        "a retry forgets that the post may have been sent",
        (
            Change(
                "changing",
                'fresh |= {"publish_attempts": 1, "publish_attempted_at": now}',
                'fresh |= {"publish_attempts": 0, "publish_attempted_at": None}',
            ),
        ),
    ),
    Mutant(
        "a comment that nobody found is told to be there",
        (Change("commenting", "    raise OutcomeUnknownError\n\n\ndef _added", "    return {}\n\n\ndef _added"),),
    ),
    Mutant(
        "the pause of an account is not looked at",
        (
            Change(
                "beginning",
                "if pause := allowance.pause_left(now):",
                "if (pause := allowance.pause_left(now)) and False:",
            ),
        ),
    ),
    Mutant(
        "a throttled account is asked about its posts",
        (Change(_CONFIRMING, "if pause := ports.quota", "if False and ports.quota"),),
    ),
    Mutant(
        "the end of a live post may be that it failed",
        (
            Change(
                _DEFINITION,
                "        MaxAttempts: 12 # for more than an hour\n        BackoffRate: 2\n",
                "        MaxAttempts: 8\n        BackoffRate: 2\n    Catch:\n      - ErrorEquals: [States.ALL]\n"
                "        ResultPath: $.error\n        Next: MarkFailed\n",
            ),
        ),
    ),
    Mutant(
        "an outage is not looked at",
        (Change("beginning", "if not ports.outages.take_probe(outage, now):", "if False:"),),
    ),
    Mutant(
        "a throttle is retried on the spot",
        (
            Change(
                _DEFINITION,
                "      - ErrorEquals: [InstagramUnavailableError]\n        IntervalSeconds: 3\n        MaxAttempts: 4\n"
                "        BackoffRate: 3\n      - ErrorEquals: [StoreUnavailableError, States.Timeout",
                "      - ErrorEquals: [InstagramUnavailableError, RateLimitedError]\n        IntervalSeconds: 3\n"
                "        MaxAttempts: 8\n        BackoffRate: 1\n"
                "      - ErrorEquals: [StoreUnavailableError, States.Timeout",
            ),
        ),
    ),
    Mutant(
        "a cancelled post is not looked at before it is sent",
        (
            Change(
                _PUBLISHING,
                "        uncancelled(PostTask(post.tenant_id, post.id), ports)\n"
                "        raise OutcomeUnknownError from error",
                "        return ports.posts.save(replace(ports.posts.get(post.tenant_id, post.id), "
                "publish_attempted_at=ports.now()))",
            ),
        ),
    ),
    Mutant(
        "an attempt that nobody could disprove ends failed",
        (Change(_CONFIRMING, "else PostState.UNCONFIRMED", "else PostState.FAILED"),),
    ),
    Mutant(
        "an error says the caption",
        (
            Change(
                _PUBLISHING,
                "is not None:\n        raise OutcomeUnknownError\n",
                'is not None:\n        raise ConflictError("version_conflict", post.content.caption)\n',
            ),
        ),
    ),
)
MOST_HUNTED = 8000


def hunt(mutant: Mutant, seed: int) -> str | None:
    """
    The shortest form of the first schedule that shows what is wrong; None when the mutant survives them all. What
    breaks ours as well catches nobody.
    """
    caught = _caught(mutant, seed)
    if caught is None or run(caught.schedule, REAL).breaks:
        return None
    return f"{caught.schedule} => {caught.breaks[0]}"


def _caught(mutant: Mutant, seed: int) -> Result | None:
    with mutant.installed():
        for content in CONTENTS:
            result = run(Schedule(content, (), plans.DUPLICATES), mutant)
            if result.breaks:
                raise AssertionError(f"{mutant.name}: needs no fault, {result.breaks}")
        for schedule in islice(_hunting(seed, mutant), MOST_HUNTED):
            result = run(schedule, mutant)
            if result.breaks:
                return shrunk(result, mutant)
    return None


def _hunting(seed: int, mutant: Mutant) -> Iterator[Schedule]:
    """Each sort of schedule in turns, nearest to the one call first."""
    singles = sorted(plans.singles(), key=_distance)
    pairs = (second for first in sorted(plans.firsts(), key=_distance) for second in plans.seconds(run(first, mutant)))
    randoms = (plans.random_schedule(seed, number) for number in range(1000))
    for in_turn in zip_longest(singles, pairs, plans.overtaken(), randoms):
        yield from filter(None, in_turn)


def _distance(schedule: Schedule) -> int:
    is_at_the_call = any(fault.point == "POST media_publish" for fault in schedule.faults)
    return 4 * (schedule.switches != plans.DUPLICATES) + 2 * (not is_at_the_call) + (schedule.content != "image")
