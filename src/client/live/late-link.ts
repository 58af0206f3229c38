import type { Link, LinkHost } from "./link.js";

/** A link whose code is on its way: what is asked of it is done when it is there, in order. */
export function lateLink(host: LinkHost, loading: Promise<Link>): Link {
  const later = (run: (link: Link) => void): void => {
    loading.then(run, () => undefined);
  };
  loading.catch(() => {
    host.down({ reason: "lost" });
  });
  return {
    follow(topic) {
      later((link) => {
        link.follow(topic);
      });
    },
    leave(topic) {
      later((link) => {
        link.leave(topic);
      });
    },
    check() {
      later((link) => {
        link.check();
      });
    },
    stop() {
      later((link) => {
        link.stop();
      });
    },
  };
}
