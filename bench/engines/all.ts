import type { Engine } from "../lib/engine.js";
import { dynamodb } from "./dynamodb.js";
import { memory } from "./memory.js";
import { postgres } from "./postgres.js";
import { redis } from "./redis.js";
import { sqlite } from "./sqlite.js";

/** Every engine that is measured. Another one is a file like these, its contestants, and its place here. */
export const ENGINES: readonly Engine[] = [memory, sqlite, postgres, redis, dynamodb];
