"""template.yaml on MiniStack: a server on 127.0.0.1, the stack deployed to it, and ways to be its callers and its roles."""

import io
import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import smoke

REGION = "us-east-1"
NAME = "roster"
# MiniStack's account root, which no policy holds back.
ROOT = Credentials("test", "test")


class Answer:
    """Status, headers and body of an HTTP answer."""

    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()

    def json(self):
        return json.loads(self.body)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Cloud:
    """A MiniStack that checks signatures and policies, behind TLS: the bucket refuses everything else."""

    def __init__(self, logs):
        self.logs = logs
        (self.port,) = smoke.free_ports(1)
        self.url = f"https://127.0.0.1:{self.port}"
        certificate, key = logs / "server.crt", logs / "server.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
             "-subj", "/CN=ministack", "-addext", "basicConstraints=critical,CA:FALSE",
             "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        # For boto3, and for the functions, which MiniStack starts with its own environment.
        os.environ["AWS_CA_BUNDLE"] = str(certificate)
        environment = {
            "AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "HOME": str(logs), "TMPDIR": str(logs),
            "USE_SSL": "1", "MINISTACK_SSL_CERT": str(certificate), "MINISTACK_SSL_KEY": str(key),
            "AWS_ENDPOINT_URL": self.url, "SSL_CERT_FILE": str(certificate), "CARGO_TARGET_DIR": str(smoke.TARGET),
        } | {f"AWS_ENDPOINT_URL_{service}": self.url for service in ("DYNAMODB", "S3", "EVENTBRIDGE", "SSM")}
        self.server = smoke.Server("ministack", [smoke.ROOT / "scripts/ministack-server"], environment, logs / "ministack.log")
        handler = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate))
        self.opener = urllib.request.build_opener(NoRedirects, handler)

    def __enter__(self):
        self.server.__enter__()
        smoke.wait_until(lambda: self.send("GET", f"{self.url}/_ministack/health").status == 200, "ministack",
                         process=self.server.process)
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)
        # The functions' code; the logs stay.
        for unpacked in self.logs.glob("ministack-provided-code-*"):
            shutil.rmtree(unpacked)

    def send(self, method, url, body=None, headers=None):
        """One request, whose redirects are not followed."""
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        try:
            with self.opener.open(request, timeout=60) as answer:
                return Answer(answer)
        except urllib.error.HTTPError as answer:
            return Answer(answer)

    def client(self, service, keys=ROOT):
        """boto3's client of a service, with somebody's keys."""
        retries = {"max_attempts": 1}
        config = boto3.session.Config(retries=retries, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=config,
                            aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key,
                            aws_session_token=keys.token)

    def principal(self, name, *statements):
        """Keys of a new user who may do this and nothing else."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def expanded(parameters):
    """The template as CloudFormation gets it."""
    arguments = [f"{name}={value}" for name, value in parameters.items()]
    run = subprocess.run([smoke.ROOT / "scripts/expand-template", *arguments], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def fit(template, parameters):
    """What MiniStack cannot take is left out or said otherwise; gives a line about each."""
    told = []
    values = {name: str(p.get("Default", "")) for name, p in template["Parameters"].items()} | parameters

    def without_split(part):
        if isinstance(part, list):
            return [without_split(p) for p in part]
        if not isinstance(part, dict):
            return part
        match part.get("Fn::Split"):
            case [separator, {"Ref": name}]:
                told.append(f"said otherwise: Fn::Split of {name} in a condition, by its value")
                return values[name].split(separator)
        return {name: without_split(p) for name, p in part.items()}

    template["Conditions"] = without_split(template.get("Conditions", {}))
    resources = template["Resources"]
    for name, resource in resources.items():
        for member, given in resource.get("Properties", {}).items():
            # MiniStack keeps the text and would tell "false" where a boolean belongs.
            if given in ({"Ref": p} for p in values) and values[given["Ref"]] in ("true", "false"):
                resource["Properties"][member] = values[given["Ref"]] == "true"
                told.append(f"said otherwise: {member} of {name}, as a boolean")
    for name, resource in list(resources.items()):
        kind = resource["Type"]
        if kind.startswith("AWS::CodeDeploy::") or kind == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            told.append(f"left out: {name}, {kind} {'of more than one metric' if 'Alarm' in kind else ''}".rstrip())
            del resources[name]
        elif "CodeDeployLambdaAliasUpdate" in resource.get("UpdatePolicy", {}):
            told.append(f"left out: the gradual update of {name}")
            del resource["UpdatePolicy"]
    return told


class Stack:
    """The deployed stack."""

    def __init__(self, cloud, template, bootstrap, parameters):
        self.cloud, self.template, self.parameters = cloud, template, parameters
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="code")
        self.binaries = set()
        for name, function in self.functions().items():
            binary = function["Metadata"]["BuildProperties"]["Binary"]
            function["Properties"]["Code"] = {"S3Bucket": "code", "S3Key": f"{binary}.zip"}
            if binary not in self.binaries:
                s3.put_object(Bucket="code", Key=f"{binary}.zip", Body=packed(bootstrap(name, binary)))
                self.binaries.add(binary)
        s3.put_object(Bucket="code", Key="template.json", Body=json.dumps(template))
        formation = cloud.client("cloudformation")
        formation.create_stack(
            StackName=NAME, TemplateURL=f"{cloud.url}/code/template.json", Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()])
        while (stack := formation.describe_stacks(StackName=NAME)["Stacks"][0])["StackStatus"].endswith("_IN_PROGRESS"):
            time.sleep(0.1)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            events = formation.describe_stack_events(StackName=NAME)["StackEvents"]
            failed = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events if "FAILED" in e["ResourceStatus"]]
            raise smoke.Failure(f"the stack is {stack['StackStatus']}: {'; '.join(failed)}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        held = formation.describe_stack_resources(StackName=NAME)["StackResources"]
        self.ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in held}
        self.host = f"{self.ids['Api']}.execute-api.localhost:{cloud.port}"

    def functions(self):
        resources = self.template["Resources"].items()
        return {name: resource for name, resource in resources if resource["Type"] == "AWS::Lambda::Function"}

    def call(self, method, path, body=None, headers=None, keys=None):
        """A request to the API, signed with these keys if there are any."""
        headers = dict(headers or {})
        if body is not None:
            body = json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        request = AWSRequest(method, f"https://{self.host}{path}", data=body, headers=headers)
        if keys:
            SigV4Auth(keys, "execute-api", REGION).add_auth(request)
        return self.cloud.send(method, f"{self.cloud.url}{path}", body, {**dict(request.headers), "Host": self.host})

    def role(self, name):
        """Keys of a role of the stack. For that the account is trusted to be it, beside the service that it is meant for."""
        iam, id = self.cloud.client("iam"), self.ids[f"{name}Role"]
        role = iam.get_role(RoleName=id)["Role"]
        account = role["Arn"].split(":")[4]
        trust = role["AssumeRolePolicyDocument"]
        trust["Statement"].append(
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"})
        iam.update_assume_role_policy(RoleName=id, PolicyDocument=json.dumps(trust))
        keys = self.cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="trial")["Credentials"]
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def packed(bootstrap):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.write(bootstrap, "bootstrap")
    return archive.getvalue()
