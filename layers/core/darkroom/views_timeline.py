"""What happened to a post, as the API shows it."""

from dataclasses import dataclass

from darkroom.recounting import Story
from darkroom.timeline import Entry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TimelineView:
    """In order of time. `has_earlier`: there is more than an answer holds, and the earliest entries are left out."""

    data: tuple[Entry, ...]
    has_earlier: bool

    @classmethod
    def of(cls, story: Story) -> "TimelineView":
        return cls(data=story.entries, has_earlier=not story.is_whole)
