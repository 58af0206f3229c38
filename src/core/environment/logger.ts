/** Where Waybill says what an operator should know. Fields never hold a payload, a secret or a credential. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const quiet = (): void => undefined;

/** The default: warnings and errors to the console, nothing else. */
export const consoleLogger: Logger = {
  debug: quiet,
  info: quiet,
  /* eslint-disable no-console -- a promise that is about to be broken must be heard without any set-up */
  warn(message, fields) {
    console.warn(`waybill: ${message}`, ...(fields === undefined ? [] : [fields]));
  },
  error(message, fields) {
    console.error(`waybill: ${message}`, ...(fields === undefined ? [] : [fields]));
  },
  /* eslint-enable no-console */
};
