import { splitExpression, updateClauses, updateOf } from "./expressions.js";

/** What a command carries, as far as guards are in it. */
export interface Request {
  readonly ConditionExpression?: string | undefined;
  readonly FilterExpression?: string | undefined;
  readonly KeyConditionExpression?: string | undefined;
  readonly UpdateExpression?: string | undefined;
  readonly ProjectionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>> | undefined;
  readonly Limit?: number | undefined;
  readonly ScanIndexForward?: boolean | undefined;
  readonly ConsistentRead?: boolean | undefined;
  readonly ReturnValues?: string | undefined;
  readonly ReturnValuesOnConditionCheckFailure?: string | undefined;
  readonly RequestItems?:
    Readonly<Record<string, { readonly ConsistentRead?: boolean | undefined }>> | undefined;
}

/** A part of a request that keeps what is read or written as it must be. */
export interface RequestGuard {
  /** Where it is sent from and what it says. */
  readonly key: string;
  /** The request without it. */
  readonly without: Request;
}

const EXPRESSIONS = [
  "ConditionExpression",
  "FilterExpression",
  "KeyConditionExpression",
  "UpdateExpression",
  "ProjectionExpression",
] as const;

/**
 * Every guard of a request. The partition of a key condition is none: without it the engine takes no query.
 *
 * @param site - where the request is sent from
 */
export function guardsOfRequest(site: string, request: Request): readonly RequestGuard[] {
  return new Finder(site, request).guards;
}

class Finder {
  readonly guards: RequestGuard[] = [];
  readonly #site: string;
  readonly #request: Request;

  constructor(site: string, request: Request) {
    this.#site = site;
    this.#request = request;
    this.#condition("ConditionExpression", "when");
    this.#condition("FilterExpression", "filter");
    this.#key();
    this.#update();
    this.#options();
  }

  #add(said: string, changes: Request): void {
    this.guards.push({ key: `${this.#site}: ${said}`, without: tidy({ ...this.#request, ...changes }) });
  }

  /** Names as they are, values as they may be any. */
  #readable(text: string): string {
    const names = this.#request.ExpressionAttributeNames ?? {};
    return text.replace(/#\d+/g, (name) => names[name] ?? name).replace(/:\d+/g, "?");
  }

  /** What must hold is left out; what may hold instead too. */
  #condition(field: "ConditionExpression" | "FilterExpression", label: string): void {
    const text = this.#request[field];
    if (text === undefined) return;
    const all = splitExpression(text, "AND");
    for (const [index, clause] of all.entries()) {
      const others = all.filter((_, other) => other !== index);
      this.#add(`${label} ⟦${this.#readable(clause)}⟧`, { [field]: others.join(" AND ") || undefined });
      const alternatives = clause.startsWith("(") ? splitExpression(clause.slice(1, -1), "OR") : [];
      if (alternatives.length < 2) continue;
      for (const [place, alternative] of alternatives.entries()) {
        const left = `(${alternatives.filter((_, other) => other !== place).join(" OR ")})`;
        const said = this.#readable(clause).replace(
          this.#readable(alternative),
          `⟦${this.#readable(alternative)}⟧`,
        );
        this.#add(`${label} ${said}`, {
          [field]: all.map((one, other) => (other === index ? left : one)).join(" AND "),
        });
      }
    }
  }

  #key(): void {
    const text = this.#request.KeyConditionExpression;
    if (text === undefined) return;
    const [partition = "", sort] = splitExpression(text, "AND");
    if (sort === undefined) return;
    const [, name = "", from = "", to = ""] = /^(\S+) BETWEEN (\S+) AND (\S+)$/.exec(sort) ?? [];
    const field = "KeyConditionExpression";
    if (name === "") this.#add(`key ⟦${this.#readable(sort)}⟧`, { [field]: partition });
    else {
      const said = this.#readable(name);
      this.#add(`key ${said} between ⟦?⟧ and ?`, { [field]: `${partition} AND ${name} <= ${to}` });
      this.#add(`key ${said} between ? and ⟦?⟧`, { [field]: `${partition} AND ${name} >= ${from}` });
    }
  }

  #update(): void {
    const clauses = updateClauses(this.#request.UpdateExpression ?? "");
    for (const one of clauses) {
      const others = clauses.filter((other) => other !== one);
      const said = `${one.section.toLowerCase()} ⟦${this.#readable(one.clause)}⟧`;
      this.#add(said, { UpdateExpression: updateOf(others) || undefined });
    }
  }

  #options(): void {
    const { Limit, ScanIndexForward, ConsistentRead, ReturnValues, RequestItems } = this.#request;
    if (Limit !== undefined) this.#add("⟦Limit⟧", { Limit: undefined });
    if (ScanIndexForward !== undefined)
      this.#add("⟦ScanIndexForward⟧", { ScanIndexForward: !ScanIndexForward });
    if (ConsistentRead === true) this.#add("⟦ConsistentRead⟧", { ConsistentRead: undefined });
    if (ReturnValues !== undefined && ReturnValues !== "NONE")
      this.#add(`⟦ReturnValues ${ReturnValues}⟧`, { ReturnValues: undefined });
    const returns = this.#request.ReturnValuesOnConditionCheckFailure;
    if (returns !== undefined)
      this.#add("⟦ReturnValuesOnConditionCheckFailure⟧", { ReturnValuesOnConditionCheckFailure: undefined });
    if (
      RequestItems !== undefined &&
      Object.values(RequestItems).some((one) => one.ConsistentRead === true)
    ) {
      const weak = Object.entries(RequestItems).map(([table, one]) => [
        table,
        { ...one, ConsistentRead: undefined },
      ]);
      this.#add("⟦ConsistentRead⟧", { RequestItems: Object.fromEntries(weak) });
    }
  }
}

/** Without the names and values that no expression needs any more: the engine refuses a request that has some. */
function tidy(request: Request): Request {
  const text = EXPRESSIONS.map((field) => request[field] ?? "").join(" ");
  const used = new Set(text.match(/[#:]\d+/g));
  const kept = <T>(all: Readonly<Record<string, T>> | undefined) => {
    const left = Object.entries(all ?? {}).filter(([name]) => used.has(name));
    return left.length === 0 ? undefined : Object.fromEntries(left);
  };
  return {
    ...request,
    ExpressionAttributeNames: kept(request.ExpressionAttributeNames),
    ExpressionAttributeValues: kept(request.ExpressionAttributeValues),
  };
}
