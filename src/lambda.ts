/**
 * For AWS Lambda: jobs of an SQS queue, its dead letters, reconciliation on a schedule. Loads no SDK.
 *
 * @packageDocumentation
 */

export type * from "./lambda/event.js";
export * from "./lambda/handlers.js";
