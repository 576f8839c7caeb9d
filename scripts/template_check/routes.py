"""Does every operation of openapi.json reach the right function, behind the right authorizer?

Routes are matched as API Gateway does, once for each way to set the parameters. An operation that is not in the table fails.
"""

import json
from pathlib import Path

DESCRIPTION = Path(__file__).resolve().parents[2] / "openapi.json"

# The function of every operation, of those to come too: what hashes a password or deletes one goes to Credentials.
FUNCTIONS = {
    "create_user": "Credentials",
    "change_password": "Credentials",
    "verify_password": "Credentials",
    "delete_user": "Credentials",
    "list_users": "Directory",
    "get_user": "Directory",
    "replace_user": "Directory",
    "patch_user": "Directory",
    "request_avatar_upload": "Directory",
    "get_avatar_upload": "Directory",
    "get_avatar": "Directory",
    "delete_avatar": "Directory",
    "get_password_policy": "Directory",
    "health_live": "Directory",
    "health_ready": "Directory",
    # Local mode alone has it; the function says that it is not there.
    "get_events": "Directory",
    "get_openapi": "Directory",
    "get_problem": "Directory",
}

# Parameters, and what a route that is not open asks for then.
MODES = [
    ({"Auth": "iam", "GatewayChecksTokens": "true", "CorsOrigins": ""}, "AWS_IAM"),
    ({"Auth": "jwt", "GatewayChecksTokens": "true", "CorsOrigins": "https://app.example"}, "JWT"),
    # The function alone checks tokens, as it does in every case.
    ({"Auth": "jwt", "GatewayChecksTokens": "false", "CorsOrigins": ""}, "NONE"),
]


def routes_of(template):
    """Route key to authorization, authorizer and function, of the routes that there are with these parameters."""
    integrations = {name: r["Properties"] for name, r in template.all.items() if r["Type"] == "AWS::ApiGatewayV2::Integration"}
    found = {}
    for resource in template.all.values():
        if resource["Type"] != "AWS::ApiGatewayV2::Route" or not template.there(resource):
            continue
        route = resource["Properties"]
        integration = integrations[template.ask(route["Target"]).removeprefix("integrations/${").removesuffix("}")]
        function, _ = template.function_of(integration["IntegrationUri"])
        found[route["RouteKey"]] = (template.ask(route["AuthorizationType"]), template.ask(route.get("AuthorizerId")), function)
    return found


def matched(routes, method, path):
    """The key of the route that takes a request: a whole path before a greedy one, its method before ANY, then $default."""
    best = None
    for key in routes:
        if key == "$default":
            continue
        wanted, pattern = key.split(" ")
        parts, asked = pattern.split("/"), path.split("/")
        is_greedy = parts[-1].endswith("+}")
        fits = len(parts) <= len(asked) if is_greedy else len(parts) == len(asked)
        fits = fits and all(p == a or p.startswith("{") for p, a in zip(parts, asked))
        if fits and wanted in (method, "ANY"):
            literal = sum(not part.startswith("{") for part in parts)
            best = max(best or (), (not is_greedy, literal, wanted != "ANY", key))
    return best[3] if best else "$default"


def operations():
    """Operation, method, path, and whether it is open to everyone."""
    for path, methods in json.loads(DESCRIPTION.read_text("utf-8"))["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path, operation.get("security") == [{}]


def check(template, wrong):
    described = list(operations())
    for name in sorted({name for name, *_ in described} - set(FUNCTIONS)):
        wrong.append(f"{name} is in openapi.json and not in the table of functions")
    checked = 0
    for parameters, asked in MODES:
        routes = routes_of(template.with_parameters(**parameters))
        used = {"$default"}
        for name, method, path, is_open in described:
            # HEAD is GET without a body: it must not ask for less, nor for more.
            for method in [method, "HEAD"] if method == "GET" else [method]:
                key = matched(routes, method, path)
                used.add(key)
                promised = ("NONE" if is_open else asked, "TokenAuthorizer" if asked == "JWT" and not is_open else None, FUNCTIONS.get(name))
                if routes[key] != promised:
                    wrong.append(f"{method} {path} ({name}) with {parameters} is {routes[key]} and not {promised}")
                checked += 1
        for method, path in [("GET", "/nowhere"), ("POST", "/users/1/nowhere"), ("PUT", "/users"), ("OPTIONS", "/users")]:
            is_preflight = method == "OPTIONS" and parameters["CorsOrigins"] != ""
            key = matched(routes, method, path)
            used.add(key)
            if routes[key][0] != ("NONE" if is_preflight else asked) or routes[key][2] != "Directory":
                wrong.append(f"{method} {path} with {parameters} is {routes[key]}")
        for key in sorted(set(routes) - used):
            wrong.append(f"the route {key} serves no operation")
    check_stage(template.all, wrong)
    return checked


def check_stage(resources, wrong):
    stage = resources["Stage"]
    keys = {r["Properties"]["RouteKey"]: name for name, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::Route"}
    for key in stage["Properties"]["RouteSettings"]:
        if keys.get(key) not in stage["DependsOn"]:
            wrong.append(f"the stage has settings for {key} and does not wait for that route")
    mapping = resources["DomainMapping"]["Properties"]
    if set(mapping) != {"ApiId", "DomainName", "Stage"}:
        wrong.append("the domain has a base path, which the functions do not take off")
