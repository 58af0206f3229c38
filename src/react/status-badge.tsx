import type { ReactElement } from "react";
import { useAnnouncement } from "./announcer.js";

/** What a badge shows. */
export interface StatusBadgeProps<W extends string> {
  /** The application's word for the status: `job.word`. */
  readonly status: W;
  /** For people, beside the label. */
  readonly message?: string | null | undefined;
  /** @default "md" */
  readonly size?: "sm" | "md" | undefined;
  /** What people read for each word: of all of them, or left out. @default the words themselves */
  readonly labels?: Readonly<Record<NoInfer<W>, string>> | undefined;
  readonly className?: string | undefined;
}

/**
 * The status of a job, in words. Unstyled: `[data-waybill="status-badge"][data-status="ready"]` is where style goes; a
 * shape beside the colour keeps it readable for everybody. A change of the word is announced, politely and once.
 */
export function StatusBadge<W extends string>(props: StatusBadgeProps<W>): ReactElement {
  const { status, message, size = "md", labels, className } = props;
  // A newer server may have a word that this page does not know: it is shown as it is.
  const label = labels?.[status] ?? status;
  const hasMessage = message !== undefined && message !== null && message !== "";
  useAnnouncement(status, hasMessage ? `${label}: ${message}` : label);
  return (
    <span data-waybill="status-badge" data-status={status} data-size={size} className={className}>
      <span data-part="label">{label}</span>
      {hasMessage ? " " : null}
      {hasMessage ? <span data-part="message">{message}</span> : null}
    </span>
  );
}
