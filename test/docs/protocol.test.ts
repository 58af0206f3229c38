import { existsSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { CLOSE, LIVE_LIMITS, LIVE_PROTOCOL } from "../../src/core/wire/live.js";
import type { LiveView } from "../../src/transports/websocket/aim.js";
import { websocketWorld, type WebsocketWorld } from "../integration/websocket-world.js";
import { clientSource, followJobs } from "../property/live-world.js";
import { ended } from "../unit/observe-world.js";

const PAGE = new URL("../../docs/PROTOCOL.md", import.meta.url);
const page = readFileSync(PAGE, "utf8");

describe("docs/PROTOCOL.md", () => {
  it("names every close code, limit and frame as they are", () => {
    for (const code of Object.values(CLOSE)) expect(page).toContain(String(code));
    expect(page).toContain(LIVE_PROTOCOL);
    expect(page).toContain(`"heartbeatMs":${LIVE_LIMITS.heartbeatMs}`);
    expect(page).toContain(`"maxFrameBytes":${LIVE_LIMITS.maxFrameBytes}`);
    expect(page).toContain(`"maxSubscriptions":${LIVE_LIMITS.maxSubscriptions}`);
    for (const type of [
      "init",
      "renew",
      "subscribe",
      "unsubscribe",
      "ping",
      "ready",
      "changes",
      "complete",
      "error",
      "pong",
    ]) {
      expect(page).toContain(`{"type":"${type}"`);
    }
    for (const code of ["subscribe.invalid", "subscribe.forbidden", "subscribe.too_many", "system_error"]) {
      expect(page).toContain(`\`${code}\``);
    }
  });

  it("names every field of a view", () => {
    const view = readFileSync(new URL("../../src/core/view/public-view.ts", import.meta.url), "utf8");
    const [, body = ""] = /export interface PublicView {\n([\s\S]*?)\n}/.exec(view) ?? [];
    const fields = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => String(name));
    expect(fields).toContain("awaiting");
    expect(fields.filter((name) => name !== "metadata" && !page.includes(name))).toEqual([]);
  });

  it("leads to files that are there", () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !link.includes("://") && !existsSync(new URL(link, PAGE)))).toEqual([]);
  });

  it("has a client of under 80 lines", () => {
    expect(clientSource().trimEnd().split("\n").length).toBeLessThan(80);
  });
});

describe("the client of the page", () => {
  let at: WebsocketWorld | null = null;
  const stops: (() => void)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) stop();
    await at?.end();
    at = null;
  });

  /** Follows a room, and waits for what it shows. */
  async function following(filter: object, token = "ann") {
    at ??= await websocketWorld();
    const rooms: ReadonlyMap<string, LiveView>[] = [];
    const ends: unknown[] = [];
    let wake: () => void = () => undefined;
    // Its clock is the machine's, but nothing here waits for a timer of more than 250 ms.
    const clock = {
      now: () => Date.now(),
      timer: (ms: number, run: () => void) => {
        const handle = setTimeout(run, ms);
        return () => {
          clearTimeout(handle);
        };
      },
      defer: setImmediate,
    };
    const stop = followJobs(
      clock,
      () => 0,
    )({
      url: at.url,
      filter,
      WebSocket,
      accessToken: async () => token,
      onChange: (room) => {
        rooms.push(room);
        wake();
      },
      onEnd: (reason) => {
        ends.push(reason);
        wake();
      },
    });
    stops.push(stop);
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
    };
    const shows = (): string =>
      [...(rooms.at(-1)?.values() ?? [])]
        .map(({ id, version }) => `${id} ${version}`)
        .sort()
        .join();
    return { at, rooms, ends, stop, until, shows };
  }

  it("shows a room, what changes in it, and what leaves it", async () => {
    const { at, rooms, until, shows } = await following({ owner: "self", limit: 2 });
    await until(() => rooms.length === 1);
    expect(shows()).toBe("");
    at.put("a", { createdAt: 1 });
    await until(() => shows() === "a 1");
    at.put("a");
    at.put("b", { createdAt: 2 });
    await until(() => shows() === "a 2,b 1");
    at.put("c", { createdAt: 3 });
    await until(() => shows() === "b 1,c 1");
  });

  it("ends with its job", async () => {
    const { at, rooms, ends, until, shows } = await following({ jobId: "a" });
    await until(() => rooms.length === 1);
    at.put("a");
    await until(() => shows() === "a 1");
    at.put("a", ended("FAILED", 1));
    await until(() => ends.length > 0);
    expect([ends, shows()]).toEqual([["complete"], "a 2"]);
  });

  it("comes back after a lost connection, and is told what it missed", async () => {
    const { at, rooms, until, shows } = await following({ owner: "self" });
    at.put("a");
    at.put("b");
    await until(() => shows() === "a 1,b 1");
    const before = rooms.length;
    for (const socket of at.upgraded) socket.destroy();
    at.write("a");
    at.rows.delete("b");
    await until(() => rooms.length > before);
    expect(shows()).toBe("a 2");
  });

  it("gives up after a second refusal, and on a room that it may not see", async () => {
    const refused = await following({ owner: "self" }, "nobody");
    await refused.until(() => refused.ends.length > 0);
    expect(refused.ends).toEqual([4401]);
    const forbidden = await following({ owner: "any" });
    await forbidden.until(() => forbidden.ends.length > 0);
    expect(forbidden.ends).toEqual(["subscribe.forbidden"]);
  });
});
