"""Each function has the rights of its own role and no others: what the template does not grant is refused."""

import copy

import httpx
import pytest

from devstack.template import FUNCTION, of_type
from tests.stack import aws
from tests.stack.canaries import Canaries
from tests.stack.clouds import STATE, running_cloud
from tests.stack.people import Owner, Tenant
from tests.stack.pretend import PretendInstagram

READS_TOKENS = {
    "BeginPostFunction",
    "CreateContainerFunction",
    "CheckContainerFunction",
    "PublishContainerFunction",
    "ConfirmPublishFunction",
    "AddFirstCommentFunction",
    "TurnCommentsOffFunction",
    "ReadPermalinkFunction",
    "DisconnectAccountFunction",
    "PublishingLimitFunction",
    "RefreshAccountFunction",
    "RefreshTokenFunction",
}
# They judge what Meta signs, with the secret of either app; or whether it is there.
KNOWS_BOTH_SECRETS = {"DeauthorizeFunction", "DataDeletionFunction", "AccountHealthFunction"}
READS_THE_APP_SECRET = KNOWS_BOTH_SECRETS | {"ConnectFunction", "ConnectCallbackFunction", "WebhookReceiverFunction"}
# Whoever calls for an account of Facebook Login proves the app.
READS_THE_META_APP_SECRET = (
    KNOWS_BOTH_SECRETS
    | READS_TOKENS
    | {
        "ConnectFunction",
        "WebhookReceiverFunction",
        "ConnectFacebookCallbackFunction",
        "ChooseAccountFunction",
    }
)


@pytest.fixture(scope="module")
def roles(cloud, all_functions):
    return {function: aws.as_role_of(cloud, function) for function in all_functions}


@pytest.fixture(scope="module")
def all_functions(template):
    return sorted(of_type(template, FUNCTION))


@pytest.fixture(scope="module")
def token(cloud, new_tenant, connect):
    """What it takes to open one account's token: the arguments of kms.decrypt, and where the sealed token lies."""
    owner = new_tenant()
    account = connect(owner)
    item = aws.items_of(cloud, "AccountsTableName", owner.id)[f"TOKEN#{account.id}"]
    return {
        "KeyId": item["key_arn"]["S"],
        "CiphertextBlob": item["wrapped_key"]["B"],
        "EncryptionContext": {"tenant_id": owner.id, "account_id": account.id},
    }


def test_only_the_functions_that_call_instagram_can_decrypt_a_token(cloud, roles, token):
    outcomes = {name: aws.outcome(cloud, role, "kms", "decrypt", **token) for name, role in roles.items()}
    expected = {name: "ok" if name in READS_TOKENS else "AccessDeniedException" for name in roles}
    assert outcomes == expected


def test_nobody_can_decrypt_a_token_without_naming_the_account(cloud, roles, token):
    unnamed = token | {"EncryptionContext": {"tenant_id": token["EncryptionContext"]["tenant_id"]}}
    outcomes = {name: aws.outcome(cloud, role, "kms", "decrypt", **unnamed) for name, role in roles.items()}
    assert set(outcomes.values()) == {"AccessDeniedException"}


@pytest.mark.parametrize(
    ("output", "readers"),
    [("InstagramAppSecretArn", READS_THE_APP_SECRET), ("MetaAppSecretArn", READS_THE_META_APP_SECRET)],
)
def test_only_who_needs_an_apps_secret_can_read_it(cloud, roles, output, readers):
    secret = {"SecretId": cloud.outputs[output]}
    outcomes = {
        name: aws.outcome(cloud, role, "secretsmanager", "get_secret_value", **secret) for name, role in roles.items()
    }
    assert outcomes == {name: "ok" if name in readers else "AccessDeniedException" for name in roles}


def test_the_token_of_a_choice_is_opened_where_the_choice_arrives_and_not_where_it_is_sealed(cloud, roles, token):
    """It is named by its session, as a token of an account is by its account."""
    context = {"tenant_id": "t", "account_id": "con_01M800000000000000000000AA"}
    key = {"KeyId": token["KeyId"], "EncryptionContext": context}
    sealed = cloud.client("kms").generate_data_key(KeySpec="AES_256", **key)["CiphertextBlob"]
    outcomes = {
        name: aws.outcome(cloud, roles[name], "kms", "decrypt", CiphertextBlob=sealed, **key)
        for name in ("ChooseAccountFunction", "ConnectFacebookCallbackFunction", "ConnectCallbackFunction")
    }
    assert [name for name, outcome in outcomes.items() if outcome == "ok"] == ["ChooseAccountFunction"]


def test_no_function_can_read_a_table_whole(cloud, roles):
    for table in aws.TABLES:
        outcomes = {
            name: aws.outcome(cloud, role, "dynamodb", "scan", TableName=cloud.outputs[table])
            for name, role in roles.items()
        }
        assert set(outcomes.values()) == {"AccessDeniedException"}, table


def without(action: str, function: str):
    """The template, but for one permission of one function."""

    def edit(as_read):
        template = copy.deepcopy(as_read)
        taken = 0
        for policy in template["Resources"][function]["Properties"]["Policies"]:
            for statement in policy["Statement"]:
                taken += statement["Action"].count(action)
                statement["Action"] = [each for each in statement["Action"] if each != action]
            policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
        assert taken == 1, f"{function} has no {action} to lose"
        return template

    return edit


@pytest.fixture
def cloud_without(canaries):
    """A cloud whose template lacks one permission."""

    def start(action, function):
        return running_cloud(STATE / "poorer", canaries, edit_template=without(action, function))

    return start


@pytest.mark.parametrize(
    ("function", "action", "error"),
    [
        ("CreateContainerFunction", "kms:Decrypt", "TokenUnreadableError"),
        ("PublishContainerFunction", "dynamodb:UpdateItem", "AccessDeniedException"),
    ],
)
def test_without_a_permission_its_step_fails_and_nothing_goes_live(cloud_without, clients, function, action, error):
    with cloud_without(action, function) as poorer, httpx.Client(base_url=poorer.simulator_url) as simulator:
        tenant = _tenant_of(poorer, clients, PretendInstagram(simulator, Canaries()))
        post = tenant.publish()
        assert (post["state"], post["problem"]["actor"]) == ("failed", "operator"), post["problem"]
        assert (function.removesuffix("Function"), error) in aws.failures(poorer, post["id"])
        assert tenant.instagram.live("lumen.bakery") == []


def _tenant_of(cloud, clients, instagram):
    key = cloud.issue_api_key("poor")
    tenant = Tenant("poor", clients(cloud.api_url, key), instagram, Canaries())
    assert Owner("lumen.bakery", clients(), tenant.canaries).connect(tenant.link()).status_code == 200
    return tenant
