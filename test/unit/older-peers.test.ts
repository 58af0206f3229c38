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
});
