export { sqsIamPolicy, type SqsPolicyDocument, type SqsPolicyOptions } from "./adapters/sqs/policy.js";
export { sqsQueue, type SqsQueue } from "./adapters/sqs/queue.js";
export type { SqsClient, SqsQueueOptions } from "./adapters/sqs/settings.js";
export { sqsCloudFormation, type SqsTemplateOptions } from "./adapters/sqs/template.js";
