// What a feed does wrong when its link is lost and comes back. The memory feed has no link: one is put before it.
import type { Feed } from "../../../src/core/ports/feed.js";
import type { FeedBug } from "./feed-bugs.js";

/** A link that can be lost. */
export class Link {
  /** Nothing is heard: the link is not back. */
  protected isDown = false;
  protected onGaps: (() => void)[] = [];

  async subscribe(
    inner: Feed,
    ...[listener, options]: Parameters<Feed["subscribe"]>
  ): Promise<() => Promise<void>> {
    const stop = await inner.subscribe((hint) => {
      if (!this.isDown) listener(hint);
    });
    const onGap = (): void => options?.onGap?.();
    this.onGaps.push(onGap);
    return async () => {
      this.leave(onGap);
      await stop();
    };
  }

  /** It is lost, and comes back. */
  lose(): void {
    for (const onGap of [...this.onGaps]) {
      try {
        onGap();
      } catch {
        continue;
      }
    }
  }

  protected leave(onGap: () => void): void {
    this.onGaps = this.onGaps.filter((each) => each !== onGap);
  }
}

/** Longer than a hint is under way in memory. */
const LATER_MS = 20;

const GAP = "`onGap`: the link was lost and is back: hints in between did not arrive.";

const link = (name: string, breaks: string, Made: new () => Link): FeedBug => ({
  name,
  breaks,
  caughtBy: "losing the link",
  make: () => ({}),
  link: () => new Made(),
});

export const LINK_BUGS: readonly FeedBug[] = [
  link(
    "nobody is told of a gap",
    GAP,
    class extends Link {
      override lose(): void {
        this.isDown = false;
      }
    },
  ),
  link(
    "the first subscriber is told of a gap, and no other",
    GAP,
    class extends Link {
      override lose(): void {
        this.onGaps[0]?.();
      }
    },
  ),
  link(
    "the last subscriber is told of a gap, and no other",
    GAP,
    class extends Link {
      override lose(): void {
        this.onGaps.at(-1)?.();
      }
    },
  ),
  link(
    "who has left is told of a gap",
    "Returns how to stop: the listener hears nothing more.",
    class extends Link {
      protected override leave(): void {
        this.isDown = false;
      }
    },
  ),
  link(
    "an onGap that throws hides the gap from the others",
    "A listener that throws hurts neither the others nor the publisher.",
    class extends Link {
      override lose(): void {
        try {
          for (const onGap of this.onGaps) onGap();
        } catch {
          this.isDown = false;
        }
      }
    },
  ),
  link(
    "a gap is told before it listens again",
    "Called once the feed listens again.",
    class extends Link {
      override lose(): void {
        this.isDown = true;
        super.lose();
        setTimeout(() => (this.isDown = false), LATER_MS);
      }
    },
  ),
  link(
    "it listens no more once its link was lost",
    "Hints published afterwards arrive: the link is back.",
    class extends Link {
      override lose(): void {
        super.lose();
        this.isDown = true;
      }
    },
  ),
];
