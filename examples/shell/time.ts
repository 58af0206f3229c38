import { useEffect, useState } from "react";

/** The instant, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}

export function clock(instant: number | string | Date | null, seconds = false): string {
  if (instant === null) return "–";
  return new Date(instant).toLocaleTimeString([], {
    ...{ hour: "2-digit", minute: "2-digit", hour12: false },
    ...(seconds ? { second: "2-digit" } : {}),
  });
}

export function ago(instant: Date, now: number): string {
  const seconds = Math.max(0, Math.round((now - instant.getTime()) / 1_000));
  return seconds < 60 ? `${seconds} s ago` : clock(instant);
}
