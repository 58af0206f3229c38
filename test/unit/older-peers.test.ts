import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";

afterEach(() => {
  vi.doUnmock("ws");
  vi.doUnmock("react");
  vi.resetModules();
});

describe("a peer that is in the project for other purposes, and too old", () => {
  it("ws 7: the entry loads, and the gateway says what it needs", async () => {
    vi.doMock("ws", () => ({ default: undefined, WebSocketServer: undefined, Server: () => undefined }));
    const { websocketGateway } = await import("../../src/websocket.js");
    const { createWaybill, defineJob, memoryStore } = await import("../../src/index.js");
    const mail = defineJob({ kind: "mail", input: z.object({}) });
    const waybill = createWaybill({ jobs: [mail], store: memoryStore() });
    expect(() =>
      websocketGateway(waybill, { kinds: [mail], allowedOrigins: [], authorize: async () => null }),
    ).toThrow("websocketGateway needs ws 8 or later; an older one is installed.");
    await waybill.close();
  });

  it("React 17: the entry loads, and createHooks says what it needs", async () => {
    const actual = await vi.importActual<object>("react");
    vi.doMock("react", () => ({ ...actual, useSyncExternalStore: undefined, useId: undefined }));
    const { createHooks } = await import("../../src/react.js");
    expect(() => createHooks({} as never)).toThrow(
      "createHooks needs React 18 or later; an older one is installed.",
    );
  });

  // A range that it is outside of would end `npm install` for those who use none of it.
  it("does not keep anybody from installing: every peer is optional, and of any version", () => {
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync("package.json", "utf8")) as {
      readonly peerDependencies: Readonly<Record<string, string>>;
      readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
    };
    const required = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    expect(required).toEqual([]);
    const bounded = Object.entries(peerDependencies).filter(([, range]) => range !== "*");
    // An older one lets pass what the webhook's notifier must refuse, and nothing of it tells its version.
    expect(bounded).toEqual([["request-filtering-agent", ">=3.2"]]);
  });
});
