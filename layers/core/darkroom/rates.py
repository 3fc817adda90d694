"""
How fast one tenant may send posts: so many a minute of the clock. API Gateway's throttle is everybody's together, so
without this the busiest tenant would take it, and the workflow's workers, from all others.
"""

import math
from datetime import datetime, timedelta

from darkroom.errors import TooManyRequestsError
from darkroom.limits import POSTS_A_MINUTE

_MINUTE = timedelta(minutes=1)
KEPT = timedelta(hours=1)  # a count is of use for its minute; clocks of two workers may differ a little


def minute_of(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def room_for(posts: int) -> int:
    """Up to which count so many more still fit."""
    return POSTS_A_MINUTE.value - posts


def refusal(now: datetime) -> TooManyRequestsError:
    """To be asked again in the next minute."""
    detail = f"A tenant may send {POSTS_A_MINUTE.value} posts a minute, over all its credentials and accounts."
    left = minute_of(now) + _MINUTE - now
    return TooManyRequestsError(detail=detail, retry_after=math.ceil(left.total_seconds()))
