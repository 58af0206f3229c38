import { vi } from "vitest";

// Before any program is loaded, as a project does that fakes them everywhere.
if (process.env.FAKE_TIMERS === "1") vi.useFakeTimers();
