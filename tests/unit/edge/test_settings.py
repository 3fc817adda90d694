import pytest

from darkroom import settings
from darkroom.errors import ConfigurationError

POSTS = {
    "ACCOUNTS_TABLE": "accounts",
    "POSTS_TABLE": "posts",
    "CALLERS_TABLE": "callers",
    "MODE": "test",
    "PUBLISH_POST_STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:x",
    "PUBLISH_SCHEDULE_GROUP": "posts",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
    "START_POST_DEAD_LETTER_ARN": "arn:aws:sqs:eu-central-1:123456789012:x",
    "START_POST_FUNCTION_ARN": "arn:aws:lambda:eu-central-1:123456789012:function:x",
}


@pytest.fixture
def environment(monkeypatch):
    """Only what a test puts there."""

    def put(**variables: str) -> None:
        monkeypatch.setattr("os.environ", variables)

    return put


def test_each_field_is_the_variable_of_its_name(environment):
    environment(**POSTS)
    found = settings.PostsSettings.from_environment()
    assert (found.accounts_table, found.mode, found.test_media_hosts) == ("accounts", "test", frozenset())


@pytest.mark.parametrize("missing", POSTS)
@pytest.mark.parametrize("left", [None, "", "   "])
def test_a_missing_variable_is_named(environment, missing, left):
    given = {name: value for name, value in POSTS.items() if name != missing}
    environment(**given, **({missing: left} if left is not None else {}))
    with pytest.raises(ConfigurationError) as caught:
        settings.PostsSettings.from_environment()
    assert missing in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", set()),
        ("127.0.0.1:9000", {"127.0.0.1:9000"}),
        (" a:1 , b:2 ,, ", {"a:1", "b:2"}),
        (",", set()),
    ],
)
def test_a_list_is_separated_by_commas(environment, text, hosts):
    environment(**POSTS, TEST_MEDIA_HOSTS=text)
    assert settings.PostsSettings.from_environment().test_media_hosts == hosts


@pytest.mark.parametrize(("mode", "allowed"), [("test", {"127.0.0.1:9000"}), ("live", set())])
def test_test_hosts_count_in_test_mode_only(environment, mode, allowed):
    environment(**POSTS | {"MODE": mode}, TEST_MEDIA_HOSTS="127.0.0.1:9000")
    assert settings.PostsSettings.from_environment().allowed_media_hosts() == allowed


def test_without_an_issuer_the_rest_of_oidc_has_its_defaults(environment):
    environment(CALLERS_TABLE="callers", MODE="live", OIDC_ISSUER="")
    found = settings.AuthorizerSettings.from_environment()
    assert (found.oidc_issuer, found.oidc_tenant_claim) == ("", "tenant_id")


def test_settings_do_not_change(environment):
    environment(STAGE="dev")
    found = settings.ServiceSettings.from_environment()
    with pytest.raises(AttributeError):
        found.stage = "prod"
