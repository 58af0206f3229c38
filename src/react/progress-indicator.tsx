import * as react from "react";
import type { ReactElement } from "react";
import { useAnnouncement } from "./announcer.js";

/** A step as people see it: what `steps` of `waybill` gives, or anything with a label. */
export interface ProgressStep {
  readonly label: string;
  readonly completed: boolean;
  /** @default done where completed; the first that is not is current, if it says nothing else */
  readonly state?: "done" | "current" | "open" | undefined;
}

/** What is shown of how far a job is. */
export interface ProgressIndicatorProps {
  /** What goes on; the name of the bar too. */
  readonly title: string;
  readonly description?: string | null | undefined;
  /** In order. */
  readonly steps?: readonly ProgressStep[] | undefined;
  /** 0–1, as `job.percent`; `null`: not known, which shows a bar without a value; left out: no bar. */
  readonly percent?: number | null | undefined;
  readonly className?: string | undefined;
}

const SHAPES = { done: "✓", current: "●", open: "○" } as const;

/**
 * How far a job is: a bar, steps, or both. Unstyled: parts bear `data-part`, steps `data-state`, and `--percent` is on the
 * bar. A new step is announced, politely; a percent never is. A bar whose value is not known claims none.
 */
export function ProgressIndicator(props: ProgressIndicatorProps): ReactElement {
  const { title, description, steps = [], percent, className } = props;
  const id = react.useId();
  const hasDescription = description !== undefined && description !== null && description !== "";
  const shown = steps.map((step, index) => ({ ...step, state: step.state ?? stateOf(steps, index) }));
  const current = shown.find(({ state }) => state === "current")?.label ?? "";
  useAnnouncement(current, current === "" ? title : `${title}: ${current}`);
  return (
    <div data-waybill="progress-indicator" className={className}>
      <div data-part="title" id={id}>
        {title}
      </div>
      {hasDescription ? <div data-part="description">{description}</div> : null}
      {percent === undefined ? null : <Bar labelledBy={id} percent={percent} />}
      {shown.length === 0 ? null : (
        <ol data-part="steps" aria-labelledby={id}>
          {shown.map(({ label, state }, index) => (
            <li key={index} data-state={state} aria-current={state === "current" ? "step" : undefined}>
              <span data-part="shape" aria-hidden={state === "done" ? undefined : true}>
                {SHAPES[state]}
              </span>{" "}
              {label}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function stateOf(steps: readonly ProgressStep[], index: number): "done" | "current" | "open" {
  if (steps[index]?.completed === true) return "done";
  return steps.findIndex(({ completed }) => !completed) === index ? "current" : "open";
}

interface BarProps {
  readonly labelledBy: string;
  readonly percent: number | null;
}

function Bar({ labelledBy, percent }: BarProps): ReactElement {
  const value = percent === null ? undefined : Math.round(Math.min(1, Math.max(0, percent)) * 100);
  const style = value === undefined ? undefined : ({ "--percent": `${value}%` } as object);
  return (
    <div
      role="progressbar"
      data-part="bar"
      aria-labelledby={labelledBy}
      aria-valuenow={value}
      style={style}
    />
  );
}
