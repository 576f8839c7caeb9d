"""Does what people have entrusted to the stack outlive mistakes, and the stack?"""


def check(template, wrong):
    kept = {"Table": "AWS::DynamoDB::Table", "Bucket": "AWS::S3::Bucket", "BucketPolicy": "AWS::S3::BucketPolicy"}
    for name, kind in kept.items():
        resource = template.all[name]
        if resource["Type"] != kind or (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            wrong.append(f"{name} goes with the stack")
    table = template.of_type("AWS::DynamoDB::Table")["Table"]
    if template.parameters["DeletionProtection"] != "true" or table["DeletionProtectionEnabled"] != "true":
        wrong.append("the table can be deleted")
    if not table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
        wrong.append("the table cannot be restored")
    # After a restore everything that named the table names the other, and the own one is still there.
    restored = template.with_parameters(
        RestoredTable="other", RestoredTableStream="2026-01-01T00:00:00.000", EventsSource="/roster/second"
    )
    for name, function in restored.with_parameters(GraphQL="true").of_type("AWS::Lambda::Function").items():
        if function["Environment"]["Variables"]["ROSTER_TABLE"] != "other":
            wrong.append(f"{name} does not know the restored table")
    mapping = restored.of_type("AWS::Lambda::EventSourceMapping")["TableStream"]
    if "${RestoredTableStream}" not in str(mapping["EventSourceArn"]):
        wrong.append("changes are told of the table that was, after a restore")
    changes = restored.of_type("AWS::Lambda::Function")["Changes"]
    if changes["Environment"]["Variables"]["ROSTER_EVENTS_SOURCE"] != "/roster/second":
        wrong.append("changes after a restore have the ids of others before it")
    for name, resource in restored.of_type("AWS::CloudWatch::Alarm").items():
        if "'Ref': 'Table'" in str(resource):
            wrong.append(f"{name} looks at the table that was, after a restore")
    return len(kept)
