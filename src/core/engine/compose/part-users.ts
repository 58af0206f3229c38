/** How many Waybills of this process use a part that was passed in. */
const users = new WeakMap<object, number>();

/** Says that a Waybill was made with these parts. */
export function useParts(...parts: readonly object[]): void {
  for (const part of parts) users.set(part, (users.get(part) ?? 0) + 1);
}

/** Says that such a Waybill closes. @returns whether it was the last one: the part may be closed */
export function letGoOfPart(part: object): boolean {
  const left = (users.get(part) ?? 1) - 1;
  users.set(part, left);
  return left <= 0;
}
