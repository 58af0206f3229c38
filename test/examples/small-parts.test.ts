import { expect, it } from "vitest";
import { exampleCommand } from "./run-example.js";

it.each(["small-queue", "small-notifier"])(
  "%s says in a sentence that there is no Redis, and ends",
  async (name) => {
    // Nobody listens on port 1.
    const { code, out } = await exampleCommand(name, "redis://127.0.0.1:1");
    expect(out.trim()).toBe("Redis does not answer: start one (redis-server), or pass the address of one.");
    expect(code).toBe(1);
  },
);
