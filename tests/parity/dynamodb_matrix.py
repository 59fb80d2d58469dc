"""The DynamoDB matrix: conditional writes, transactions, index paging, batches, the TTL attribute."""

from decimal import Decimal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from matrix import Matrix, client, pick

MATRIX = Matrix()
DB = client("dynamodb")
TABLE = "images"


def typed(item):
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def plain(item):
    """Numbers as text: JSON has no decimals."""

    def value(of):
        if isinstance(of, Decimal):
            return str(of)
        if isinstance(of, set):
            return sorted(map(value, of))
        if isinstance(of, dict):
            return {name: value(inner) for name, inner in of.items()}
        if isinstance(of, list):
            return [value(inner) for inner in of]
        return of

    return {name: value(TypeDeserializer().deserialize(raw)) for name, raw in sorted(item.items())}


def item_of(response):
    return plain(response["Item"]) if "Item" in response else None


def tables():
    call = MATRIX.call

    def create():
        return DB.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "customer_day", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_day",
                    "KeySchema": [
                        {"AttributeName": "customer_day", "KeyType": "HASH"},
                        {"AttributeName": "pk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )

    call("table: describe before it is made", lambda: DB.describe_table(TableName=TABLE))
    call("table: create", create, lambda r: r["TableDescription"]["KeySchema"])
    call("table: create again", create)
    DB.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    call(
        "table: describe",
        lambda: DB.describe_table(TableName=TABLE),
        lambda r: [
            r["Table"]["TableStatus"],
            r["Table"]["KeySchema"],
            sorted(a["AttributeName"] for a in r["Table"]["AttributeDefinitions"]),
            [(i["IndexName"], i["KeySchema"], i["Projection"]) for i in r["Table"]["GlobalSecondaryIndexes"]],
        ],
    )
    call("table: list", lambda: DB.list_tables(), pick("TableNames"))
    call("table: put into none", lambda: DB.put_item(TableName="none", Item=typed({"pk": "x"})))


def items():
    call = MATRIX.call
    everything = {
        "pk": "full",
        "text": "grüße 日本",
        "number": Decimal("12345678901234567890.123456789"),
        "negative": Decimal("-1E-5"),
        "bytes": b"\x00\xff",
        "yes": True,
        "nothing": None,
        "list": [1, "two", {"three": Decimal(3)}],
        "map": {"deep": {"er": []}},
        "texts": {"b", "a"},
        "numbers": {Decimal(3), Decimal(1)},
    }
    call("item: put", lambda: DB.put_item(TableName=TABLE, Item=typed(everything)))
    call(
        "item: get",
        lambda: DB.get_item(TableName=TABLE, Key=typed({"pk": "full"}), ConsistentRead=True),
        lambda r: str(item_of(r)),
    )
    call("item: get none", lambda: DB.get_item(TableName=TABLE, Key=typed({"pk": "none"})), item_of)
    call(
        "item: get a projection",
        lambda: DB.get_item(
            TableName=TABLE,
            Key=typed({"pk": "full"}),
            ProjectionExpression="#t, #m.deep",
            ExpressionAttributeNames={"#t": "text", "#m": "map"},
        ),
        item_of,
    )
    call("item: put without its key", lambda: DB.put_item(TableName=TABLE, Item=typed({"other": "x"})))
    call("item: put with an empty key", lambda: DB.put_item(TableName=TABLE, Item=typed({"pk": ""})))
    call("item: put with a key of another type", lambda: DB.put_item(TableName=TABLE, Item=typed({"pk": 1})))
    call(
        "item: too large",
        lambda: DB.put_item(TableName=TABLE, Item=typed({"pk": "large", "text": "x" * (400 * 1024)})),
    )
    call(
        "item: put gives the old one back",
        lambda: DB.put_item(TableName=TABLE, Item=typed({"pk": "full", "n": 1}), ReturnValues="ALL_OLD"),
        lambda r: r["Attributes"]["text"]["S"],
    )
    call(
        "item: delete gives the old one back",
        lambda: DB.delete_item(TableName=TABLE, Key=typed({"pk": "full"}), ReturnValues="ALL_OLD"),
        lambda r: plain(r["Attributes"]),
    )
    call("item: delete none", lambda: DB.delete_item(TableName=TABLE, Key=typed({"pk": "full"})))


def conditions():
    call, race = MATRIX.call, MATRIX.race

    def put(pk, condition=None, values=None, **item):
        more = {"ConditionExpression": condition} if condition else {}
        if values:
            more["ExpressionAttributeValues"] = typed(values)
        return DB.put_item(TableName=TABLE, Item=typed({"pk": pk, **item}), **more)

    call("condition: put if absent", lambda: put("once", "attribute_not_exists(pk)", attempt=0))
    call("condition: put if absent, again", lambda: put("once", "attribute_not_exists(pk)"))
    race("condition: 32 racing puts if absent", lambda n: put("raced", "attribute_not_exists(pk)", winner=n))
    call("condition: put if less", lambda: put("once", "attempt < :a", {":a": 1}, attempt=1))
    call("condition: put if less, again", lambda: put("once", "attempt < :a", {":a": 1}, attempt=1))
    call(
        "condition: or",
        lambda: put("once", "attribute_not_exists(pk) OR attempt <= :a", {":a": 5}, attempt=2),
    )

    def failed():
        try:
            DB.put_item(
                TableName=TABLE,
                Item=typed({"pk": "once"}),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return plain(error.response["Item"])

    call("condition: the item that refused", failed, lambda r: r)

    def update(pk, expression, values=None, condition=None, names=None):
        more = {"ExpressionAttributeValues": typed(values)} if values else {}
        if condition:
            more["ConditionExpression"] = condition
        if names:
            more["ExpressionAttributeNames"] = names
        return DB.update_item(
            TableName=TABLE,
            Key=typed({"pk": pk}),
            UpdateExpression=expression,
            ReturnValues="ALL_NEW",
            **more,
        )

    new = lambda r: plain(r["Attributes"])
    call("update: creates", lambda: update("u", "SET a = :a, #s = :s", {":a": 1, ":s": "x"}, names={"#s": "status"}), new)
    call("update: adds", lambda: update("u", "ADD a :a", {":a": 41}), new)
    call("update: removes", lambda: update("u", "REMOVE #s", names={"#s": "status"}), new)
    call("update: if not exists", lambda: update("u", "SET b = if_not_exists(b, :b)", {":b": 7}), new)
    call("update: appends", lambda: update("u", "SET l = list_append(if_not_exists(l, :e), :x)", {":e": [], ":x": ["1"]}), new)
    call("update: condition holds", lambda: update("u", "SET a = :n", {":n": 0, ":o": 42}, "a = :o"), new)
    call("update: condition fails", lambda: update("u", "SET a = :n", {":n": 0, ":o": 42}, "a = :o"))
    call("update: the key", lambda: update("u", "SET pk = :n", {":n": "v"}))
    call("update: nonsense", lambda: update("u", "SET SET a", None))
    race("update: 32 racing adds", lambda n: update("counter", "ADD n :one", {":one": 1}))
    call("update: none was lost", lambda: DB.get_item(TableName=TABLE, Key=typed({"pk": "counter"}), ConsistentRead=True), item_of)
    call(
        "delete: condition fails",
        lambda: DB.delete_item(
            TableName=TABLE,
            Key=typed({"pk": "u"}),
            ConditionExpression="a = :x",
            ExpressionAttributeValues=typed({":x": 99}),
        ),
    )


def transactions():
    call = MATRIX.call

    def put(pk, condition=None, **item):
        more = {"ConditionExpression": condition} if condition else {}
        return {"Put": {"TableName": TABLE, "Item": typed({"pk": pk, **item}), **more}}

    def write(*actions, **more):
        return DB.transact_write_items(TransactItems=list(actions), **more)

    call("transaction: two puts", lambda: write(put("t-1", n=1), put("t-2", n=2)))

    def reasons(*actions):
        try:
            write(*actions)
        except ClientError as error:
            return [error.response["Error"]["Code"]] + [r["Code"] for r in error.response["CancellationReasons"]]

    call(
        "transaction: one condition fails",
        lambda: reasons(put("t-3"), put("t-1", "attribute_not_exists(pk)")),
        lambda r: r,
    )
    call("transaction: nothing of it is there", lambda: DB.get_item(TableName=TABLE, Key=typed({"pk": "t-3"})), item_of)
    check = {
        "ConditionCheck": {
            "TableName": TABLE,
            "Key": typed({"pk": "t-1"}),
            "ConditionExpression": "n = :n",
            "ExpressionAttributeValues": typed({":n": 1}),
        }
    }
    call("transaction: with a check", lambda: write(check, put("t-4")))
    update = {
        "Update": {
            "TableName": TABLE,
            "Key": typed({"pk": "t-1"}),
            "UpdateExpression": "SET n = :n",
            "ExpressionAttributeValues": typed({":n": 10}),
        }
    }
    delete = {"Delete": {"TableName": TABLE, "Key": typed({"pk": "t-2"})}}
    call("transaction: update and delete", lambda: write(update, delete))
    call("transaction: the same item twice", lambda: write(put("t-5"), put("t-5")))
    call("transaction: a token", lambda: write(put("t-6", n=1), ClientRequestToken="token-1"))
    call("transaction: the token again", lambda: write(put("t-6", n=1), ClientRequestToken="token-1"))
    call("transaction: the token with other actions", lambda: write(put("t-6", n=2), ClientRequestToken="token-1"))
    call("transaction: too many", lambda: write(*[put(f"many-{n}") for n in range(101)]))
    keys = [{"Get": {"TableName": TABLE, "Key": typed({"pk": pk})}} for pk in ("t-1", "t-2", "t-4")]
    call(
        "transaction: get",
        lambda: DB.transact_get_items(TransactItems=keys),
        lambda r: [plain(answer["Item"]) if "Item" in answer else None for answer in r["Responses"]],
    )


def indexes():
    call = MATRIX.call
    for number in range(7):
        DB.put_item(
            TableName=TABLE,
            Item=typed({"pk": f"img-{number}", "customer_day": "acme#2026-11-21", "n": number, "odd": number % 2 == 1}),
        )
    DB.put_item(TableName=TABLE, Item=typed({"pk": "img-x", "customer_day": "other#2026-11-21"}))

    def query(**more):
        return DB.query(
            TableName=TABLE,
            IndexName="by_day",
            KeyConditionExpression=more.pop("key", "customer_day = :d"),
            ExpressionAttributeValues=typed({":d": "acme#2026-11-21"} | more.pop("values", {})),
            **more,
        )

    def show(response):
        return {
            "items": [item["pk"]["S"] for item in response["Items"]],
            "count": response["Count"],
            "scanned": response["ScannedCount"],
            "next": plain(response["LastEvaluatedKey"]) if "LastEvaluatedKey" in response else None,
        }

    call("index: all", lambda: query(), show)
    call("index: newest first", lambda: query(ScanIndexForward=False), show)
    after, number = {}, 0
    while after is not None:
        number += 1
        page = call(f"index: page {number} of 3", lambda: query(ScanIndexForward=False, Limit=3, **after), show)
        last = page.get("LastEvaluatedKey")
        after = {"ExclusiveStartKey": last} if last else None
    call("index: a page of exactly all", lambda: query(Limit=7), show)
    call("index: from a key on", lambda: query(key="customer_day = :d AND pk < :p", values={":p": "img-3"}), show)
    call("index: a filter", lambda: query(FilterExpression="odd = :o", values={":o": True}), show)
    call("index: a filter in a page", lambda: query(FilterExpression="odd = :o", values={":o": True}, Limit=3), show)
    call("index: count", lambda: query(Select="COUNT"), pick("Count", "ScannedCount"))
    call("index: a consistent read", lambda: query(ConsistentRead=True))
    call("index: no such one", lambda: DB.query(TableName=TABLE, IndexName="none", KeyConditionExpression="customer_day = :d", ExpressionAttributeValues=typed({":d": "x"})))
    call(
        "index: a start key that is not one",
        lambda: query(ExclusiveStartKey=typed({"pk": "img-3"})),
    )
    call(
        "index: an item leaves it",
        lambda: DB.update_item(TableName=TABLE, Key=typed({"pk": "img-3"}), UpdateExpression="REMOVE customer_day"),
    )
    call("index: it is gone from it", lambda: query(), show)
    call(
        "scan: with a filter",
        lambda: DB.scan(
            TableName=TABLE,
            FilterExpression="begins_with(pk, :p)",
            ExpressionAttributeValues=typed({":p": "img-"}),
        ),
        lambda r: sorted(item["pk"]["S"] for item in r["Items"]),
    )


def batches():
    call = MATRIX.call

    def write(*actions):
        return DB.batch_write_item(RequestItems={TABLE: list(actions)})

    puts = [{"PutRequest": {"Item": typed({"pk": f"b-{n}", "n": n})}} for n in range(25)]
    call("batch: write 25", lambda: write(*puts), pick("UnprocessedItems"))
    call("batch: write 26", lambda: write(*puts, {"PutRequest": {"Item": typed({"pk": "b-25"})}}))
    call("batch: the same key twice", lambda: write(puts[0], puts[0]))

    def get(keys, **more):
        return DB.batch_get_item(RequestItems={TABLE: {"Keys": [typed({"pk": key}) for key in keys], **more}})

    show = lambda r: [sorted(item["pk"]["S"] for item in r["Responses"][TABLE]), r["UnprocessedKeys"]]
    call("batch: get, one is not there", lambda: get(["b-1", "b-2", "nowhere"]), show)
    call("batch: get consistently", lambda: get(["b-3"], ConsistentRead=True), show)
    call("batch: get 101", lambda: get([f"b-{n}" for n in range(101)]))
    call("batch: get twice the same", lambda: get(["b-1", "b-1"]))
    call("batch: delete", lambda: write({"DeleteRequest": {"Key": typed({"pk": "b-1"})}}), pick("UnprocessedItems"))
    call("batch: get after it", lambda: get(["b-1", "b-2"]), show)


def ttl():
    call = MATRIX.call

    def set_ttl(enabled, name="expires_at_unix_s"):
        return DB.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": enabled, "AttributeName": name}
        )

    def state():
        return DB.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]

    call("ttl: before", state, lambda r: r)
    call("ttl: enable", lambda: set_ttl(True), pick("TimeToLiveSpecification"))
    call("ttl: state", state, pick("TimeToLiveStatus", "AttributeName"))
    call("ttl: of no table", lambda: DB.update_time_to_live(TableName="none", TimeToLiveSpecification={"Enabled": True, "AttributeName": "x"}))
    future = typed({"pk": "later", "customer_day": "x", "expires_at_unix_s": 4102444800})
    text = typed({"pk": "text", "customer_day": "x", "expires_at_unix_s": "1"})
    past = typed({"pk": "past", "customer_day": "x", "expires_at_unix_s": 1700000000})
    for item in (future, text, past):
        DB.put_item(TableName=TABLE, Item=item)
    call("ttl: the expired one goes", lambda: gone("past"), lambda r: r)
    call("ttl: the later one stays", lambda: DB.get_item(TableName=TABLE, Key=typed({"pk": "later"})), lambda r: "Item" in r)
    call("ttl: a text is no time", lambda: DB.get_item(TableName=TABLE, Key=typed({"pk": "text"})), lambda r: "Item" in r)


def gone(pk):
    """Polls, with a deadline, until the server has removed the item."""
    import time

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if "Item" not in DB.get_item(TableName=TABLE, Key=typed({"pk": pk}), ConsistentRead=True):
            return True
        time.sleep(0.1)
    return False


for group in [tables, items, conditions, transactions, indexes, batches, ttl]:
    group()
MATRIX.print()
