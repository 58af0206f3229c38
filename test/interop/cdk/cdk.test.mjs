// The template of the queue, taken into a stack by CDK as the page of SQS shows it. CDK checks the template that it makes by
// AWS's own specification, and writes down what it finds.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { App, Stack } from "aws-cdk-lib";
import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { Template } from "aws-cdk-lib/assertions";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { CfnQueue, Queue } from "aws-cdk-lib/aws-sqs";
import { sqsCloudFormation, sqsIamPolicy } from "waybill/sqs";
import { infrastructure } from "./infrastructure.mjs";

const QUEUES = ["jobs", "jobs.fifo"];

describe("the template of the queue in a CDK stack", () => {
  let folder;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "waybill-cdk-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function open() {
    const app = new App();
    return { app, stack: new Stack(app, "Stack") };
  }

  function violations(app) {
    const report = JSON.parse(readFileSync(join(app.synth().directory, "validation-report.json"), "utf8"));
    return report.pluginReports.flatMap((plugin) => plugin.violations);
  }

  /** The three lines of the page. */
  function take(stack, template) {
    const templateFile = join(folder, "waybill-queue.json");
    writeFileSync(templateFile, JSON.stringify(template));
    return new CfnInclude(stack, "WaybillQueue", { templateFile });
  }

  for (const queueName of QUEUES) {
    it(`${queueName}: every resource is one that CDK knows, and comes out as it went in`, () => {
      const template = sqsCloudFormation({ queueName, longestLeaseMs: 60_000 });
      const { app, stack } = open();
      const included = take(stack, template);
      assert.ok(included.getResource("WaybillQueue") instanceof CfnQueue);
      assert.ok(included.getResource("WaybillDeadLetters") instanceof CfnQueue);
      for (const name of ["WaybillQueueWaits", "WaybillDeadLettersWait"])
        assert.ok(included.getResource(name) instanceof CfnAlarm);
      const made = Template.fromStack(stack).toJSON();
      assert.deepEqual(made.Resources, template.Resources);
      assert.deepEqual(made.Outputs, template.Outputs);
      assert.deepEqual(violations(app), []);
    });

    it(`${queueName}: its URL and ARN serve a function and its policy`, () => {
      const { app, stack } = open();
      const included = take(stack, sqsCloudFormation({ queueName }));
      const { ref: queueUrl, attrArn } = included.getResource("WaybillQueue");
      const { attrArn: deadLetterQueueArn } = included.getResource("WaybillDeadLetters");
      const worker = new LambdaFunction(stack, "Worker", {
        runtime: Runtime.NODEJS_24_X,
        handler: "index.handler",
        code: Code.fromInline("exports.handler = async () => {}"),
        environment: { QUEUE_URL: queueUrl },
      });
      const queue = Queue.fromQueueArn(stack, "Queue", attrArn);
      worker.addEventSource(new SqsEventSource(queue, { reportBatchItemFailures: true, maxConcurrency: 2 }));
      const { Statement } = sqsIamPolicy({ queueArn: attrArn, deadLetterQueueArn, role: "work" });
      for (const statement of Statement) worker.addToRolePolicy(PolicyStatement.fromJson(statement));
      const made = Template.fromStack(stack);
      made.hasResourceProperties("AWS::Lambda::Function", {
        Environment: { Variables: { QUEUE_URL: { Ref: "WaybillQueue" } } },
      });
      made.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
        EventSourceArn: { "Fn::GetAtt": ["WaybillQueue", "Arn"] },
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      });
      assert.deepEqual(violations(app), []);
    });
  }

  const faults = {
    "a property that SQS does not have": (queue) => (queue.Nonsense = 1),
    "a retention of more than 14 days": (queue) => (queue.MessageRetentionPeriod = 1_209_601),
  };
  for (const [what, plant] of Object.entries(faults)) {
    it(`is checked by AWS's own specification, which finds ${what}`, () => {
      const template = structuredClone(sqsCloudFormation({ queueName: "jobs" }));
      plant(template.Resources.WaybillQueue.Properties);
      const { app, stack } = open();
      take(stack, template);
      assert.equal(violations(app).length, 1);
    });
  }

  it("notification-pipeline: table, queues, alarms and policies come out as they went in", () => {
    const env = { account: "000000000000", region: "eu-west-1" };
    const template = infrastructure({ table: "notifications", queueName: "notifications", ...env });
    const app = new App();
    const stack = new Stack(app, "Notifications", { env });
    take(stack, template);
    const made = Template.fromStack(stack);
    assert.deepEqual(made.toJSON().Resources, template.Resources);
    made.resourceCountIs("AWS::DynamoDB::Table", 1);
    made.resourceCountIs("AWS::SQS::Queue", 2);
    made.resourceCountIs("AWS::CloudWatch::Alarm", 3);
    made.resourceCountIs("AWS::IAM::ManagedPolicy", 2);
    assert.deepEqual(violations(app), []);
  });
});
