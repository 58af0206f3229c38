import { WaybillError } from "../../core/errors/errors.js";
import { requireOptions } from "../../core/options/options.js";

/** An IAM policy document, as data. */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Effect: "Allow";
    readonly Action: readonly string[];
    readonly Resource: readonly string[];
  }[];
}

/**
 * The least that the store needs: no scan, no transaction, no batch of writes, nothing that changes the table itself.
 *
 * `tableArn`: `arn:aws:dynamodb:<region>:<account>:table/<name>`
 *
 * @throws WaybillError `config.invalid` where it is no ARN
 */
export function dynamodbIamPolicy(options: { readonly tableArn: string }): PolicyDocument {
  requireOptions("dynamodbIamPolicy", options, ["tableArn"]);
  const { tableArn } = options;
  if (typeof tableArn !== "string" || tableArn === "") {
    const sentence =
      "tableArn must be the ARN of the table: arn:aws:dynamodb:<region>:<account>:table/<name>.";
    throw new WaybillError("config.invalid", sentence);
  }
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "WaybillTable",
        Effect: "Allow",
        Action: [
          "dynamodb:BatchGetItem",
          "dynamodb:DeleteItem",
          "dynamodb:DescribeTable",
          "dynamodb:PutItem",
          "dynamodb:Query",
          "dynamodb:UpdateItem",
        ],
        Resource: [tableArn],
      },
      {
        Sid: "WaybillIndexes",
        Effect: "Allow",
        Action: ["dynamodb:Query"],
        Resource: [`${tableArn}/index/waybill-*`],
      },
    ],
  };
}
