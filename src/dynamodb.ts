export type { DynamoDbClient } from "./adapters/dynamodb/client/client.js";
export { dynamodbIamPolicy, type PolicyDocument } from "./adapters/dynamodb/policy.js";
export { dynamodbStore, type DynamoDbStore, type DynamoDbStoreOptions } from "./adapters/dynamodb/store.js";
export { type DynamoDbStreamRecord, hintsOfStreamRecord } from "./adapters/dynamodb/stream-hints.js";
export {
  dynamodbCloudFormation,
  dynamodbTableScript,
  dynamodbTable,
  type TableOptions,
} from "./adapters/dynamodb/table.js";
