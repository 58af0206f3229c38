import { describe, expect, it } from "vitest";
import { postgresMissing, postgresServer } from "../../support/postgres-server.js";
import { NAIVE } from "./naive-build.js";
import { waybillOnToldPostgres } from "./postgres-build.js";
import type { Build, Open, Scenario, System } from "./system.js";
import { EMBEDDED } from "./waybill-build.js";

export interface Regression {
  readonly scenario: Scenario;
  /** What the naive build violates, in the words of the scenario: all of it, and nothing else. */
  readonly naive: readonly string[];
  /** @default all of ours */
  readonly builds?: readonly Build[];
}

/** A real server answers every call of a story, on a loaded machine. */
const TIMEOUT_MS = 120_000;

/** Tells one story on the naive build, which must show the bug, and on each of ours, which must not. */
export function regression(name: string, { scenario, naive, builds }: Regression): void {
  describe(name, () => {
    it("shows on a naive build", { timeout: TIMEOUT_MS }, async () => {
      expect([...(await told(scenario, NAIVE))].sort()).toEqual([...naive].sort());
    });

    for (const build of builds ?? EMBEDDED) {
      it(`does not happen to ${build.name}`, { timeout: TIMEOUT_MS }, async () => {
        expect(await told(scenario, build)).toEqual([]);
      });
    }

    if (builds !== undefined) return;
    it.skipIf(postgresMissing() !== null)(
      "does not happen to Waybill on Postgres",
      { timeout: TIMEOUT_MS },
      async () => {
        expect(await told(scenario, waybillOnToldPostgres(postgresServer))).toEqual([]);
      },
    );
  });
}

/** What a scenario finds on one build; every system that it opened is closed. */
export async function told(scenario: Scenario, build: Build): Promise<readonly string[]> {
  const systems: System[] = [];
  const open: Open = async (options) => {
    const system = await build.open(options);
    systems.push(system);
    return system;
  };
  try {
    return [...new Set(await scenario(open))];
  } finally {
    for (const system of systems) await system.close();
  }
}
