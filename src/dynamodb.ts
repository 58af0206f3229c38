export type { DynamoDbClient } from "./adapters/dynamodb/client.js";
export { iamPolicy, type PolicyDocument } from "./adapters/dynamodb/policy.js";
export { dynamodbStore, type DynamoDbStore, type DynamoDbStoreOptions } from "./adapters/dynamodb/store.js";
export { type DynamoDbStreamRecord, hintsOfStreamRecord } from "./adapters/dynamodb/stream-hints.js";
export {
  cloudFormationTemplate,
  createTableScript,
  tableDefinition,
  type TableOptions,
} from "./adapters/dynamodb/table.js";
