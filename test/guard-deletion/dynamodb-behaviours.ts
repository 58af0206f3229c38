import { BELONGINGS, LISTS } from "./dynamodb/belongings-behaviours.js";
import { CHANGES, ENDS, SCOPES } from "./dynamodb/changes-behaviours.js";
import { dynamodbTestsOf } from "./dynamodb/place.js";
import { RACES } from "./dynamodb/races-behaviours.js";
import { TROUBLE } from "./dynamodb/trouble-behaviours.js";
import type { InDynamoDb } from "./dynamodb-engine.js";
import type { SuiteTest } from "./suite-tests.js";

/** What only DynamoDB does, and the store suite does not ask for. */
export function dynamodbTests(inDynamoDb: InDynamoDb): readonly SuiteTest[] {
  return [
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, races", RACES),
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, belongings", BELONGINGS),
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, changes", CHANGES),
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, ends", ENDS),
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, scopes", SCOPES),
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, lists", LISTS),
    ...dynamodbTestsOf(inDynamoDb, "on DynamoDB, trouble", TROUBLE),
  ];
}
