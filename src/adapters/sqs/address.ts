import { WaybillError } from "../../core/errors/errors.js";

/** What the URL of a queue says about it, without asking anybody. */
export interface QueueAddress {
  readonly url: string;
  readonly name: string;
  /** The name's ending decides: SQS has no FIFO queue without it, and no other queue with it. */
  readonly fifo: boolean;
  /** `null`: the URL does not say, as those of emulators and of own domains. */
  readonly account: string | null;
  readonly region: string | null;
}

const EXAMPLE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";

/** `eu-west-1`, `us-gov-east-1`, `cn-north-1`. */
const REGION = "[a-z]{2}(?:-[a-z]+)+-\\d+";
const HOSTS = [
  // Also behind a VPC endpoint (`vpce-….sqs.eu-west-1.vpce.amazonaws.com`), FIPS and dual stack (`….api.aws`).
  new RegExp(`^(?:[^/]+\\.)?sqs(?:-fips)?\\.(${REGION})\\.`),
  // Of before 2014, still answered.
  new RegExp(`^(${REGION})\\.queue\\.amazonaws\\.com`),
];

/**
 * Takes the URL of a queue apart.
 *
 * @throws WaybillError `config.invalid`; the sentence never repeats the URL, which may hold what is secret
 */
export function addressOf(option: string, url: unknown): QueueAddress {
  if (typeof url === "string" && url.startsWith("arn:")) {
    throw new WaybillError("config.invalid", `${option} must be the URL of the queue, not its ARN.`);
  }
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  const [name, account] = parsed?.pathname.split("/").reverse() ?? [];
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || name === undefined || name === "") {
    throw new WaybillError("config.invalid", `${option} must be the URL of a queue, such as ${EXAMPLE}.`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new WaybillError(
      "config.invalid",
      `${option} must hold no user and no password: credentials belong to the client.`,
    );
  }
  return {
    url: String(url),
    name,
    fifo: name.endsWith(".fifo"),
    account: account !== undefined && /^\d{12}$/.test(account) ? account : null,
    region: regionOf(parsed.hostname),
  };
}

function regionOf(host: string): string | null {
  if (host === "queue.amazonaws.com") return "us-east-1";
  for (const pattern of HOSTS) {
    const region = pattern.exec(host)?.[1];
    if (region !== undefined) return region;
  }
  return null;
}

/** The address of another queue of the same account and region. A dead letter queue always is one. */
export function neighbourOf({ url, name }: QueueAddress, other: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.slice(0, -name.length)}${other}`;
}

/** Whether an ARN is that of the queue. What the URL does not say is not compared. */
export function isArnOf(arn: string, { name, account, region }: QueueAddress): boolean {
  const [scheme, , service, itsRegion, itsAccount, itsName, ...rest] = arn.split(":");
  if (scheme !== "arn" || service !== "sqs" || rest.length > 0) return false;
  return (
    itsName === name &&
    (account === null || itsAccount === account) &&
    (region === null || itsRegion === region)
  );
}
