"""Is every function watched, and reached in one way only: itself, or its alias where CodeDeploy shifts traffic?"""

import json

# Who answers requests, and therefore is judged by the API's faults too when traffic is shifted.
OF_THE_API = {"Directory", "Credentials", "GraphQLFunction"}
# What works behind answers what failed, and Lambda counts no error; the operation's own faults say so.
BEHIND = {"Avatars": "process_avatar", "Changes": "publish_changes"}
# What those who judge passwords are told, and nobody else: a parameter, or a value.
JUDGES = {
    "ROSTER_ATTEMPTS_PER_NAME": "AttemptsPerName",
    "ROSTER_ATTEMPTS_PER_CALLER": "AttemptsPerCaller",
    "ROSTER_WARM_UP": "table,passwords",
}


def check(template, wrong):
    template = template.with_parameters(GraphQL="true")
    functions = template.of_type("AWS::Lambda::Function")
    logs = template.of_type("AWS::Logs::LogGroup")
    for name, group in logs.items():
        if group.get("RetentionInDays") != template.parameters["LogRetentionDays"]:
            wrong.append(f"{name} keeps its lines for ever, or not as LogRetentionDays says")
    for name, function in functions.items():
        logging, variables = function.get("LoggingConfig", {}), function["Environment"]["Variables"]
        for holds, what in (
            (logging.get("LogGroup", {}).get("Ref") in logs, "has no log group of the stack's"),
            (logging.get("LogFormat") == "JSON", "does not log in JSON"),
            (logging.get("ApplicationLogLevel") == "TRACE", "has Lambda filter its lines, and the metrics in them"),
            (function.get("TracingConfig", {}).get("Mode") == template.parameters["Tracing"], "is not traced as Tracing says"),
            (variables.get("ROSTER_METRICS") == {"Fn::Sub": "Roster/${AWS::StackName}"}, "has another namespace of metrics"),
            ({"Key": "application", "Value": "roster"} in function.get("Tags", []), "has no tag"),
        ):
            if not holds:
                wrong.append(f"{name} {what}")
        reads_pepper = "${PepperParameter}" in json.dumps(template.all[f"{name}Role"])
        if reads_pepper != ("ROSTER_PASSWORD_PEPPER_SSM" in variables):
            wrong.append(f"{name} is told of a pepper that it may not read, or the other way round")
        for variable, wanted in JUDGES.items():
            if variables.get(variable) != (template.parameters.get(wanted, wanted) if reads_pepper else None):
                wrong.append(f"{name}, which {'judges' if reads_pepper else 'judges no'} passwords, has {variable} {variables.get(variable)}")
        unwatched = template.with_parameters(Watched="false").of_type("AWS::Lambda::Function")[name]
        if unwatched["Environment"]["Variables"].get("ROSTER_METRICS") != "off":
            wrong.append(f"{name} writes metrics that nobody looks at")
    check_ways(template, functions, wrong)
    if template.is_shifting:
        check_shifting(template, functions, wrong)
    (pattern,) = template.all["TableStream"]["Properties"]["FilterCriteria"]["Filters"]
    if json.loads(pattern["Pattern"]) != {"dynamodb": {"Keys": {"sk": {"S": ["USER"]}}}}:
        wrong.append(f"the stream's filter lets more than users through: {pattern}")
    return len(functions)


def check_ways(template, functions, wrong):
    """Integrations, permissions and event sources, with and without CodeDeploy."""
    for shifts, deployment in ((False, "AllAtOnce"), (True, "Canary10Percent5Minutes")):
        mode = template.with_parameters(Deployment=deployment)
        targets = {}
        for kind, property in (
            ("AWS::ApiGatewayV2::Integration", "IntegrationUri"),
            ("AWS::Lambda::Permission", "FunctionName"),
            ("AWS::Lambda::EventSourceMapping", "FunctionName"),
        ):
            for name, resource in mode.of_type(kind).items():
                target, by_alias = mode.function_of(resource[property])
                targets.setdefault(kind, set()).add(target)
                if by_alias != shifts:
                    wrong.append(f"{name} reaches {target} {'by its alias' if by_alias else 'itself'} with {deployment}")
        permitted = {
            mode.function_of(p["FunctionName"])[0]
            for p in mode.of_type("AWS::Lambda::Permission").values()
            if p["Principal"] == "apigateway.amazonaws.com" and "${Api}/" in p["SourceArn"]["Fn::Sub"]
        }
        for function in sorted(targets["AWS::ApiGatewayV2::Integration"] ^ permitted):
            wrong.append(f"API Gateway may not invoke {function}, or has no reason to")
        for function in sorted(set(functions) - permitted - targets["AWS::Lambda::EventSourceMapping"]):
            wrong.append(f"nothing reaches {function}")


def check_shifting(template, functions, wrong):
    template = template.with_parameters(Deployment="Canary10Percent5Minutes")
    groups = template.of_type("AWS::CodeDeploy::DeploymentGroup")
    aliases = {r["Properties"]["FunctionName"]["Ref"]: r for r in template.all.values() if r["Type"] == "AWS::Lambda::Alias"}
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    for function in functions:
        update = aliases.get(function, {}).get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
        group = groups.get(update.get("DeploymentGroupName", {}).get("Ref"))
        if not group:
            wrong.append(f"{function} goes live without CodeDeploy")
            continue
        named = [alarm["Name"]["Ref"] for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])]
        own = [name for name in named if {"Name": "FunctionName", "Value": {"Ref": function}} in alarms[name].get("Dimensions", [])]
        faults = [{"Name": "operation", "Value": BEHIND.get(function)}]
        tells_faults = any(alarms[name].get("MetricName") == "faults" and alarms[name]["Dimensions"] == faults for name in named)
        if not own or (function in OF_THE_API and "ApiFaultsAlarm" not in named) or (function in BEHIND and not tells_faults):
            wrong.append(f"{function} goes live whatever its alarms say: {named}")
        if "DEPLOYMENT_STOP_ON_ALARM" not in group["AutoRollbackConfiguration"]["Events"]:
            wrong.append(f"{function} does not go back on an alarm")
        if group["ServiceRoleArn"] != {"Fn::GetAtt": ["DeployRole", "Arn"]}:
            wrong.append(f"{function} goes live under another role than DeployRole")
