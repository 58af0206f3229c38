import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { Children } from "../../examples/stage/children.js";
import { httpRoad, tcpRoad } from "../../examples/stage/road.js";
import { openScreen, type Screen } from "../../examples/stage/screen.js";
import { exampleCommand } from "./run-example.js";

const closers: (() => unknown)[] = [];
const stage = { atEnd: (close: () => unknown) => void closers.push(close) };
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe("npm run example", () => {
  it("lists what there is", async () => {
    const { code, out } = await exampleCommand();
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}notification-pipeline {2,}Services post messages for an HTTP endpoint\.$/m);
    expect(out).toMatch(/^ {2}server-actions {2,}People start, stop and reboot machines/m);
  });

  it("names the nearest to a wrong name", async () => {
    const { code, out } = await exampleCommand("server-action");
    expect(code).toBe(2);
    expect(out).toBe("There is no example server-action; did you mean server-actions?\n");
  });
});

describe("the screen", () => {
  const table = (status: string) => ({
    head: ["run", "NAIVE"],
    rows: [
      ["i-01", status],
      ["i-02", "-"],
    ],
  });

  it("writes a line per change in a pipe", () => {
    let text = "";
    let now = 1_000;
    const screen = openScreen({ write: (more: string) => (text += more) }, () => now);
    screen.show(table("PENDING"));
    now = 5_230;
    screen.show(table("PENDING"));
    screen.show(table("COMPLETED"));
    screen.verdict(true, "All is well.");
    expect(text).toBe(
      "+ 0.0 s  run   NAIVE\n+ 0.0 s  i-01  PENDING\n+ 0.0 s  i-02  -\n+ 4.2 s  i-01  COMPLETED\n✓ All is well.\n",
    );
  });

  it("draws in place on a terminal, at most 100 columns", () => {
    const written: string[] = [];
    const screen = openScreen({
      isTTY: true,
      columns: 200,
      rows: 30,
      write: (more: string) => written.push(more),
    });
    screen.show(table("x".repeat(150)));
    screen.show(table("COMPLETED"));
    expect(
      written
        .join("")
        .split("\n")
        .every((line) => line.length <= 100 + 20),
    ).toBe(true);
    expect(written).toContain("\u001B[3A\u001B[0J");
  });
});

describe("a road", () => {
  async function server(): Promise<{ readonly url: string; readonly taken: string[] }> {
    const taken: string[] = [];
    const made = createServer((request, response) => {
      taken.push(request.url ?? "");
      response.end("done");
    });
    await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
    stage.atEnd(() => {
      made.close();
      made.closeAllConnections();
    });
    return { url: `http://127.0.0.1:${String((made.address() as AddressInfo).port)}`, taken };
  }
  const textOf = async (url: string, signal?: AbortSignal): Promise<string> =>
    (await fetch(url, signal === undefined ? {} : { signal })).text().catch(() => "broken");

  it("passes, cuts, hangs, loses a reply, and answers in the server's place", async () => {
    const { url, taken } = await server();
    const road = (await httpRoad(stage, url))!;
    expect(await textOf(`${road.url}/pass`)).toBe("done");
    road.fate(({ path }) => (path === "/cut" ? "cut" : "lose reply"));
    await expect(textOf(`${road.url}/cut`)).rejects.toThrow();
    await expect(textOf(`${road.url}/lost`)).rejects.toThrow();
    road.fate(() => ({ status: 503, body: "away" }));
    expect(await textOf(`${road.url}/answered`)).toBe("away");
    for (const fate of ["hang", "hang reply"] as const) {
      road.fate(() => fate);
      await expect(
        textOf(`${road.url}/${fate.replace(" ", "-")}`, AbortSignal.timeout(150)),
      ).rejects.toThrow();
    }
    expect(taken).toEqual(["/pass", "/lost", "/hang-reply"]);
    expect(await httpRoad(stage, "https://sqs.example")).toBeNull();
  });

  it("cuts and restores connections of any protocol", async () => {
    const echo = createTcpServer((socket) => socket.on("error", () => undefined).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    stage.atEnd(() => echo.close());
    const road = await tcpRoad(stage, { port: (echo.address() as AddressInfo).port });
    const opened = connect(road.port, road.host).on("error", () => undefined);
    opened.write("hello");
    expect(String((await once(opened, "data"))[0])).toBe("hello");
    const closed = closeOf(opened);
    road.cut();
    await closed;
    const refused = connect(road.port, road.host).on("error", () => undefined);
    await closeOf(refused);
    road.restore();
    const again = connect(road.port, road.host).on("error", () => undefined);
    again.write("again");
    expect(String((await once(again, "data"))[0])).toBe("again");
    const passed: string[] = [];
    road.when(
      (bytes) => bytes.includes("ga"),
      () => passed.push("seen"),
    );
    again.write("again");
    await once(again, "data");
    // Once: the echo fits as well.
    expect(passed).toEqual(["seen"]);
    road.loseReply("again");
    const lost = closeOf(again);
    again.write("again");
    await lost;
  });
});

/** However it came to that: `once` would reject at the error before it. */
const closeOf = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once("close", resolve));

describe("children", () => {
  it("are frozen, thawed, killed and started again, and end with whoever started them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-stage-test-"));
    stage.atEnd(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const file = join(folder, "child.ts");
    writeFileSync(file, 'console.log("up"); setInterval(() => console.log("beat"), 20);\n');
    const quiet: Screen = { say: () => {}, show: () => {}, keep: () => {}, verdict: () => {} };
    const children = new Children(quiet);
    stage.atEnd(() => {
      children.killAll();
    });
    let lines: string[] = [];
    const child = children.spawn("child", pathToFileURL(file), { onLine: (line) => lines.push(line) });
    await expect.poll(() => lines.includes("beat"), { timeout: 20_000 }).toBe(true);
    const first = child.pid;
    child.freeze();
    child.thaw();
    lines = [];
    await expect.poll(() => lines.includes("beat"), { timeout: 20_000 }).toBe(true);
    await child.restart();
    await expect.poll(() => lines.includes("up"), { timeout: 20_000 }).toBe(true);
    expect(child.pid).not.toBe(first);
    // Its channel goes with whoever holds the other end.
    child.abandon();
    await expect.poll(() => child.pid, { timeout: 20_000 }).toBeNull();
  });

  it("are heard until the run is over: the verdict is its last line", async () => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-stage-test-"));
    stage.atEnd(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const file = join(folder, "child.ts");
    writeFileSync(
      file,
      'process.once("SIGTERM", () => { console.error("torn"); process.exit(0); }); console.error("up"); setInterval(() => {}, 1_000);\n',
    );
    const said: string[] = [];
    const say = (line: string): void => void said.push(line);
    const children = new Children({ say, show: () => {}, keep: () => {}, verdict: () => {} });
    stage.atEnd(() => {
      children.killAll();
    });
    const child = children.spawn("child", pathToFileURL(file));
    await expect.poll(() => said, { timeout: 20_000 }).toEqual(["child: up"]);
    children.over();
    expect(await child.stop(20_000)).toBe(0);
    expect(said).toEqual(["child: up"]);
  });
});

describe("a run that is interrupted", () => {
  const URL_OF_RUN = new URL("../../examples/stage/run.ts", import.meta.url).href;
  const CHILD = 'console.log("up"); setInterval(() => {}, 1_000);\n';
  const DEAF = `process.on("SIGTERM", () => {}); ${CHILD}`;
  /** One child, and a closer that takes its time. */
  const RUN = (child: string, closes: boolean): string => `
    import { fileURLToPath, pathToFileURL } from "node:url";
    import { runExample } from ${JSON.stringify(URL_OF_RUN)};
    await runExample(async ({ children, folder, atEnd, screen }) => {
      atEnd(() => new Promise((closed) => ${closes ? "closed()" : "undefined"}));
      await new Promise((up) => {
        const child = children.spawn("child", pathToFileURL(${JSON.stringify(child)}), { onLine: up });
        screen.say("child " + child.pid);
      });
      screen.say("folder " + folder);
      return new Promise(() => undefined);
    });\n`;

  function start(willingly: boolean) {
    const folder = mkdtempSync(join(tmpdir(), "waybill-stage-test-"));
    stage.atEnd(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const [child, run] = [join(folder, "child.ts"), join(folder, "run.mts")];
    writeFileSync(child, willingly ? CHILD : DEAF);
    writeFileSync(run, RUN(child, willingly));
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const running = spawn(process.execPath, ["--import", "tsx", run], { cwd: root, stdio: "pipe" });
    stage.atEnd(() => running.kill("SIGKILL"));
    const exited = new Promise<number | null>((resolve) => running.once("exit", resolve));
    let out = "";
    running.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    running.stderr.setEncoding("utf8").on("data", (text: string) => (out += text));
    const said = (pattern: RegExp): string => pattern.exec(out)?.[1] ?? "";
    const untilSaid = (pattern: RegExp) =>
      expect.poll(() => out, { timeout: 30_000, interval: 20 }).toMatch(pattern);
    return { running, exited, said, untilSaid };
  }

  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  it.each([1, 2])("by %i Ctrl-C says so, leaves no child and ends with 130", async (times) => {
    const { running, exited, said, untilSaid } = start(times === 1);
    await untilSaid(/folder \S+\n/);
    running.kill("SIGINT");
    await untilSaid(/Stopping\n/);
    if (times === 2) running.kill("SIGINT");
    expect(await exited).toBe(130);
    await expect.poll(() => isAlive(Number(said(/child (\d+)/))), { timeout: 20_000 }).toBe(false);
    // A second one kills: nothing is waited for, and nothing tidied.
    const folder = said(/folder (\S+)/);
    expect(existsSync(folder)).toBe(times === 2);
    rmSync(folder, { recursive: true, force: true });
  });
});
