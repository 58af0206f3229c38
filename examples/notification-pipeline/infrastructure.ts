import { dynamodbCloudFormation, dynamodbIamPolicy } from "waybill/dynamodb";
import { sqsCloudFormation, sqsIamPolicy } from "waybill/sqs";

type Template = Readonly<Record<string, unknown>>;

export interface InfrastructureOptions {
  readonly table: string;
  readonly queueName: string;
  /** `arn:aws:<service>:<region>:<account>`, without the service's own part. */
  readonly region: string;
  readonly account: string;
}

/** What the pipeline needs in an account, as one template: table, queue, dead letters, three alarms, two policies. */
export function infrastructure(options: InfrastructureOptions): Template {
  const { table, queueName, region, account } = options;
  const queues = sqsCloudFormation({ queueName });
  const arn = (service: string, name: string): string => `arn:aws:${service}:${region}:${account}:${name}`;
  const tableArn = arn("dynamodb", `table/${table}`);
  const policyOf = (role: "submit" | "work"): Template => ({
    Type: "AWS::IAM::ManagedPolicy",
    Properties: {
      PolicyDocument: {
        Version: "2012-10-17",
        Statement: [
          ...dynamodbIamPolicy({ tableArn }).Statement,
          ...sqsIamPolicy({
            queueArn: arn("sqs", queueName),
            deadLetterQueueArn: arn("sqs", `${queueName}-dead`),
            role,
          }).Statement,
        ],
      },
    },
  });
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Notifications: a table, a queue, and what tells of trouble.",
    Resources: {
      ...storage(table),
      // The queue's template brings two alarms of its own.
      ...(queues["Resources"] as Template),
      TableRefuses: tableAlarm(table),
      ApiPolicy: policyOf("submit"),
      WorkerPolicy: policyOf("work"),
    },
    Outputs: { ...(queues["Outputs"] as Template) },
  };
}

/**
 * The store's table, without time to live: `ttl` is an attribute of the application's own here, and DynamoDB would remove a
 * job at that instant, whatever it waits for. What is over is removed by `purge`.
 */
function storage(table: string): Template {
  const { WaybillTable } = dynamodbCloudFormation({ table })["Resources"] as {
    readonly WaybillTable: { readonly Properties: Template };
  };
  const { TimeToLiveSpecification: _off, ...Properties } = WaybillTable.Properties;
  return { WaybillTable: { ...WaybillTable, Properties } };
}

/** To load the template into a stack of CDK: `new CfnInclude(stack, "Notifications", { templateFile })`. */
function tableAlarm(table: string): Template {
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmDescription: `DynamoDB has refused requests to ${table} for five minutes.`,
      Namespace: "AWS/DynamoDB",
      MetricName: "ThrottledRequests",
      Dimensions: [{ Name: "TableName", Value: table }],
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 5,
      Threshold: 0,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
    },
  };
}
