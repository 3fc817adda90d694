"""What callers, owners and Instagram do while a post is on its way, besides answering a call wrongly."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from darkroom import changing
from darkroom.accounts import AccountState
from tests.statemachines.lab import USERNAME

if TYPE_CHECKING:
    from tests.faults.bench import Bench

DAY = 86_400
THROTTLED_MINUTES = 10
FULL_FOR = 7200.0  # seconds
OTHERS = ("acc_one", "acc_two", "acc_three")


def cancel(bench: "Bench") -> None:
    bench.ask("cancel", changing.cancel)


def retry(bench: "Bench") -> None:
    """At once, after whatever was the matter has been mended; nobody would ask for it before."""
    bench.stop_outages()
    bench.account = replace(bench.account, state=AccountState.CONNECTED, last_problem=None)
    bench.ask("retry", changing.retry)


def throttle(bench: "Bench") -> None:
    bench.instagram.throttle(USERNAME, THROTTLED_MINUTES)


def pause(bench: "Bench") -> None:
    """Another post of the account was throttled."""
    post = bench.post
    bench.quota.pause(post.tenant_id, post.account_id, bench.now() + timedelta(minutes=THROTTLED_MINUTES))


def open_outage(bench: "Bench") -> None:
    """Posts of other accounts met the same trouble."""
    for account_id in OTHERS:
        bench.outages.report("CreateContainer", "2", account_id, bench.now())


def fill_quota(bench: "Bench") -> None:
    """For two hours there is no room for another post."""
    total = bench.instagram.world.switches.quota_total

    def effect() -> None:
        bench.time.sleep(FULL_FOR)
        bench.instagram.switch(quota_total=total)

    bench.instagram.switch(quota_total=0)
    bench.time.start(effect)


def expire(bench: "Bench") -> None:
    """Every container of the post is a day old."""
    for container in bench.containers:
        container.created_at -= DAY
