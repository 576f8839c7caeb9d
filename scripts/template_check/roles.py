"""May each role do what its function needs, and nothing else?

The roles' policies are evaluated as IAM would, for the few operators that they use. An unknown operator or role fails, so that
a new one is not taken for granted.
"""

import sys
from fnmatch import fnmatchcase

from .template import listed

FUNCTIONS = ("Directory", "Credentials", "Avatars", "Changes", "GraphQLFunction")
# Those that SAM gives every function.
MANAGED = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}

TABLE, INDEX, STREAM, OBJECT = "Table", "Table/index", "Table/stream/1", "Bucket"
TRANSACTION = {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}


def key(name):
    return {"dynamodb:LeadingKeys": [name]}


# role, action, resource, request context, allowed
PROMISE = [
    ("Directory", "dynamodb:GetItem", TABLE, key("USER#1"), True),
    ("Directory", "dynamodb:GetItem", TABLE, key("NAME#ada"), True),
    ("Directory", "dynamodb:Query", TABLE, key("USER#1"), True),
    ("Directory", "dynamodb:Query", INDEX, key("7"), True),
    ("Directory", "dynamodb:DescribeTable", TABLE, {}, True),
    ("Credentials", "dynamodb:DescribeTable", TABLE, {}, False),
    ("Directory", "dynamodb:PutItem", TABLE, key("NAME#ada") | TRANSACTION, True),
    ("Directory", "dynamodb:UpdateItem", TABLE, key("USER#1") | TRANSACTION, True),
    ("Directory", "dynamodb:ConditionCheckItem", TABLE, key("USER#1") | TRANSACTION, True),
    ("Directory", "dynamodb:DeleteItem", TABLE, key("USER#1") | TRANSACTION, True),
    # It counts quotas, and can neither read nor forget how many wrong passwords there were.
    ("Directory", "dynamodb:UpdateItem", TABLE, key("LIMIT#QUOTA#billing#default"), True),
    *[("Directory", f"dynamodb:{action}", TABLE, key("LIMIT#QUOTA#billing#default"), False) for action in ("GetItem", "PutItem", "DeleteItem")],
    *[
        ("Directory", f"dynamodb:{action}", TABLE, key(f"LIMIT#ATTEMPT#{item}"), False)
        for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
        for item in ("PAIR#0a#billing", "NAME#0a", "CALLER#billing")
    ],
    *[
        (role, f"dynamodb:{action}", TABLE, key(item), True)
        for role in ("Credentials", "GraphQLFunction")
        for action in ("BatchGetItem", "UpdateItem")
        for item in ("LIMIT#ATTEMPT#CALLER#billing", "LIMIT#QUOTA#billing#default")
    ],
    # A credential is forgotten with its user and never read, nor deleted alone: that could return the old item.
    ("Directory", "dynamodb:DeleteItem", TABLE, key("CRED#1") | TRANSACTION, False),
    ("Directory", "dynamodb:DeleteItem", TABLE, key("CRED#1"), False),
    ("Directory", "dynamodb:GetItem", TABLE, key("CRED#1"), False),
    ("Directory", "dynamodb:Query", TABLE, key("CRED#1"), False),
    ("Directory", "dynamodb:PutItem", TABLE, key("CRED#1") | TRANSACTION, False),
    ("Directory", "dynamodb:UpdateItem", TABLE, key("CRED#1"), False),
    ("Directory", "dynamodb:ConditionCheckItem", TABLE, key("CRED#1") | TRANSACTION, False),
    ("Directory", "dynamodb:GetItem", TABLE, key("IDEM#billing#1"), False),
    ("Directory", "dynamodb:PutItem", TABLE, key("IDEM#billing#1"), False),
    # A request for two items is refused when one of them is not theirs, and one that names no key always.
    ("Directory", "dynamodb:GetItem", TABLE, {"dynamodb:LeadingKeys": ["USER#1", "CRED#1"]}, False),
    ("Directory", "dynamodb:GetItem", TABLE, {}, False),
    ("Credentials", "dynamodb:GetItem", TABLE, key("CRED#1"), True),
    ("Credentials", "dynamodb:BatchGetItem", TABLE, key("CRED#1"), True),
    ("Credentials", "dynamodb:PutItem", TABLE, key("CRED#1") | TRANSACTION, True),
    ("Credentials", "dynamodb:PutItem", TABLE, key("IDEM#billing#1") | TRANSACTION, True),
    ("Credentials", "dynamodb:PutItem", TABLE, key("USER#1") | TRANSACTION, True),
    ("Credentials", "dynamodb:GetItem", TABLE, key("NAME#ada"), True),
    ("Credentials", "dynamodb:GetItem", TABLE, {}, False),
    ("Credentials", "dynamodb:Query", INDEX, key("7"), False),
    ("Directory", "s3:GetObject", f"{OBJECT}/avatars/1", {}, True),
    ("Directory", "s3:PutObject", f"{OBJECT}/uploads/1", {}, True),
    ("Directory", "s3:PutObject", f"{OBJECT}/avatars/1", {}, False),
    ("Directory", "s3:ListBucket", OBJECT, {}, False),
    ("Directory", "s3:DeleteObject", f"{OBJECT}/uploads/1", {}, True),
    ("Directory", "s3:GetObject", f"{OBJECT}/uploads/1", {}, False),
    ("Credentials", "s3:PutObject", f"{OBJECT}/uploads/1", {}, False),
    # Whoever decodes what strangers send reaches pictures and users, and no name, no credential and no list.
    ("Avatars", "dynamodb:UpdateItem", TABLE, key("USER#1"), True),
    ("Avatars", "dynamodb:GetItem", TABLE, key("USER#1"), True),
    ("Avatars", "s3:GetObject", f"{OBJECT}/uploads/1", {}, True),
    ("Avatars", "s3:PutObject", f"{OBJECT}/avatars/1", {}, True),
    ("Avatars", "s3:DeleteObject", f"{OBJECT}/avatars/1", {}, True),
    ("Avatars", "s3:PutObject", f"{OBJECT}/uploads/1", {}, False),
    ("Avatars", "s3:ListBucket", OBJECT, {}, False),
    *[
        ("Avatars", f"dynamodb:{action}", TABLE, key(item), False)
        for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
        for item in ("CRED#1", "NAME#ada", "IDEM#billing#1", "LIMIT#QUOTA#billing#default", "LIMIT#ATTEMPT#CALLER#billing")
    ],
    # A deleted user's pictures and files go along, and one user's pictures are found by their folder.
    ("Credentials", "dynamodb:Query", TABLE, key("USER#1"), True),
    ("Credentials", "dynamodb:Query", TABLE, key("CRED#1"), False),
    ("Credentials", "s3:DeleteObject", f"{OBJECT}/avatars/1", {}, True),
    ("Credentials", "s3:DeleteObject", f"{OBJECT}/uploads/1", {}, True),
    ("Credentials", "s3:PutObject", f"{OBJECT}/avatars/1", {}, False),
    ("Credentials", "s3:GetObject", f"{OBJECT}/uploads/1", {}, False),
    *[
        (role, "s3:ListBucket", OBJECT, context, allowed)
        for role in ("Directory", "Credentials", "Avatars", "GraphQLFunction")
        for context, allowed in [({"s3:prefix": ["avatars/1/"]}, True), ({"s3:prefix": ["uploads/"]}, False), ({}, False)]
    ],
    ("Avatars", "dynamodb:Query", INDEX, key("7"), False),
    ("Avatars", "dynamodb:DeleteItem", TABLE, key("USER#1"), False),
    # Whoever tells of changes reads the stream, and neither the table nor a picture.
    *[
        ("Changes", f"dynamodb:{action}", STREAM, {}, True)
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    ],
    ("Changes", "dynamodb:GetRecords", f"{TABLE}/stream/other", {}, False),
    ("Changes", "events:PutEvents", "Bus", {}, True),
    ("Changes", "events:PutEvents", "another bus", {}, False),
    ("Changes", "events:PutRule", "Bus", {}, False),
    ("Changes", "sqs:SendMessage", "UntoldChanges", {}, True),
    ("Changes", "sqs:SendMessage", "Uploads", {}, False),
    *[
        ("Changes", f"dynamodb:{action}", TABLE, key(item), False)
        for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
        for item in ("USER#1", "CRED#1", "NAME#ada", "IDEM#billing#1", "LIMIT#QUOTA#billing#default", "LIMIT#ATTEMPT#CALLER#billing")
    ],
    ("Changes", "s3:GetObject", f"{OBJECT}/avatars/1", {}, False),
    *[
        (role, action, resource, {}, False)
        for role in ("Directory", "Credentials", "Avatars")
        for action, resource in (("dynamodb:GetRecords", STREAM), ("events:PutEvents", "Bus"))
    ],
    # The GraphQL door does what both do, and no more.
    ("GraphQLFunction", "dynamodb:GetItem", TABLE, key("CRED#1"), True),
    ("GraphQLFunction", "dynamodb:BatchGetItem", TABLE, key("USER#1"), True),
    ("GraphQLFunction", "dynamodb:Query", INDEX, key("7"), True),
    ("GraphQLFunction", "dynamodb:GetItem", TABLE, {}, False),
    ("GraphQLFunction", "s3:GetObject", f"{OBJECT}/avatars/1", {}, True),
    ("GraphQLFunction", "s3:PutObject", f"{OBJECT}/uploads/1", {}, True),
    ("GraphQLFunction", "s3:PutObject", f"{OBJECT}/avatars/1", {}, False),
    ("GraphQLFunction", "s3:DeleteObject", f"{OBJECT}/avatars/1", {}, True),
    ("GraphQLFunction", "s3:GetObject", f"{OBJECT}/uploads/1", {}, False),
    # The pepper is for those who hash.
    *[
        (role, "ssm:GetParameter", "Pepper", {}, role in ("Credentials", "GraphQLFunction"))
        for role in ("Directory", "Credentials", "Avatars", "Changes", "GraphQLFunction")
    ],
    ("Credentials", "ssm:GetParameter", "Pepper/other", {}, False),
    *[
        ("Avatars", f"sqs:{action}", queue, {}, queue == "Uploads" and action != "SendMessage")
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage")
        for queue in ("Uploads", "FailedUploads", "UntoldChanges")
    ],
    # Whoever shifts traffic moves aliases of these functions, and cannot change, call or read them.
    *[
        ("Deploy", f"lambda:{action}", function, {}, action in ("GetAlias", "UpdateAlias") and function != "another")
        for action in ("GetAlias", "UpdateAlias", "UpdateFunctionCode", "UpdateFunctionConfiguration", "InvokeFunction", "GetFunction")
        for function in ("Directory", "Credentials", "Avatars", "Changes", "GraphQLFunction", "another")
    ],
    ("Deploy", "cloudwatch:DescribeAlarms", "*", {}, True),
    *[
        ("Deploy", action, "*", {}, False)
        for action in ("cloudwatch:PutMetricAlarm", "cloudwatch:DisableAlarmActions", "sns:Publish", "iam:PassRole", "s3:GetObject")
    ],
    *[
        (role, f"dynamodb:{action}", resource, {}, False)
        for role in ("Directory", "Credentials", "Avatars", "Changes", "GraphQLFunction")
        for action in ("Scan", "BatchGetItem", "BatchWriteItem", "PartiQLSelect", "DeleteTable", "GetRecords")
        for resource in (TABLE, INDEX)
    ],
]


def holds(operator, condition, context):
    for name, wanted in condition.items():
        actual, wanted = context.get(name, []), listed(wanted)
        match operator:
            case "ForAllValues:StringLike":
                held = all(any(fnmatchcase(a, w) for w in wanted) for a in actual)
            case "StringLike":
                held = bool(actual) and all(any(fnmatchcase(a, w) for w in wanted) for a in actual)
            case "ForAnyValue:StringEquals":
                held = any(a in wanted for a in actual)
            case "Null":
                held = (not actual) == (wanted == ["true"])
            case _:
                sys.exit(f"template-check does not know the operator {operator}")
        if not held:
            return False
    return True


def resource_name(resource):
    """`Table`, `Table/index/*`, `Bucket/avatars/*` for what stands for their ARNs; `Restored` for the table after a restore."""
    if isinstance(resource, dict):
        ((function, resource),) = resource.items()
        if function == "Fn::GetAtt":
            name, attribute = resource
            return STREAM if attribute == "StreamArn" else name
    name = resource.replace("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${RestoredTable}", "Restored")
    name = name.replace("/stream/${RestoredTableStream}", "/stream/1")
    name = name.replace("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${PepperParameter}", "Pepper")
    return name.removeprefix("${").replace(".Arn}", "")


def allows(policies, action, resource, context):
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] != "Allow":
                sys.exit("template-check evaluates Allow statements only")
            names = [resource_name(r) for r in listed(statement["Resource"])]
            asked = f"{resource}/x" if resource.endswith("/index") else resource
            if (
                any(fnmatchcase(action, a) for a in listed(statement["Action"]))
                and any(fnmatchcase(asked, name) for name in names)
                and all(holds(operator, c, context) for operator, c in statement.get("Condition", {}).items())
            ):
                return True
    return False


def check(template, wrong):
    own = template.with_parameters(GraphQL="true", Deployment="Canary10Percent5Minutes")
    restored = own.with_parameters(RestoredTable="roster-restored")
    checked = 0
    for template, table in ((own, "Table"), (restored, "Restored")):
        roles = template.of_type("AWS::IAM::Role")
        for name in sorted(roles.keys() ^ {f"{role}Role" for role, *_ in PROMISE}):
            wrong.append(f"{name} is a role without a promise, or a promise without a role")
        for name, role in roles.items():
            managed = {arn.split(":policy/")[1] for arn in role.get("ManagedPolicyArns", [])}
            others = managed - (set() if name == "DeployRole" else MANAGED)
            if others:
                wrong.append(f"{name} has the managed policies {', '.join(sorted(others))}")
        for role, action, resource, context, allowed in PROMISE:
            resource = resource.replace("Table", table)
            if allows(roles[f"{role}Role"]["Policies"], action, resource, context) != allowed:
                wrong.append(f"{role} {'may not' if allowed else 'may'} {action} on {resource} with {context}")
            # After a restore the table that was is out of reach.
            if table == "Restored" and allowed and allows(roles[f"{role}Role"]["Policies"], action, resource.replace(table, "Table"), context) and table in resource:
                wrong.append(f"{role} may {action} on the stack's own table, after a restore")
            checked += 1
    for name, trust in (("DeployRole", "codedeploy.amazonaws.com"), *((f"{role}Role", "lambda.amazonaws.com") for role in FUNCTIONS)):
        trusted = [s["Principal"] for s in template.all[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]]
        if [listed(p.get("Service")) for p in trusted] != [[trust]]:
            wrong.append(f"{name} may be assumed by {trusted}")
    return checked
