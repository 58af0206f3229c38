import { type ReactElement, useEffect, useRef } from "react";

/** How a spinner looks, and what it says. */
export interface LoadingSpinnerProps {
  /** 16, 24 or 40 px. @default "md" */
  readonly size?: "sm" | "md" | "lg" | undefined;
  /** What it says to those who do not see it turn. @default "Loading" */
  readonly label?: string | undefined;
  readonly className?: string | undefined;
}

const PIXELS = { sm: 16, md: 24, lg: 40 } as const;
const TURN_MS = 900;

/** What the spinner needs of a browser; either may be missing. */
interface Moving {
  animate?(frames: readonly object[], options: object): { cancel(): void };
}

interface Surroundings {
  matchMedia?(query: string): { readonly matches: boolean };
}

/**
 * Something is being loaded. It takes the colour of the text, and turns by itself, without a style sheet; it stands still
 * for those who asked for less motion.
 */
export function LoadingSpinner({
  size = "md",
  label = "Loading",
  className,
}: LoadingSpinnerProps): ReactElement {
  const ring = useRef(null);
  useEffect(() => {
    const around = globalThis as Surroundings;
    if (around.matchMedia?.("(prefers-reduced-motion: reduce)").matches === true) return undefined;
    const turning = (ring.current as Moving | null)?.animate?.([{ rotate: "0deg" }, { rotate: "360deg" }], {
      duration: TURN_MS,
      iterations: Infinity,
    });
    return () => {
      turning?.cancel();
    };
  }, []);
  const pixels = PIXELS[size];
  return (
    <span
      role="progressbar"
      aria-label={label}
      data-waybill="loading-spinner"
      data-size={size}
      className={className}
    >
      <svg
        ref={ring}
        width={pixels}
        height={pixels}
        viewBox="0 0 24 24"
        aria-hidden
        fill="none"
        stroke="currentColor"
      >
        <circle cx={12} cy={12} r={9} strokeWidth={3} opacity={0.25} />
        <path d="M21 12a9 9 0 0 0-9-9" strokeWidth={3} strokeLinecap="round" />
      </svg>
    </span>
  );
}
