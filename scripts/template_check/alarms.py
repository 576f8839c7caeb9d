"""Does every alarm tell somebody, name a section of the runbook that is there, and look at something that is there? Does every
function, dead-letter queue and event source have its alarm?"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN_METRICS = (ROOT / "src/telemetry/emf.rs").read_text("utf-8")


def sections():
    """The headings of the runbook, as anchors."""
    text = (ROOT / "docs/OPERATIONS.md").read_text("utf-8")
    _, _, runbook = text.partition("\n## Runbook\n")
    return set(re.findall(r"^### ([a-z-]+)$", runbook.partition("\n## ")[0], re.MULTILINE))


def series(alarm):
    """What an alarm looks at: namespace, metric, dimensions, by id."""
    if "Metrics" not in alarm:
        return {"": (alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", []))}
    stats = {m["Id"]: m["MetricStat"]["Metric"] for m in alarm["Metrics"] if "MetricStat" in m}
    return {id: (m["Namespace"], m["MetricName"], m.get("Dimensions", [])) for id, m in stats.items()}


def check(template, wrong):
    template = template.with_parameters(GraphQL="true")
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    anchors, named = sections(), set()
    for name, alarm in alarms.items():
        described = re.search(r"Runbook: docs/OPERATIONS\.md#([a-z-]+)$", alarm.get("AlarmDescription", ""))
        if not described or described[1] not in anchors:
            wrong.append(f"{name} names no section of the runbook")
        else:
            named.add(described[1])
        check_form(name, alarm, template, wrong)
    for topic, told in (("", {"Ref": "Alarms"}), ("arn:aws:sns:eu-west-1:1:mine", "arn:aws:sns:eu-west-1:1:mine")):
        for name, alarm in template.with_parameters(AlarmTopic=topic).of_type("AWS::CloudWatch::Alarm").items():
            if alarm.get("AlarmActions") != [told] or alarm.get("OKActions") != [told]:
                wrong.append(f"{name} does not tell {told} that it begins and that it is over")
    for anchor in sorted(anchors - named):
        wrong.append(f"the runbook has a section {anchor} that no alarm names")
    check_coverage(template, alarms, wrong)
    check_topic(template, wrong)
    unwatched = template.with_parameters(Watched="false", AlarmEmail="ops@example.com")
    for name, resource in template.all.items():
        if resource["Type"].startswith(("AWS::CloudWatch::", "AWS::SNS::")) and unwatched.there(resource):
            wrong.append(f"{name} is there without Watched")
    return len(alarms)


def check_form(name, alarm, template, wrong):
    if alarm.get("TreatMissingData") != "notBreaching":
        wrong.append(f"{name} does not say that where nothing happens nothing is wrong")
    if alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]) > alarm["EvaluationPeriods"]:
        wrong.append(f"{name} can never have that many data points")
    for namespace, metric, dimensions in series(alarm).values():
        if namespace == {"Fn::Sub": "Roster/${AWS::StackName}"}:
            by = [d["Name"] for d in dimensions]
            # `add` writes each in all and by operation; an operation is a file.
            if f'"{metric}"' not in OWN_METRICS or by not in ([], ["operation"]):
                wrong.append(f"{name} looks at {metric}, which is not written so")
            if by and not (ROOT / f"src/operations/{dimensions[0]['Value']}.rs").is_file():
                wrong.append(f"{name} looks at an operation that is not there")
            continue
        if not str(namespace).startswith("AWS/"):
            wrong.append(f"{name} looks at the namespace {namespace}")
        for dimension in dimensions:
            value = dimension["Value"]
            stands_for = value.get("Ref") or value.get("Fn::GetAtt", [""])[0] if isinstance(value, dict) else value
            if dimension["Name"] != "Operation" and stands_for not in template.all:
                wrong.append(f"{name} looks at {stands_for}, which is not there")
    if "Metrics" in alarm:
        (answer,) = [m for m in alarm["Metrics"] if m.get("ReturnData", True)]
        used = set(re.findall(r"\b[a-z]+\b", answer["Expression"]))
        if used != set(series(alarm)):
            wrong.append(f"{name} computes with {sorted(used)} and has {sorted(series(alarm))}")
        if len({m["MetricStat"]["Period"] for m in alarm["Metrics"] if "MetricStat" in m}) != 1:
            wrong.append(f"{name} mixes periods")


def check_coverage(template, alarms, wrong):
    looked_at = {(metric, str(d["Value"])) for a in alarms.values() for _, metric, ds in series(a).values() for d in ds}
    functions = template.of_type("AWS::Lambda::Function")
    for function in functions:
        for metric in ("Errors", "Throttles", "Duration"):
            if (metric, str({"Ref": function})) not in looked_at:
                wrong.append(f"no alarm looks at {metric} of {function}")
    # A percent of the timeout is a hundredth of it in milliseconds.
    (expression,) = [m["Expression"] for m in alarms["NearTimeoutAlarm"]["Metrics"] if "Expression" in m]
    divisors = dict(re.findall(r"FILL\((\w+), 0\) / (\d+)", expression))
    for id, (_, _, ((dimension),)) in series(alarms["NearTimeoutAlarm"]).items():
        timeout = functions[dimension["Value"]["Ref"]]["Timeout"]
        if int(divisors.get(id, 0)) != timeout * 10:
            wrong.append(f"NearTimeoutAlarm takes the timeout of {id} for another than {timeout} s")
    for name, queue in template.of_type("AWS::SQS::Queue").items():
        is_dead_letters = "RedrivePolicy" not in queue
        metric = "ApproximateNumberOfMessagesVisible" if is_dead_letters else "ApproximateAgeOfOldestMessage"
        if (metric, str({"Fn::GetAtt": [name, "QueueName"]})) not in looked_at:
            wrong.append(f"no alarm looks at {metric} of {name}")
    for name, source in template.of_type("AWS::Lambda::EventSourceMapping").items():
        function, _ = template.function_of(source["FunctionName"])
        if "StartingPosition" in source and ("IteratorAge", str({"Ref": function})) not in looked_at:
            wrong.append(f"no alarm tells that {name} is late")


def check_topic(template, wrong):
    mailed = template.with_parameters(AlarmEmail="ops@example.com")
    (statement,) = mailed.of_type("AWS::SNS::TopicPolicy")["AlarmsPolicy"]["PolicyDocument"]["Statement"]
    if statement["Principal"] != {"Service": "cloudwatch.amazonaws.com"} or "aws:SourceAccount" not in str(statement["Condition"]):
        wrong.append("others than this account's alarms may publish to the topic of alarms")
    if not mailed.of_type("AWS::SNS::Subscription") or template.of_type("AWS::SNS::Subscription"):
        wrong.append("a mail is sent where none is wanted, or none where one is")
