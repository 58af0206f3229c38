// The only place that loads the SDK. Whoever passes a client has it installed; a command must be of the same package.
export {
  BatchGetItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
