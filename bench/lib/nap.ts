/** A pause that whoever makes new work in the same process ends early. */
export interface Nap {
  take(): Promise<void>;
  end(): void;
}

export function createNap(ms: number): Nap {
  let kicked = false;
  let wake: () => void = () => undefined;
  return {
    async take() {
      // New work came while nobody slept: it may not have been seen.
      if (!kicked) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      kicked = false;
    },
    end() {
      kicked = true;
      wake();
    },
  };
}
