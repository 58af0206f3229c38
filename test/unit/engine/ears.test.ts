import { describe, expect, it } from "vitest";
import { createBus } from "../../../src/core/engine/announce/bus.js";
import type { Hints } from "../../../src/core/engine/read/watch.js";
import { openEars } from "../../../src/core/engine/wake/ears.js";
import { testCore } from "../../support/core.js";

describe("the ears of a worker", () => {
  it("have it look for work, for what is due and after what runs, wherever they may have missed something", () => {
    const { core } = testCore({ definitions: [] });
    const done: string[] = [];
    let gap = (): void => undefined;
    const hints: Hints = {
      bus: createBus(core.logger, core.telemetry),
      isClosed: () => false,
      attach: (_, missed = () => undefined) => {
        gap = missed;
        return { attached: new Promise(() => undefined), isUp: () => true, letGo: () => undefined };
      },
    };
    const ears = openEars(core, hints, {
      kinds: [],
      ready: () => void done.push("ready"),
      due: () => void done.push("due"),
      running: {
        hear: () => undefined,
        missed: () => void done.push("running"),
        longestMs: () => 0,
        stop: () => void done.push("stopped"),
      },
    });
    expect(done).toEqual([]);
    gap();
    expect(done).toEqual(["ready", "due", "running"]);
    ears.stop();
    expect(done).toEqual(["ready", "due", "running", "stopped"]);
  });
});
