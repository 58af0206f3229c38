export type { DynamoDbClient } from "./adapters/dynamodb/client.js";
export { iamPolicy, type PolicyDocument } from "./adapters/dynamodb/policy.js";
export { dynamodbStore, type DynamoDbStore, type DynamoDbStoreOptions } from "./adapters/dynamodb/store.js";
export {
  cloudFormationTemplate,
  createTableScript,
  tableDefinition,
  type TableOptions,
} from "./adapters/dynamodb/table.js";
