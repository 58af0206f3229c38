"use client";
/**
 * `waybill/react`: hooks and unstyled components over `waybill/client`, for React 18 and 19.
 *
 * @packageDocumentation
 */

export { createHooks } from "./react/create-hooks.js";
export type * from "./react/hooks.js";
export { StatusBadge, type StatusBadgeProps } from "./react/status-badge.js";
export {
  ProgressIndicator,
  type ProgressIndicatorProps,
  type ProgressStep,
} from "./react/progress-indicator.js";
export { LoadingSpinner, type LoadingSpinnerProps } from "./react/loading-spinner.js";
