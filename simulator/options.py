"""What is fixed when a simulator starts. What a test changes on the way is in `switches`."""

from dataclasses import dataclass

from simulator.people import DEFAULT_PAGES, PretendPage

HOUR = 3600
DAY = 24 * HOUR

CODE_LIFETIME = HOUR
SHORT_TOKEN_LIFETIME = HOUR
LONG_TOKEN_LIFETIME = 60 * DAY
CONTAINER_LIFETIME = DAY
STORY_LIFETIME = DAY
QUOTA_WINDOW = DAY


@dataclass(frozen=True)
class PretendAccount:
    """Somebody who can log in. `account_type` is Business, Media_Creator or Personal (which cannot be connected)."""

    username: str
    account_type: str = "Business"
    name: str = ""
    can_share_trial_reels: bool = True


DEFAULT_ACCOUNTS = (
    PretendAccount("lumen.bakery", "Business", "Lumen Bakery"),
    PretendAccount("north.cycles", "Business", "North Cycles"),
    PretendAccount("mira.draws", "Media_Creator", "Mira Draws"),
)


@dataclass(frozen=True)
class Options:
    """
    The pretend Meta app and how long its world takes.

    meta_app_id, meta_app_secret: the pair that Facebook Login takes; the other two are Instagram Login's.
    redirect_uris: the registered ones; empty accepts any absolute http(s) URI.
    image_seconds, video_seconds: from creation to FINISHED, on the simulator's clock.
    fetch_seconds: how long, in real time, a media host may take before Instagram gives up on it.
    local_permalinks: permalinks lead to the simulator's own page of the post instead of instagram.com.
    """

    app_id: str = "990602627938098"
    app_secret: str = "simulator-app-secret"  # noqa: S105 - the pretend app's, meant to be known
    meta_app_id: str = "870601234567890"
    meta_app_secret: str = "simulator-meta-app-secret"  # noqa: S105 - as above
    redirect_uris: tuple[str, ...] = ()
    image_seconds: float = 1.0
    video_seconds: float = 3.0
    fetch_seconds: float = 10.0
    containers_per_day: int = 400
    local_permalinks: bool = False
    accounts: tuple[PretendAccount, ...] = DEFAULT_ACCOUNTS
    pages: tuple[PretendPage, ...] = DEFAULT_PAGES
