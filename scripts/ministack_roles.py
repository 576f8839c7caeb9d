"""Tries what scripts/template_check/roles.py promises: each role makes the call, and is refused or not."""

import botocore.exceptions

from template_check import roles

REFUSED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")
NOBODYS = "NOBODY#1"


class Trials:
    """The same call by each role."""

    def __init__(self, stack):
        self.stack, self.table, self.bucket = stack, stack.outputs["Table"], stack.outputs["Bucket"]
        self.keys, self.clients = {}, {}

    def client(self, service, role):
        if (service, role) not in self.clients:
            if role not in self.keys:
                self.keys[role] = self.stack.role(role)
            self.clients[service, role] = self.stack.cloud.client(service, self.keys[role])
        return self.clients[service, role]

    def dynamodb(self, role, action, index, names, is_in_transaction):
        """One call on items with these partition keys; their sort key is one that no item has."""
        client, table = self.client("dynamodb", role), {"TableName": self.table}
        keys = [{"pk": {"S": name}, "sk": {"S": "TRIAL"}} for name in names]
        key = keys[0]
        if len(keys) > 1 or is_in_transaction:
            condition = {"ConditionExpression": "attribute_not_exists(pk)"}
            match action:
                case "GetItem":
                    return client.transact_get_items(TransactItems=[{"Get": table | {"Key": key}} for key in keys])
                case "PutItem":
                    part = {"Put": table | {"Item": key}}
                case "UpdateItem":
                    part = {"Update": table | {"Key": key, "UpdateExpression": "REMOVE trial"}}
                case "DeleteItem":
                    part = {"Delete": table | {"Key": key}}
                case "ConditionCheckItem":
                    part = {"ConditionCheck": table | {"Key": key} | condition}
            return client.transact_write_items(TransactItems=[part])
        match action:
            case "Query" if index:
                values = {":of": {"N": names[0]} if names[0].isdigit() else {"N": "0"}}
                return client.query(**table, IndexName="by_created", KeyConditionExpression="shard = :of",
                                    ExpressionAttributeValues=values)
            case "Query":
                return client.query(**table, KeyConditionExpression="pk = :of",
                                    ExpressionAttributeValues={":of": {"S": names[0]}})
            case "Scan":
                return client.scan(**table, **({"IndexName": "by_created"} if index else {}))
            case "PutItem":
                return client.put_item(**table, Item=key)
            case "BatchGetItem":
                return client.batch_get_item(RequestItems={self.table: {"Keys": keys}})
            case "BatchWriteItem":
                return client.batch_write_item(RequestItems={self.table: [{"DeleteRequest": {"Key": key}}]})
            case "PartiQLSelect":
                return client.execute_statement(Statement=f'SELECT * FROM "{self.table}"')
            case "DeleteTable" | "DescribeTable":
                return getattr(client, "delete_table" if action == "DeleteTable" else "describe_table")(**table)
            case "GetItem" | "UpdateItem" | "DeleteItem":
                call = {"GetItem": client.get_item, "UpdateItem": client.update_item, "DeleteItem": client.delete_item}
                return call[action](**table, Key=key)
        return NotImplemented

    def stream(self, role, action):
        client, arn = self.client("dynamodbstreams", role), self.stack.outputs["TableStream"]
        shard = {"StreamArn": arn, "ShardId": self.shard(), "ShardIteratorType": "TRIM_HORIZON"}
        match action:
            case "DescribeStream":
                return client.describe_stream(StreamArn=arn)
            case "GetShardIterator":
                return client.get_shard_iterator(**shard)
            case "GetRecords":
                root = self.stack.cloud.client("dynamodbstreams")
                return client.get_records(ShardIterator=root.get_shard_iterator(**shard)["ShardIterator"], Limit=1)
        # ListStreams names a table at most: MiniStack asks for "*".
        return NotImplemented

    def shard(self):
        stream = self.stack.cloud.client("dynamodbstreams").describe_stream(StreamArn=self.stack.outputs["TableStream"])
        return stream["StreamDescription"]["Shards"][0]["ShardId"]

    def s3(self, role, action, key, context):
        client, bucket = self.client("s3", role), {"Bucket": self.bucket}
        match action:
            case "ListBucket":
                return client.list_objects_v2(**bucket, **{"Prefix": p for p in context.get("s3:prefix", [])})
            case "GetObject":
                return client.get_object(**bucket, Key=key)
            case "PutObject":
                return client.put_object(**bucket, Key=key, Body=b"trial")
            case "DeleteObject":
                return client.delete_object(**bucket, Key=key)
        return NotImplemented

    def other(self, role, service, action, resource):
        client, ids = self.client(service, role), self.stack.ids
        match service, action:
            case "events", "PutEvents":
                bus = self.stack.outputs["EventBus"] if resource == "Bus" else "default"
                entry = {"Source": "trial", "DetailType": "trial", "Detail": "{}", "EventBusName": bus}
                return client.put_events(Entries=[entry])
            case "events", "PutRule":
                bus = self.stack.outputs["EventBus"]
                return client.put_rule(Name="trial", EventBusName=bus, EventPattern='{"source": ["x"]}')
            case "sqs", "SendMessage":
                return client.send_message(QueueUrl=ids[resource], MessageBody="trial")
            case "sqs", "ReceiveMessage":
                return client.receive_message(QueueUrl=ids[resource])
            case "sqs", "DeleteMessage":
                return client.delete_message(QueueUrl=ids[resource], ReceiptHandle="trial")
            case "sqs", "GetQueueAttributes":
                return client.get_queue_attributes(QueueUrl=ids[resource], AttributeNames=["QueueArn"])
            case "ssm", "GetParameter":
                name = self.stack.parameters["PepperParameter"] if resource == "Pepper" else "/trial"
                return client.get_parameter(Name=name)
            # No trial of aliases: MiniStack asks whoever reads or moves one for lambda:ListAliases.
            case "lambda", "UpdateFunctionCode":
                return client.update_function_code(FunctionName=ids.get(resource, resource), S3Bucket="code", S3Key="trial")
            case "lambda", "UpdateFunctionConfiguration":
                return client.update_function_configuration(FunctionName=ids.get(resource, resource), Description="trial")
            case "lambda", "InvokeFunction":
                return client.invoke(FunctionName=ids.get(resource, resource), Payload=b"{}")
            case "lambda", "GetFunction":
                return client.get_function(FunctionName=ids.get(resource, resource))
            case "cloudwatch", "DescribeAlarms":
                return client.describe_alarms()
            case "cloudwatch", "DisableAlarmActions":
                return client.disable_alarm_actions(AlarmNames=["trial"])
        return NotImplemented

    def attempt(self, role, action, resource, context):
        """True if the role may, False if it is refused, None if there is no such call or role here."""
        if f"{role}Role" not in self.stack.ids:
            return None
        # Outside of what follows: not to be the role is no refusal.
        self.client("sts", role)
        service, action = action.split(":")
        try:
            if resource == roles.STREAM:
                made = self.stream(role, action)
            elif resource in (roles.TABLE, roles.INDEX):
                names = context.get("dynamodb:LeadingKeys", [NOBODYS])
                is_in_transaction = "dynamodb:EnclosingOperation" in context
                made = self.dynamodb(role, action, resource == roles.INDEX, names, is_in_transaction)
            elif resource.split("/")[0] == roles.OBJECT:
                made = self.s3(role, action, resource.partition("/")[2], context)
            else:
                made = self.other(role, service, action, resource)
        except botocore.exceptions.ClientError as error:
            # What is not there can be asked for: only a refusal is one.
            return error.response["Error"]["Code"] not in REFUSED
        return None if made is NotImplemented else True

    def run(self):
        """Tries every promise: those tried, what there is no call for, what is wrong."""
        tried, untried, wrong = {True: 0, False: 0}, [], []
        for role, action, resource, context, allowed in roles.PROMISE:
            found = self.attempt(role, action, resource, context)
            words = f"{role} {action} on {resource} {context or ''}".rstrip()
            if found is None:
                untried.append(action)
                continue
            tried[allowed] += 1
            if found != allowed:
                wrong.append(f"{words} is {'allowed' if found else 'refused'}")
        return tried, untried, wrong
