"""An expanded template, as CloudFormation would see it with given parameters."""

import sys


def listed(value):
    return value if isinstance(value, list) else [value]


class Template:
    """References stand for themselves: `Ref` is a name, `GetAtt` a pair, and of `Sub` the words are left as they are."""

    def __init__(self, document, **parameters):
        self.document, self.given = document, parameters
        self.parameters = {name: p.get("Default") for name, p in document["Parameters"].items()} | parameters
        self.all = document["Resources"]

    def with_parameters(self, **parameters):
        return Template(self.document, **(self.given | parameters))

    @property
    def is_shifting(self):
        """Whether it was expanded for a deployment by CodeDeploy."""
        return any(r["Type"] == "AWS::CodeDeploy::DeploymentGroup" for r in self.all.values())

    def there(self, resource):
        return "Condition" not in resource or self.ask({"Condition": resource["Condition"]})

    def of_type(self, kind):
        """The resources of a type that there are with these parameters: name and properties."""
        found = ((name, r) for name, r in self.all.items() if r["Type"] == kind and self.there(r))
        return {name: self.deep(r.get("Properties", {})) for name, r in found}

    def deep(self, value):
        """The value with every intrinsic function answered, but for those that stand for resources."""
        if isinstance(value, list):
            answers = [self.deep(v) for v in value]
            return [answer for answer in answers if answer is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function,) = value
            if function == "Fn::If":
                condition, then, otherwise = value["Fn::If"]
                return self.deep(then if self.ask({"Condition": condition}) else otherwise)
            if function == "Ref" and (value["Ref"] in self.parameters or value["Ref"] == "AWS::NoValue"):
                return self.ask(value)
        answers = {name: self.deep(v) for name, v in value.items()}
        return {name: answer for name, answer in answers.items() if answer is not None}

    def ask(self, expression):
        """What one intrinsic function gives."""
        if not isinstance(expression, dict):
            return expression
        (function, argument), *_ = expression.items()
        match function:
            case "Ref":
                return None if argument == "AWS::NoValue" else self.parameters.get(argument, argument)
            case "Condition":
                return self.ask(self.document["Conditions"][argument])
            case "Fn::If":
                return self.ask(argument[1] if self.ask({"Condition": argument[0]}) else argument[2])
            case "Fn::Equals":
                return self.ask(argument[0]) == self.ask(argument[1])
            case "Fn::And":
                return all(self.ask(part) for part in argument)
            case "Fn::Not":
                return not self.ask(argument[0])
            case "Fn::Sub" | "Fn::GetAtt":
                return argument
            case "Fn::Select" | "Fn::Split":
                return ""
        # No function: a block of properties.
        return expression

    def function_of(self, expression):
        """The function that a `Ref` or an ARN names, and whether by its alias."""
        answer = self.ask(expression)
        name = answer[0] if isinstance(answer, list) else answer
        if self.all.get(name, {}).get("Type") == "AWS::Lambda::Alias":
            return self.all[name]["Properties"]["FunctionName"]["Ref"], True
        if self.all.get(name, {}).get("Type") != "AWS::Lambda::Function":
            sys.exit(f"template-check does not know what {expression} is")
        return name, False
