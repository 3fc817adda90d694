"""What is true without a tenant, as the API shows it."""

from dataclasses import asdict, dataclass

from darkroom.capabilities import Capability
from darkroom.instagram.oauth import SCOPES_BY_LOGIN
from darkroom.limits import Limit
from darkroom.logins import LOGINS, Login, LoginTraits
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
class LoginView:
    """
    What a login is asked for unless less is wished, each scope with its use; and what nothing works without. What its
    webhooks subscribe to, by scope.
    """

    login: Login
    scopes: dict[str, str]
    needed_scopes: tuple[str, ...]
    webhook_fields: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, traits: LoginTraits) -> "LoginView":
        return cls(
            login=traits.login,
            scopes=SCOPES_BY_LOGIN[traits.login],
            needed_scopes=traits.needed_scopes,
            webhook_fields=traits.webhook_fields,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CapabilitiesView:
    """What each field needs, and what each login asks for and needs."""

    data: tuple[Capability, ...]
    logins: tuple[LoginView, ...]

    @classmethod
    def of(cls, capabilities: tuple[Capability, ...]) -> "CapabilitiesView":
        return cls(data=capabilities, logins=tuple(LoginView.of(each) for each in LOGINS.values()))


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
