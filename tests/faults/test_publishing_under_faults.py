"""A sample of what `make faults` runs in full, and that the harness sees what it is there to see."""

import pytest

from tests.faults import plans
from tests.faults.mutants import MUTANTS
from tests.faults.publishers import MODULES, NaivePublisher
from tests.faults.running import REAL, run
from tests.faults.schedules import parsed
from tests.faults.shrinking import shrunk
from tests.statemachines.lab import DEFINITION

SEED = 20261123
WORST = "image republish_mode=dup"


@pytest.mark.parametrize("tenth", range(10))
def test_random_schedules_break_nothing(tenth):
    for number in range(tenth * 10, tenth * 10 + 10):
        result = run(plans.random_schedule(SEED, number), REAL)
        assert not result.breaks, f"python -m tests.faults --replay '{result.schedule}'"


@pytest.mark.parametrize(
    "faults",
    [
        "blocked after POST media_publish #1",
        "killed after POST media_publish #1",
        "undead before POST media_publish #1",
        "doubled before posts.save #2",
        "late before POST media_publish #1",
        "table_blackout before posts.save #3",
        "timeout before POST media_publish #1 | twin before invoke ConfirmPublish #1",
        # Two executions: the one that asks must neither spin while the other waits, nor after the other has ended.
        "quota_full before GET id #1 | restarted before tokens.token #5 | crashed before POST media_publish #1",
        "crashed before POST media_publish #1 | restarted before tokens.token #5 | unreadable before tokens.token #12",
        "account_throttled before GET id #1 | stranger before invoke DelayPost #1",
    ],
)
def test_the_worst_at_the_one_call_breaks_nothing(faults):
    assert not run(parsed(f"{WORST} | {faults}"), REAL).breaks


def test_a_schedule_is_the_same_after_it_was_written_down():
    for number in range(200):
        schedule = plans.random_schedule(SEED, number)
        assert parsed(str(schedule)) == schedule


def test_the_naive_publisher_makes_duplicates():
    naive = NaivePublisher()
    with naive.installed():
        assert run(parsed(WORST), naive).breaks == ()
        assert run(parsed(f"{WORST} | killed after POST media_publish #1"), naive).visible == 2


def test_a_failure_is_shrunk_to_what_it_takes():
    naive = NaivePublisher()
    long = (
        "reel republish_mode=dup stale_status_reads=2 skew=600 | throttled before posts.get #1"
        " | timeout after POST media_publish #1 | html before GET id #1"
    )
    with naive.installed():
        shortest = shrunk(run(parsed(long), naive), naive).schedule
    assert str(shortest) == "image republish_mode=dup | timeout after POST media_publish #1"


def test_a_mutant_is_caught():
    [one_clean_read] = [mutant for mutant in MUTANTS if mutant.name == "one clean read is proof"]
    late = parsed(f"{WORST} | late before POST media_publish #1")
    with one_clean_read.installed():
        assert run(late, one_clean_read).breaks == ("I1: 2 visible posts",)
    assert run(late, REAL).breaks == ()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_of_every_mutant_is_still_there(mutant):
    before = {name: vars(module).copy() for name, module in MODULES.items()}
    assert mutant.definition(DEFINITION.read_text()) is not None
    with mutant.installed():
        pass
    assert {name: vars(module).keys() for name, module in MODULES.items()} == {
        name: names.keys() for name, names in before.items()
    }
