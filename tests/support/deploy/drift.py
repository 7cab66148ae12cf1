"""Manual changes of a stage, one of each kind."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from support.deploy.trial import ACCOUNT, REGION, Trial

ASSUMED_BY_LAMBDA = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def allowing(action: str, resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Drift:
    """A stage with manual changes."""

    trial: Trial
    stage: str

    def client(self, service: str) -> Any:
        return self.trial.cloud.client(service)

    def function(self, service: str, name: str) -> str:
        if self.stage == "trial":
            return f"toyshop-trial-{service}-{name}"
        chalice = f"toyshop-{service}-own-{name.replace('-', '_')}"
        return chalice.removesuffix("-api_handler")

    def role(self, service: str, name: str) -> str:
        chalice = f"toyshop-{service}-own-{name.replace('-', '_')}"
        return self.function(service, name) if self.stage == "trial" else chalice

    def name(self, rest: str) -> str:
        return f"toyshop-{self.stage}-{rest}"

    def queue(self, rest: str) -> str:
        return f"{self.trial.aws}/{ACCOUNT}/{self.name(rest)}"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def code_of(self, function: str) -> bytes:
        location = self.client("lambda").get_function(FunctionName=function)["Code"]["Location"]
        return self.trial.download(location)


Planted = Callable[[Drift], None]
Expected = tuple[str, str, str, str]
"""Kind, name, state and path of a difference; the name is a format string."""

CHANGES: list[tuple[Planted, Expected]] = []


def drift(kind: str, name: str, state: str = "changed", path: str = "") -> Any:
    def keep(plant: Planted) -> Planted:
        CHANGES.append((plant, (kind, name, state, path)))
        return plant

    return keep


@drift("function", "{orders}", path="Environment.Variables.TABLE_NAME")
@drift("function", "{orders}", path="Environment.Variables.MY_OWN")
def setting(at: Drift) -> None:
    function = {"FunctionName": at.function("orders", "api-handler")}
    client = at.client("lambda")
    variables = client.get_function_configuration(**function)["Environment"]["Variables"]
    variables |= {"TABLE_NAME": "another", "MY_OWN": "not to be shown"}
    client.update_function_configuration(**function, Environment={"Variables": variables})


@drift("function", "{notifications}", path="Timeout")
@drift("function", "{notifications}", path="MemorySize")
@drift("function", "{notifications}", path="Role")
def configuration(at: Drift) -> None:
    at.client("lambda").update_function_configuration(
        FunctionName=at.function("notifications", "api-handler"),
        Timeout=61,
        MemorySize=1024,
        Role=f"arn:aws:iam::{ACCOUNT}:role/{at.role('orders', 'api-handler')}",
    )


@drift("function", "{toys}", path="chalicelib/toys/domain.py")
@drift("function", "{toys}", path="chalicelib/by_hand.py")
def code(at: Drift) -> None:
    function = at.function("toys", "api-handler")
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(at.code_of(function))) as old,
        zipfile.ZipFile(changed, "w") as new,
    ):
        for entry in old.infolist():
            content = old.read(entry)
            edited = b"# edited manually\n" * (entry.filename == "chalicelib/toys/domain.py")
            new.writestr(entry, content + edited)
        new.writestr("chalicelib/by_hand.py", "")
    at.client("lambda").update_function_code(FunctionName=function, ZipFile=changed.getvalue())


@drift("function", "{file_manager}", path="ReservedConcurrentExecutions")
def concurrency(at: Drift) -> None:
    at.client("lambda").put_function_concurrency(
        FunctionName=at.function("file-manager", "api-handler"), ReservedConcurrentExecutions=3
    )


@drift("function", "{charge}", path="EventInvokeConfig.MaximumRetryAttempts")
def retries(at: Drift) -> None:
    # the embedded AWS stores a stack's settings under another qualifier than Chalice's
    qualifier = {"Qualifier": "$LATEST"} if at.stage == "trial" else {}
    at.client("lambda").put_function_event_invoke_config(
        FunctionName=at.function("payments", "charge"), MaximumRetryAttempts=0, **qualifier
    )


@drift("function", "{payments}", path="InvokedBy")
def permission(at: Drift) -> None:
    at.client("lambda").add_permission(
        FunctionName=at.function("payments", "api-handler"),
        StatementId="anyone",
        Action="lambda:InvokeFunction",
        Principal="*",
    )


@drift("event source mapping", "{relay} ← {stage}-orders", path="BatchSize")
@drift("event source mapping", "{relay} ← {stage}-orders", path="Enabled")
def mapping(at: Drift) -> None:
    client = at.client("lambda")
    function = at.function("orders", "on-dynamodb-record")
    (found,) = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=found["UUID"], BatchSize=1, Enabled=False)


@drift("event source mapping", "{relay} ← {stage}-payments-charge-retry", "extra")
def second_mapping(at: Drift) -> None:
    at.client("lambda").create_event_source_mapping(
        FunctionName=at.function("orders", "on-dynamodb-record"),
        EventSourceArn=at.arn("sqs", at.name("payments-charge-retry")),
    )


@drift("subscription", "{charge} ← {stage}-orders-events", path="FilterPolicy.type")
def filter_policy(at: Drift) -> None:
    sns = at.client("sns")
    topic = at.arn("sns", at.name("orders-events"))
    (found,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=found["SubscriptionArn"],
        AttributeName="FilterPolicy",
        AttributeValue=json.dumps({"type": ["shop.order.placed.v1"]}),
    )


@drift("subscription", "{stage}-payments-charge-retry ← {stage}-payments-events", "extra")
def second_subscription(at: Drift) -> None:
    at.client("sns").subscribe(
        TopicArn=at.arn("sns", at.name("payments-events")),
        Protocol="sqs",
        Endpoint=at.arn("sqs", at.name("payments-charge-retry")),
    )


@drift("queue", "{stage}-payments-charge-retry", path="VisibilityTimeout")
@drift("queue", "{stage}-payments-charge-retry", path="MessageRetentionPeriod")
@drift("queue", "{stage}-payments-charge-retry", path="RedrivePolicy.maxReceiveCount")
def queue(at: Drift) -> None:
    target = at.arn("sqs", at.name("payments-charge-dead-letters"))
    redrive = {"deadLetterTargetArn": target, "maxReceiveCount": 1}
    at.client("sqs").set_queue_attributes(
        QueueUrl=at.queue("payments-charge-retry"),
        Attributes={
            "VisibilityTimeout": "1",
            "MessageRetentionPeriod": "60",
            "RedrivePolicy": json.dumps(redrive),
        },
    )


@drift("queue", "{stage}-file-manager-uploads", path="Policy.Statement.Anyone")
def queue_policy(at: Drift) -> None:
    policy = allowing("sqs:*", Principal="*", Sid="Anyone")
    at.client("sqs").set_queue_attributes(
        QueueUrl=at.queue("file-manager-uploads"), Attributes={"Policy": policy}
    )


@drift("topic", "{stage}-orders-events", path="Policy.Statement.Anyone")
def topic_policy(at: Drift) -> None:
    at.client("sns").set_topic_attributes(
        TopicArn=at.arn("sns", at.name("orders-events")),
        AttributeName="Policy",
        AttributeValue=allowing("sns:Publish", Principal="*", Sid="Anyone"),
    )


@drift("table", "{stage}-orders", path="GlobalSecondaryIndexes.by_hand")
@drift("table", "{stage}-orders", path="PointInTimeRecovery")
@drift("table", "{stage}-orders", path="TimeToLive")
def table(at: Drift) -> None:
    client, name = at.client("dynamodb"), at.name("orders")
    index = {
        "IndexName": "by_hand",
        "KeySchema": [{"AttributeName": "placed", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    attributes = client.describe_table(TableName=name)["Table"]["AttributeDefinitions"]
    client.update_table(
        TableName=name,
        AttributeDefinitions=attributes,
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    client.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    client.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True}
    )


@drift("table", "{stage}-notifications", path="DeletionProtection")
def protection(at: Drift) -> None:
    at.client("dynamodb").update_table(
        TableName=at.name("notifications"), DeletionProtectionEnabled=True
    )


@drift("bucket", "{stage}-file-manager-public", path="PublicAccessBlock.BlockPublicPolicy")
@drift("bucket", "{stage}-file-manager-public", path="Versioning")
def bucket(at: Drift) -> None:
    storage, name = at.client("s3"), at.name("file-manager-public")
    storage.delete_public_access_block(Bucket=name)
    storage.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


@drift("role", "{orders_role}", path="Policies.by-hand")
@drift("role", "{orders_role}", path="ManagedPolicies")
def role(at: Drift) -> None:
    iam, name = at.client("iam"), at.role("orders", "api-handler")
    iam.put_role_policy(RoleName=name, PolicyName="by-hand", PolicyDocument=allowing("s3:*"))
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")


@drift("role", "{relay_role}", path="Policies.{relay_policy}.Statement.TopicOrdersEvents.Resource")
def widened_policy(at: Drift) -> None:
    iam, name = at.client("iam"), at.role("orders", "on-dynamodb-record")
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    for statement in document["Statement"]:
        if statement["Sid"] == "TopicOrdersEvents":
            statement["Resource"] = "*"
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


@drift("API", "{orders_api}", path="Policy.Statement.Anyone")
@drift("API", "{orders_api}", path="Routes.GET /orders.Authorization")
@drift("API", "{orders_api}", path="Routes.POST /by-hand")
def api(at: Drift) -> None:
    gateway = at.client("apigateway")
    api_id = at.trial.published("orders/api-id", at.stage)
    open_to_all = allowing("execute-api:Invoke", "execute-api:/*", Principal="*", Sid="Anyone")
    gateway.update_rest_api(
        restApiId=api_id,
        patchOperations=[{"op": "replace", "path": "/policy", "value": open_to_all}],
    )
    resources = gateway.get_resources(restApiId=api_id, limit=500)["items"]
    by_path = {resource["path"]: resource["id"] for resource in resources}
    gateway.update_method(
        restApiId=api_id,
        resourceId=by_path["/orders"],
        httpMethod="GET",
        patchOperations=[{"op": "replace", "path": "/authorizationType", "value": "NONE"}],
    )
    added = gateway.create_resource(restApiId=api_id, parentId=by_path["/"], pathPart="by-hand")
    gateway.put_method(
        restApiId=api_id, resourceId=added["id"], httpMethod="POST", authorizationType="NONE"
    )


@drift("alarm", "{stage}-orders-relay-dead-letters", "missing")
def deleted_alarm(at: Drift) -> None:
    at.client("cloudwatch").delete_alarms(AlarmNames=[at.name("orders-relay-dead-letters")])


@drift("alarm", "{stage}-payments-charge-dead-letters", path="Threshold")
def alarm(at: Drift) -> None:
    client = at.client("cloudwatch")
    names = [at.name("payments-charge-dead-letters")]
    (found,) = client.describe_alarms(AlarmNames=names)["MetricAlarms"]
    kept = ("AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    kept += ("EvaluationPeriods", "ComparisonOperator", "TreatMissingData")
    client.put_metric_alarm(**{name: found[name] for name in kept}, Threshold=1000)


@drift("parameter", "/toyshop/{bare}/notifications/api-url", path="Value")
@drift("parameter", "/toyshop/{bare}/orders/by-hand", "extra")
def parameters(at: Drift) -> None:
    ssm, prefix = at.client("ssm"), f"/toyshop/{at.stage}"
    ssm.put_parameter(
        Name=f"{prefix}/notifications/api-url", Value="https://x", Type="String", Overwrite=True
    )
    ssm.put_parameter(Name=f"{prefix}/orders/by-hand", Value="x", Type="String")


@drift("user pool", "{stage}-storefront-api-users", path="PasswordPolicy.MinimumLength")
@drift("user pool", "{stage}-storefront-api-users", path="Groups")
@drift(
    "user pool",
    "{stage}-storefront-api-users",
    path="UserAttributeUpdateSettings.AttributesRequireVerificationBeforeUpdate",
)
@drift(
    "user pool",
    "{stage}-storefront-api-users",
    path="Clients.{stage}-storefront-api.WriteAttributes",
)
def user_pool(at: Drift) -> None:
    client = at.client("cognito-idp")
    pool = at.trial.published("storefront-api/user-pool-id", at.stage)
    client.update_user_pool(
        UserPoolId=pool,
        Policies={"PasswordPolicy": {"MinimumLength": 6, "RequireSymbols": False}},
        UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": []},
    )
    client.update_user_pool_client(
        UserPoolId=pool,
        ClientId=at.trial.published("storefront-api/user-pool-client-id", at.stage),
        WriteAttributes=["email", "name", "nickname"],
    )
    client.create_group(UserPoolId=pool, GroupName="by-hand")


@drift("queue", "{stage}-orders-by-hand", "extra")
@drift("topic", "{stage}-by-hand", "extra")
@drift("table", "{stage}-by-hand", "extra")
@drift("bucket", "{stage}-by-hand", "extra")
@drift("role", "{stage}-by-hand", "extra")
@drift("function", "{stage}-by-hand", "extra")
@drift("alarm", "{stage}-by-hand", "extra")
@drift("secret", "{stage}-by-hand", "extra")
@drift("API", "{stage}-by-hand", "extra")
def owned_by_no_stack(at: Drift) -> None:
    name = at.name("by-hand")
    at.client("sqs").create_queue(QueueName=at.name("orders-by-hand"))
    at.client("sns").create_topic(Name=name)
    at.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    at.client("s3").create_bucket(Bucket=name)
    at.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=ASSUMED_BY_LAMBDA)
    nothing = io.BytesIO()
    with zipfile.ZipFile(nothing, "w") as made:
        made.writestr("app.py", "def app(event, context): pass\n")
    at.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.app",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        Code={"ZipFile": nothing.getvalue()},
    )
    at.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="x",
        MetricName="x",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    at.client("secretsmanager").create_secret(Name=name, SecretString="hush")
    at.client("apigateway").create_rest_api(name=name)


def named(at: Drift, text: str) -> str:
    """Return the name of a difference on a stage."""
    return text.format(
        stage=f"toyshop-{at.stage}",
        bare=at.stage,
        orders=at.function("orders", "api-handler"),
        toys=at.function("toys", "api-handler"),
        payments=at.function("payments", "api-handler"),
        notifications=at.function("notifications", "api-handler"),
        file_manager=at.function("file-manager", "api-handler"),
        charge=at.function("payments", "charge"),
        relay=at.function("orders", "on-dynamodb-record"),
        orders_role=at.role("orders", "api-handler"),
        relay_role=at.role("orders", "on-dynamodb-record"),
        relay_policy="OnDynamodbRecordRolePolicy"
        if at.stage == "trial"
        else at.role("orders", "on-dynamodb-record"),
        orders_api=at.name("orders"),
    )


def reported(at: Drift, answer: dict[str, Any]) -> Iterator[Expected]:
    """Yield the differences in the output of `./shop diff --json`."""
    for found in answer["resources"]:
        if found["state"] != "changed":
            yield found["kind"], found["name"], found["state"], ""
        for change in found.get("changes", []):
            yield found["kind"], found["name"], "changed", change["path"]


def undo(at: Drift) -> None:
    """Remove what would prevent the stage from being deleted."""
    name, client = at.name("by-hand"), at.client
    client("sqs").delete_queue(QueueUrl=at.queue("orders-by-hand"))
    relay = at.function("orders", "on-dynamodb-record")
    mappings = client("lambda").list_event_source_mappings(FunctionName=relay)
    for mapping in mappings["EventSourceMappings"]:
        if ":sqs:" in mapping["EventSourceArn"]:
            client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
    client("sns").delete_topic(TopicArn=at.arn("sns", name))
    client("dynamodb").delete_table(TableName=name)
    client("dynamodb").update_table(
        TableName=at.name("notifications"), DeletionProtectionEnabled=False
    )
    client("s3").delete_bucket(Bucket=name)
    client("lambda").delete_function(FunctionName=name)
    client("iam").delete_role(RoleName=name)
    role = at.role("orders", "api-handler")
    client("iam").delete_role_policy(RoleName=role, PolicyName="by-hand")
    client("iam").detach_role_policy(
        RoleName=role, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"
    )
    client("cloudwatch").delete_alarms(AlarmNames=[name])
    client("ssm").delete_parameter(Name=f"/toyshop/{at.stage}/orders/by-hand")
    client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    for api in client("apigateway").get_rest_apis(limit=500)["items"]:
        if api["name"] == name:
            client("apigateway").delete_rest_api(restApiId=api["id"])


def plant(at: Drift) -> None:
    """Make all manual changes."""
    for planted in dict.fromkeys(planted for planted, _ in CHANGES):
        planted(at)


def expected(at: Drift) -> set[Expected]:
    """Return the differences that have to be reported then."""
    return {
        (kind, named(at, name), state, named(at, path)) for _, (kind, name, state, path) in CHANGES
    }
