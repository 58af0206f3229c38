import { useEffect, useRef } from "react";

/** What the announcer needs of a page; there may be none. */
interface Page {
  createElement(tag: string): Region;
  readonly body: { append(region: Region): void };
}

interface Region {
  textContent: string | null;
  readonly style: { cssText: string };
  setAttribute(name: string, value: string): void;
  remove(): void;
}

/** What changes within so long is said together: many jobs may end at once. */
const TOGETHER_MS = 300;
const UNSEEN =
  "position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";

let region: Region | null = null;
let users = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
const sentences = new Set<string>();

/**
 * Says a sentence to screen readers each time `key` changes; nothing at first. All components share one polite region,
 * which is there before anything is said: a region that arrives with its text is passed over.
 */
export function useAnnouncement(key: string, sentence: string): void {
  const before = useRef(key);
  useEffect(() => open(), []);
  useEffect(() => {
    if (before.current === key) return;
    before.current = key;
    say(sentence);
  });
}

function open(): () => void {
  const { document: page } = globalThis as { document?: Page };
  users += 1;
  if (region === null && page !== undefined) {
    region = page.createElement("div");
    region.setAttribute("role", "status");
    region.setAttribute("data-waybill", "announcer");
    region.style.cssText = UNSEEN;
    page.body.append(region);
  }
  return () => {
    users -= 1;
    if (users > 0) return;
    clearTimeout(timer);
    sentences.clear();
    region?.remove();
    region = null;
  };
}

function say(sentence: string): void {
  sentences.add(sentence);
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (region !== null) region.textContent = together(sentences);
    sentences.clear();
  }, TOGETHER_MS);
}

/** What is said at once, each with an end of its own: without one, a screen reader runs them together. */
export function together(said: Iterable<string>): string {
  const texts = [...said];
  return texts
    .map((text, index) => (index === texts.length - 1 || /[.!?…:;]$/.test(text) ? text : `${text}.`))
    .join(" ");
}
