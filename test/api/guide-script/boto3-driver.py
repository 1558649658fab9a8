"""Calls what it is told to by boto3: one JSON object a line, in and out. Its one argument is the endpoint."""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

endpoint = sys.argv[1]
clients = {
    name: boto3.client(name, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
    for name in ("elb", "iam", "acm")
}

for line in sys.stdin:
    call = json.loads(line)
    method = getattr(clients[call["service"]], xform_name(call["action"]))
    try:
        output = method(**call["input"])
        output.pop("ResponseMetadata", None)
        answer = {"output": output}
    except (BotoCoreError, ClientError) as error:
        answer = {"error": str(error)}
    print(json.dumps(answer, default=str), flush=True)
