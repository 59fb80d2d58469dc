"""Runs named calls against a server and prints what each answered, as a JSON list of pairs.

The same calls are made against our server and against one that we did not write; a Rust test compares
the two outputs call by call. Ids that a server makes up are replaced by the order of their appearance.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

ENDPOINT = os.environ["PARITY_ENDPOINT"]
ACCESS_KEY = os.environ["PARITY_ACCESS_KEY"]
SECRET_KEY = os.environ["PARITY_SECRET_KEY"]
REGION = "us-east-1"
RACERS = 32


def client(service, **config):
    """One attempt per call: a retry would hide the answer that is compared."""
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        aws_access_key_id=config.pop("access_key", ACCESS_KEY),
        aws_secret_access_key=config.pop("secret_key", SECRET_KEY),
        region_name=REGION,
        config=Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=2 * RACERS,
            read_timeout=30,
            connect_timeout=5,
            **config,
        ),
    )


def refusal(error):
    """What a refused call answered."""
    response = error.response
    return {
        "error": response["Error"].get("Code"),
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
    }


class Matrix:
    """Collects the answers in the order of the calls."""

    def __init__(self):
        self.answers = {}
        self.names = {}

    def alias(self, made_up, kind="id"):
        """The stable name of an id that the server made up."""
        if made_up is None or made_up == "null":
            return made_up
        known = self.names.setdefault(kind, {})
        return known.setdefault(made_up, f"{kind}-{len(known) + 1}")

    def call(self, name, function, show=lambda response: "ok"):
        """Makes a call, records what `show` makes of the response, and returns the response."""
        if name in self.answers:
            raise AssertionError(f"the call {name!r} is there twice")
        try:
            response = function()
        except ClientError as error:
            self.answers[name] = refusal(error)
            return None
        except ParamValidationError as error:
            self.answers[name] = {"error": "ParamValidation", "detail": str(error)}
            return None
        self.answers[name] = show(response)
        return response

    def race(self, name, function):
        """Makes the same call from many threads at once and records how often each answer came."""

        def attempt(number):
            try:
                function(number)
                return "ok"
            except ClientError as error:
                return error.response["Error"].get("Code")

        with ThreadPoolExecutor(RACERS) as pool:
            outcomes = list(pool.map(attempt, range(RACERS)))
        self.answers[name] = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}

    def print(self):
        json.dump(list(self.answers.items()), sys.stdout, ensure_ascii=False, sort_keys=False, default=str)
        sys.stdout.write("\n")


def pick(*names):
    """Shows the named fields of a response; absent ones are shown as null."""
    return lambda response: {name: response.get(name) for name in names}
