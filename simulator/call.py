"""One authorised Graph request, as handlers see it."""

from dataclasses import dataclass

from simulator.parameters import Parameters
from simulator.wire import Request
from simulator.world import Account, Token


@dataclass(frozen=True)
class Call:
    """`node` is the first path segment, as sent: an id or `me`."""

    request: Request
    parameters: Parameters
    node: str
    token: Token
    token_text: str
    is_facebook: bool = False

    @property
    def account(self) -> Account:
        return self.token.account
