"""What only graph.facebook.com has: the person, their Pages and businesses, and who acts for a linked account."""

from dataclasses import dataclass

from simulator import facebook_login
from simulator.errors import PERMISSION_MISSING, GraphError, invalid, object_missing
from simulator.facebook_login import BUSINESS, READ_ENGAGEMENT
from simulator.fields import Fields, Reader, parse_fields, pick
from simulator.paging import page_of
from simulator.parameters import Parameters
from simulator.people import FacebookToken, PretendPage, business_id_of, person_id
from simulator.wire import Json, Request
from simulator.world import Account, Token, World

PAGE_FIELDS = {"feed", "mention", "messages", "messaging_postbacks", "name", "picture", "videos"}
# What the shared handlers want under the other login's names.
MEANS = {
    "instagram_business_basic": (facebook_login.BASIC, READ_ENGAGEMENT),
    "instagram_business_content_publish": (facebook_login.PUBLISH,),
    "instagram_business_manage_comments": (facebook_login.COMMENTS,),
}


@dataclass(frozen=True)
class FacebookCall:
    """`node` is the first path segment, as sent: an id or `me`."""

    request: Request
    parameters: Parameters
    node: str
    token: FacebookToken
    token_text: str


def read_me(_: World, call: FacebookCall) -> Json:
    """The person of the token; with a Page's token the Page."""
    page = call.token.page
    readers: dict[str, Reader] = {
        "id": lambda: page.id if page else person_id(call.token.person),
        "name": lambda: page.name if page else call.token.person,
    }
    return pick(_wanted(call, "id,name"), readers, "User")


def list_permissions(_: World, call: FacebookCall) -> Json:
    _persons_own(call)
    statuses = dict.fromkeys(call.token.scopes, "granted") | dict.fromkeys(call.token.declined, "declined")
    return {"data": [{"permission": name, "status": status} for name, status in statuses.items()]}


def list_accounts(world: World, call: FacebookCall) -> Json:
    """GET /me/accounts. What a business owns is there with `business_management` at most."""
    _persons_own(call)
    shows_business = BUSINESS in call.token.scopes and world.switches.business_pages == "listed"
    pages = [p for p in world.facebook.pages_of(call.token.person) if p.business is None or shows_business]
    return _listed(world, call, pages)


def list_businesses(world: World, call: FacebookCall) -> Json:
    _persons_own(call)
    names = world.facebook.businesses_of(call.token.person)
    found, paging = page_of(names, call, key=business_id_of, moment=lambda _: world.now)
    answer: Json = {"data": [{"id": business_id_of(name), "name": name} for name in found]}
    return answer | ({"paging": paging} if paging else {})


def list_owned_pages(world: World, call: FacebookCall) -> Json:
    return _pages_of_business(world, call, "owned_pages")


def list_client_pages(world: World, call: FacebookCall) -> Json:
    return _pages_of_business(world, call, "client_pages")


def read_page(world: World, call: FacebookCall) -> Json:
    page = _own_page(world, call)
    return _page_fields(world, call, page, _wanted(call, "id,name"))


def list_subscriptions(world: World, call: FacebookCall) -> Json:
    fields = world.page_fields.get(_as_page(world, call).id)
    return {"data": [{"id": world.options.meta_app_id, "subscribed_fields": fields}] if fields else []}


def subscribe(world: World, call: FacebookCall) -> Json:
    """POST /{page}/subscribed_apps: any field of the Page's opens the Instagram object of its account."""
    page = _as_page(world, call)
    wanted = call.parameters.listing("subscribed_fields") or []
    if not wanted or not PAGE_FIELDS.issuperset(wanted):
        raise invalid(f"Param subscribed_fields[0] must be one of {{{', '.join(sorted(PAGE_FIELDS))}}}")
    world.page_fields[page.id] = wanted
    if account := linked_account(world, page):
        world.subscribed_fields[account.user_id] = wanted
    return {"success": True}


def unsubscribe(world: World, call: FacebookCall) -> Json:
    page = _as_page(world, call)
    world.page_fields.pop(page.id, None)
    if account := linked_account(world, page):
        world.subscribed_fields.pop(account.user_id, None)
    return {"success": True}


def read_instagram_account(world: World, account: Account, parameters: Parameters) -> Json:
    """GET /{ig}: there is one id here, the professional account's."""
    readers: dict[str, Reader] = {
        "id": lambda: account.user_id,
        "username": lambda: account.username,
        "name": lambda: account.profile.name or None,
        "followers_count": lambda: 1200,
        "follows_count": lambda: 180,
        "media_count": lambda: sum(m.account.user_id == account.user_id for m in world.media.values()),
    }
    return pick(parse_fields(parameters.text("fields") or "id"), readers, "IGUser")


def as_account(world: World, call: FacebookCall) -> Token:
    """
    The token as the shared handlers know one: of the account that it may act for here, with scopes under the other
    login's names. A Page's token acts for its account; a person's for whichever of theirs the path is about.
    """
    token = call.token
    pages = [token.page] if token.page else world.facebook.pages_of(token.person)
    accounts = [
        account
        for page in pages
        if "MANAGE" in page.tasks or "CREATE_CONTENT" in page.tasks
        if (account := linked_account(world, page))
    ]
    owner = _owner_of(world, call.node)
    account = next((each for each in accounts if owner is not None and each.user_id == owner.user_id), None)
    if account is None:
        raise object_missing(call.request.method, call.node)
    scopes = tuple(name for name, means in MEANS.items() if set(means) <= set(token.scopes))
    return Token(account, scopes, token.is_long, token.issued_at, token.expires_at)


def linked_account(world: World, page: PretendPage) -> Account | None:
    return world.account_named(page.username) if page.username else None


def _owner_of(world: World, node: str) -> Account | None:
    if node in world.containers:
        return world.containers[node].account
    if node in world.media:
        return world.media[node].account
    if node in world.comments:
        return world.media[world.comments[node].media_id].account
    return world.accounts.get(node)


def _persons_own(call: FacebookCall) -> None:
    if call.token.page is not None:
        raise invalid("Tried accessing nonexisting field (accounts) on node type (Page)")


def _pages_of_business(world: World, call: FacebookCall, ownership: str) -> Json:
    business = world.facebook.business_with(call.node)
    if business is None or business not in world.facebook.businesses_of(call.token.person):
        raise object_missing(call.request.method, call.node)
    pages = [p for p in world.facebook.pages.values() if p.business == business and p.ownership == ownership]
    return _listed(world, call, pages)


def _listed(world: World, call: FacebookCall, pages: list[PretendPage]) -> Json:
    wanted = _wanted(call, "id,name")
    most = world.switches.most_pages_a_page
    found, paging = page_of(pages, call, key=lambda page: page.id, moment=lambda _: world.now, most=most)
    answer: Json = {"data": [_page_fields(world, call, page, wanted) for page in found]}
    return answer | ({"paging": paging} if paging else {})


def _page_fields(world: World, call: FacebookCall, page: PretendPage, wanted: Fields) -> Json:
    has_role = page.person == call.token.person and bool(page.tasks)
    account = linked_account(world, page)
    readers: dict[str, Reader] = {
        "id": lambda: page.id,
        "name": lambda: page.name,
        "tasks": lambda: list(page.tasks) if has_role else None,
        "access_token": lambda: _token_of(world, call, page) if has_role else None,
        "instagram_business_account": lambda: _nested(world, account, wanted["instagram_business_account"]),
    }
    return pick(wanted, readers, "Page")


def _nested(world: World, account: Account | None, wanted: Fields | None) -> Json | None:
    if account is None:
        return None
    return read_instagram_account(world, account, Parameters({"fields": ",".join(wanted or {"id": None})}))


def _token_of(world: World, call: FacebookCall, page: PretendPage) -> str:
    if call.token.page is not None:
        return call.token_text
    return facebook_login.page_token(world, call.token_text, call.token, page)


def _own_page(world: World, call: FacebookCall) -> PretendPage:
    """In the reach of the token: the Page itself, or a person with a role or a business that has it."""
    page = world.facebook.pages.get(call.node)
    token = call.token
    is_reached = page is not None and (
        page == token.page
        or (token.page is None and (page.person == token.person or page.business in _businesses(world, token)))
    )
    if page is None or not is_reached:
        raise object_missing(call.request.method, call.node)
    return page


def _businesses(world: World, token: FacebookToken) -> list[str]:
    return world.facebook.businesses_of(token.person) if BUSINESS in token.scopes else []


def _as_page(world: World, call: FacebookCall) -> PretendPage:
    """Only the Page's own token subscribes it."""
    page = _own_page(world, call)
    if call.token.page is None:
        raise GraphError(PERMISSION_MISSING.saying("(#210) A page access token is required to request this resource."))
    return page


def _wanted(call: FacebookCall, default: str) -> Fields:
    return parse_fields(call.parameters.text("fields") or default)
