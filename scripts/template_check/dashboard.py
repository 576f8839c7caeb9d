"""Does the dashboard show what there is: every alarm, every function, every queue, with and without GraphQL?"""

import json
import re


def check(template, wrong):
    widgets = 0
    for graphql in ("false", "true"):
        mode = template.with_parameters(GraphQL=graphql)
        body, variables = mode.of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
        told = set()

        def word(match):
            name = match[1]
            if name in variables:
                value = variables[name]
                return re.sub(r"\$\{([^}]+)\}", word, value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else str(value))
            logical, _, attribute = name.partition(".")
            if not logical.startswith("AWS::") and not (logical in mode.all and mode.there(mode.all[logical])):
                wrong.append(f"the dashboard names {name}, which is not there with GraphQL={graphql}")
            told.add(logical)
            return f"{logical}-{attribute}"

        text = re.sub(r"\$\{([^}]+)\}", word, body)
        try:
            shown = json.loads(text)["widgets"]
        except ValueError as error:
            wrong.append(f"the dashboard is no JSON with GraphQL={graphql}: {error}")
            continue
        widgets = len(shown)
        for kind in ("AWS::CloudWatch::Alarm", "AWS::Lambda::Function", "AWS::SQS::Queue"):
            for name in sorted(set(mode.of_type(kind)) - told):
                wrong.append(f"the dashboard does not show {name} with GraphQL={graphql}")
        taken = set()
        for widget in shown:
            x, y, width, height = (widget[side] for side in ("x", "y", "width", "height"))
            cells = {(i, j) for i in range(x, x + width) for j in range(y, y + height)}
            if x + width > 24 or cells & taken:
                wrong.append(f"the dashboard's widget at {x}, {y} lies on another or beyond the edge")
            taken |= cells
    return widgets
