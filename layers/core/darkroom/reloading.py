"""
Instagram, called with the newest token. A step reads its account's token and holds it for up to a minute; a refresh or
a new connection may replace it meanwhile, and Instagram kill the old one at once. So when a token is refused, the
account is read again: has it another by now, the same call is made with that. This is safe for every call, also those
that cannot be unsent: Instagram looks at the token before anything else. What is refused in the end carries the version
of the token that was refused, so that nobody blames another.
"""

from collections.abc import Callable
from dataclasses import dataclass

from darkroom.containers import Parameters
from darkroom.errors import AccountUnavailableError, NotFoundError, StoreUnavailableError, TokenUnreadableError
from darkroom.instagram.errors import InstagramError, InstagramUnavailableError, OutcomeUnknownError
from darkroom.instagram.models import Access, Comment, ContainerStatus, Media, PublishingLimit
from darkroom.values import Value
from darkroom.workflow import AccountAccess, Accounts, Instagram, Tokens

_REFUSALS = (102, 190)  # Meta's codes; 190 also where the owner has to act, on that token


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReloadingInstagram(Value):
    """Implements the `Instagram` port of workflow.py by another one."""

    instagram: Instagram
    accounts: Accounts
    tokens: Tokens

    def create_container(self, access: Access, parameters: Parameters) -> str:
        return self._called(access, lambda newest: self.instagram.create_container(newest, parameters))

    def container_status(self, access: Access, container_id: str) -> ContainerStatus:
        return self._called(access, lambda newest: self.instagram.container_status(newest, container_id))

    def publish_container(self, access: Access, container_id: str) -> str:
        return self._called(access, lambda newest: self.instagram.publish_container(newest, container_id))

    def media(self, access: Access, media_id: str) -> Media:
        return self._called(access, lambda newest: self.instagram.media(newest, media_id))

    def recent_media(self, access: Access) -> tuple[Media, ...]:
        return self._called(access, self.instagram.recent_media)

    def stories(self, access: Access) -> tuple[Media, ...]:
        return self._called(access, self.instagram.stories)

    def publishing_limit(self, access: Access) -> PublishingLimit:
        return self._called(access, self.instagram.publishing_limit)

    def add_comment(self, access: Access, media_id: str, message: str) -> str:
        return self._called(access, lambda newest: self.instagram.add_comment(newest, media_id, message))

    def comments(self, access: Access, media_id: str) -> tuple[Comment, ...]:
        return self._called(access, lambda newest: self.instagram.comments(newest, media_id))

    def set_comments_enabled(self, access: Access, media_id: str, enabled: bool) -> None:
        self._called(access, lambda newest: self.instagram.set_comments_enabled(newest, media_id, enabled))

    def _called[T](self, access: Access, call: Callable[[Access], T]) -> T:
        """As often as there is a newer token, which is once in practice."""
        while True:
            try:
                return call(access)
            except OutcomeUnknownError:
                raise
            except InstagramError as error:
                if error.code not in _REFUSALS or not isinstance(access, AccountAccess):
                    raise
                newer = self._newer(access, error)
                if newer is None:
                    error.token_version = access.account.token_version
                    raise
                access = newer

    def _newer(self, access: AccountAccess, error: InstagramError) -> AccountAccess | None:
        """Where that cannot be found out, nothing has happened yet, and the step may be run again."""
        known = access.account
        try:
            stored = self.accounts.get(known.tenant_id, known.id)
            if stored.token_version == known.token_version:
                return None
            return AccountAccess.by(stored, self.tokens)
        except (NotFoundError, AccountUnavailableError):  # disconnected, or the app was removed: there is no newer one
            return None
        except (StoreUnavailableError, TokenUnreadableError):
            raise InstagramUnavailableError(status=error.status) from error
