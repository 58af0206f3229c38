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
 * @param tableArn - `arn:aws:dynamodb:<region>:<account>:table/<name>`
 */
export function dynamodbIamPolicy({ tableArn }: { readonly tableArn: string }): PolicyDocument {
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
