"""A sample of `make fuzz`, and mistakes that it has to find."""

import re
import subprocess

import pytest

from darkroom.observability import logger
from tests.fuzz import __main__ as fuzz
from tests.fuzz import engines, planted
from tests.fuzz.engines import Found
from tests.fuzz.targets import TARGETS, Silence, Target

SAMPLE, SOON = 100, 1000


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    monkeypatch.setattr(logger().registered_handler, "stream", Silence())


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_nothing_that_is_sent_makes_a_parser_fall_over(target):
    found = engines.by_hypothesis(target, seconds=60, seed=fuzz.SEED, executions=SAMPLE)
    assert found.crash is None, found.said
    assert found.executions >= SAMPLE // 2  # Hypothesis leaves out what it has tried


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_a_target_begins_with_inputs_that_are_accepted_and_such_as_are_not(target):
    assert {engines.tried(target, data) for data in target.seeds()} | {target.check(b"")} == {True, False}


@pytest.mark.parametrize("target", planted.PLANTED, ids=lambda target: target.name)
def test_a_parser_with_a_mistake_is_found_out(target):
    found = engines.by_hypothesis(target, seconds=60, seed=fuzz.SEED, executions=SOON)
    assert found.crash is not None
    with pytest.raises(Exception):  # noqa: B017, PT011 — whichever: the input repeats it
        engines.tried(target, found.crash)


def test_an_input_that_takes_long_is_a_crash(monkeypatch):
    monkeypatch.setattr(engines, "SLOWEST", 0.02)
    found = engines.by_hypothesis(planted.SLOW, seconds=60, seed=fuzz.SEED, executions=SOON)
    assert found.crash is not None
    assert "TooSlowError" in found.said


@pytest.mark.skipif(not engines.has_atheris(), reason="Atheris has a wheel for Linux on x86-64 alone")
def test_the_engine_that_is_led_by_coverage_finds_a_mistake_too():
    mistaken = planted.TARGETS["state"]
    found = engines.by_atheris("state", mistaken.seeds(), 10, fuzz.SEED, module="tests.fuzz.planted")
    assert found.crash is not None
    assert "ValueError: not enough values to unpack" in found.said


def ended(code, said):
    return subprocess.CompletedProcess([], code, "", said)


def test_what_the_engine_says_at_its_end_is_read(tmp_path):
    stats = "Done 12 runs in 20 second(s)\nstat::number_of_executed_units: 12\n"
    assert engines._read(ended(0, stats), 25.0, []) == Found("atheris", 12, 20.0)
    (tmp_path / "timeout-1").write_bytes(b"x")
    stuck = "==1== ERROR: libFuzzer: timeout after 11 seconds\nstat::number_of_executed_units: 3\n"
    found = engines._read(ended(70, stuck), 25.0, [tmp_path / "timeout-1"])
    assert (found.crash, found.said) == (b"x", "==1== ERROR: libFuzzer: timeout after 11 seconds")


@pytest.mark.parametrize(("code", "said"), [(1, "Traceback"), (0, ""), (1, "stat::number_of_executed_units: 0")])
def test_a_fuzzer_that_did_not_run_is_no_success(code, said):
    with pytest.raises(RuntimeError, match="did not run"):
        engines._read(ended(code, said), 1.0, [])


def test_the_program_says_how_much_was_tried_and_that_nothing_crashed(capsys):
    assert fuzz.main(["--only", "url", "--seconds", "0.2", "--engine", "hypothesis", "--seed", "7"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"url +hypothesis: +\d+ executions in \d\.\d s, +\d+/s, crashes 0", told)
    assert "seed 7" in told


def test_the_program_prints_a_crash_with_the_command_that_repeats_it(capsys, monkeypatch):
    mistaken: Target = planted.TARGETS["state"]
    monkeypatch.setitem(TARGETS, "state", mistaken)
    assert fuzz.main(["--only", "state", "--seconds", "5", "--engine", "hypothesis"]) == 1
    told = capsys.readouterr().out
    assert "crashes 1" in told
    (command,) = re.findall(r"again: python -m tests.fuzz (--only state --input) ''", told) or re.findall(
        r"again: python -m tests.fuzz (--only state --input \w+)", told
    )
    with pytest.raises(ValueError, match="unpack"):
        fuzz.main([*command.split(), *([""] if command.endswith("--input") else [])])


def test_one_input_can_be_judged_alone(capsys):
    right = TARGETS["url"].seeds()[0]
    assert fuzz.main(["--only", "url", "--input", right.hex()]) == 0
    assert capsys.readouterr().out == "accepted\n"
