"""Which of a tenant's events somebody wants to see."""

from dataclasses import dataclass
from datetime import datetime

from darkroom.events import is_of_type
from darkroom.pages import Position
from darkroom.values import Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EventQuery(Value):
    """
    Newest first by `occurred_at`, from `since` on, before `until`, after the position that a page ended with.
    `account_ids` is what the caller may see; None is every account and what belongs to none.
    """

    account_ids: frozenset[str] | None = None
    account_id: str | None = None
    type: str | None = None
    is_unread: bool = False
    since: datetime | None = None
    until: datetime | None = None
    after: Position | None = None
    limit: int = 25

    @property
    def is_narrow(self) -> bool:
        """By more than time."""
        return any(each is not None for each in (self.account_ids, self.account_id, self.type))

    def admits(self, account_id: str | None, event_type: str) -> bool:
        if self.account_ids is not None and account_id not in self.account_ids:
            return False
        if self.account_id is not None and account_id != self.account_id:
            return False
        return self.type is None or is_of_type(event_type, self.type)
