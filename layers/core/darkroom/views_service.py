"""What is true without a tenant, as the API shows it."""

from dataclasses import asdict, dataclass

from darkroom.capabilities import Capability
from darkroom.limits import Limit
from darkroom.problems import TYPE_BASE, Actor, ProblemType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class HealthView:
    is_healthy: bool
    version: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LimitsView:
    data: tuple[Limit, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CapabilitiesView:
    data: tuple[Capability, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ProblemTypeView:
    """One entry of the catalogue; `type` is what problem bodies carry."""

    type: str
    code: str
    status: int
    actor: Actor
    title: str
    next_step: str

    @classmethod
    def of(cls, kind: ProblemType) -> "ProblemTypeView":
        return cls(type=TYPE_BASE + kind.code, **(asdict(kind) | {"title": kind.titled()}))
