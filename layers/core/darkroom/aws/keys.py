"""
Every partition key, sort key and index name, once. docs/architecture.md lists the access patterns they serve.

    AccountsTable   TENANT#<tenant>       ACCOUNT#<id>    an account; RefreshDue holds them by when to refresh them next
                                          TOKEN#<id>      its encrypted token
                                          DEFAULT         which account is the default
                    INSTAGRAM#<ig id>     HOLDER          the one tenant that holds this Instagram account
                    META_USER#<login>#<app-scoped id>
                                          CONSENT#<tenant>#<id> somebody let us use an account: Meta names it so
                    CONSENTS#<tenant>#<id> <login>#<app-scoped id> the same, by the account; both outlive the connection
                    DELETION#<code>       DELETION        a deletion that Meta asked for, and what is left to tell of it
                    DELETION_OF#<sha256>  DELETION        the latest deletion of one person, by the hash of their id
                    DELETIONS             OPEN#<code>     a deletion that has not ended
    PostsTable      TENANT#<tenant>       POST#<id>       a post; ByAccount lists one account's, Open what is on its way
                                                          and, apart, what is scheduled
                                          TIMELINE#<id>#… what happened to a post (expires)
                                          FINGERPRINT#…   the latest posts of an account with one content (expires)
                                          QUOTA#<account> what Instagram lets an account do (expires)
                                          QUOTA#<account>#<day> slots taken and containers made, by UTC day (expires)
                          RATE#<minute>   how many posts the tenant has sent in that minute (expires)
                    OUTAGE                <step>:<error>  an outage of Instagram's, or the accounts that hint at one
    CallersTable    KEY#<sha256>          KEY             an API key
                    SUBJECT#<sha256>      BLOCK           a user of the OIDC issuer whose tokens are refused
                    CONNECT#<id>          CONNECT         a connect session (expires)
                                          CHOICE          what it is to choose from, with a sealed token (expires)
                    IDEMPOTENCY#<hash>    IDEMPOTENCY     the answer to an Idempotency-Key (expires)
    EventsTable     TENANT#<tenant>       EVENT#<id>      an event, by its natural key; ByTime lists them, Unread holds
                                                          those that nobody has read (expires)
                                          MESSAGE#… THREAD#…  what became of a message, and of a conversation (expire)
                                          COMMENTS#… STORY#…  counted comments of a media, figures of a story
    EndpointsTable  TENANT#<tenant>       ENDPOINT#<id>   where a tenant wants its events sent
                                          SECRETS#<id>    its sealed signing secrets
                                          DELIVERY#<endpoint>#<id> one event on its way to one endpoint (expires); Due
                                                          holds those that have an attempt before them

A tenant id never holds a '#', so no key can be built that reads another tenant's partition.
"""

from datetime import UTC, date, datetime

type Key = dict[str, dict[str, str]]

BY_ACCOUNT = "ByAccount"
OPEN = "Open"
OPEN_PARTITION = "OPEN"
SCHEDULED_PARTITION = "SCHEDULED"
OUTAGE_PARTITION = "OUTAGE"
ACCOUNT_PREFIX = "ACCOUNT#"
CONSENT_PREFIX = "CONSENT#"
OPEN_DELETIONS = "DELETIONS"
OPEN_DELETION_PREFIX = "OPEN#"
POST_PREFIX = "POST#"
EVENT_PREFIX = "EVENT#"
BY_TENANT = "ByTenant"
BY_TIME = "ByTime"
UNREAD = "Unread"
EVENT_INDEXES = {BY_TIME: "events_pk", UNREAD: "unread_pk"}  # and the name of their partition key
ENDPOINT_PREFIX = "ENDPOINT#"
DUE = "Due"
DUE_PARTITION = "DUE"
REFRESH_DUE = "RefreshDue"
REFRESH_PARTITION = "REFRESH"


def _key(pk: str, sk: str) -> Key:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def tenant(tenant_id: str) -> str:
    return f"TENANT#{tenant_id}"


def account(tenant_id: str, account_id: str) -> Key:
    return _key(tenant(tenant_id), ACCOUNT_PREFIX + account_id)


def token(tenant_id: str, account_id: str) -> Key:
    return _key(tenant(tenant_id), f"TOKEN#{account_id}")


def default_account(tenant_id: str) -> Key:
    return _key(tenant(tenant_id), "DEFAULT")


def holder(ig_user_id: str) -> Key:
    return _key(f"INSTAGRAM#{ig_user_id}", "HOLDER")


def meta_user(login: str, app_scoped_id: str) -> str:
    """Partition key: one person may have let us use several accounts."""
    return f"META_USER#{login}#{app_scoped_id}"


def consent(login: str, app_scoped_id: str, tenant_id: str, account_id: str) -> Key:
    return _key(meta_user(login, app_scoped_id), f"{CONSENT_PREFIX}{tenant_id}#{account_id}")


def consents(tenant_id: str, account_id: str) -> str:
    """Partition key: whoever has ever let us use the account."""
    return f"CONSENTS#{tenant_id}#{account_id}"


def consent_by_account(login: str, app_scoped_id: str, tenant_id: str, account_id: str) -> Key:
    return _key(consents(tenant_id, account_id), f"{login}#{app_scoped_id}")


def person_of_consent(sk: str) -> tuple[str, str]:
    """Login and app-scoped id of the sort key of a consent by its account."""
    login, _, app_scoped_id = sk.partition("#")
    return login, app_scoped_id


def account_of_consent(sk: str) -> tuple[str, str]:
    """Tenant and account id of a consent's sort key."""
    tenant_id, _, account_id = sk.removeprefix(CONSENT_PREFIX).partition("#")
    return tenant_id, account_id


def deletion(code: str) -> Key:
    return _key(f"DELETION#{code}", "DELETION")


def latest_deletion(user_hash: str) -> Key:
    return _key(f"DELETION_OF#{user_hash}", "DELETION")


def open_deletion(code: str) -> Key:
    return _key(OPEN_DELETIONS, OPEN_DELETION_PREFIX + code)


def post(tenant_id: str, post_id: str) -> Key:
    return _key(tenant(tenant_id), POST_PREFIX + post_id)


def account_posts(tenant_id: str, account_id: str) -> str:
    """Partition key of the ByAccount index; begins with the tenant, so that IAM can hold it to that."""
    return f"{tenant(tenant_id)}#{account_id}"


def post_of(pk: str, sk: str) -> tuple[str, str]:
    """Tenant id and post id of an item's keys."""
    return pk.removeprefix("TENANT#"), sk.removeprefix(POST_PREFIX)


def timeline_prefix(post_id: str) -> str:
    return f"TIMELINE#{post_id}#"


def timeline(tenant_id: str, post_id: str, mark: str) -> Key:
    return _key(tenant(tenant_id), timeline_prefix(post_id) + mark)


def outage(outage_id: str) -> Key:
    return _key(OUTAGE_PARTITION, outage_id)


def fingerprint(tenant_id: str, account_id: str, sha256: str) -> Key:
    return _key(tenant(tenant_id), fingerprint_prefix(account_id) + sha256)


def fingerprint_prefix(account_id: str) -> str:
    return f"FINGERPRINT#{account_id}#"


def quota_prefix(account_id: str) -> str:
    """Of what Instagram told, and of each day."""
    return f"QUOTA#{account_id}"


def quota(tenant_id: str, account_id: str) -> Key:
    return _key(tenant(tenant_id), quota_prefix(account_id))


def quota_day(tenant_id: str, account_id: str, day: date) -> Key:
    return _key(tenant(tenant_id), f"{quota_prefix(account_id)}#{day.isoformat()}")


def rate(tenant_id: str, minute: datetime) -> Key:
    return _key(tenant(tenant_id), f"RATE#{minute.astimezone(UTC):%Y-%m-%dT%H:%M}")


def event(tenant_id: str, event_id: str) -> Key:
    return _key(tenant(tenant_id), EVENT_PREFIX + event_id)


def event_state(tenant_id: str, item: str) -> Key:
    """What events have changed; effects.py names the items."""
    return _key(tenant(tenant_id), item)


def endpoint(tenant_id: str, endpoint_id: str) -> Key:
    return _key(tenant(tenant_id), ENDPOINT_PREFIX + endpoint_id)


def endpoint_secrets(tenant_id: str, endpoint_id: str) -> Key:
    return _key(tenant(tenant_id), f"SECRETS#{endpoint_id}")


def delivery_prefix(endpoint_id: str) -> str:
    return f"DELIVERY#{endpoint_id}#"


def delivery(tenant_id: str, endpoint_id: str, delivery_id: str) -> Key:
    return _key(tenant(tenant_id), delivery_prefix(endpoint_id) + delivery_id)


def delivery_of(pk: str, sk: str) -> tuple[str, str, str]:
    """Tenant, endpoint and delivery id of an item's keys."""
    _, endpoint_id, delivery_id = sk.split("#")
    return pk.removeprefix("TENANT#"), endpoint_id, delivery_id


def api_key(sha256: str) -> Key:
    return _key(f"KEY#{sha256}", "KEY")


def blocked_subject(sha256: str) -> Key:
    return _key(f"SUBJECT#{sha256}", "BLOCK")


def connect_session(session_id: str) -> Key:
    return _key(f"CONNECT#{session_id}", "CONNECT")


def connect_choice(session_id: str) -> Key:
    return _key(f"CONNECT#{session_id}", "CHOICE")


def idempotency(digest: str) -> Key:
    return _key(f"IDEMPOTENCY#{digest}", "IDEMPOTENCY")
