import type { Link, LinkHost } from "./link.js";
import type { Topic } from "../topic.js";

/** A link whose code is on its way. */
export function lateLink(host: LinkHost, loading: Promise<Link>): Link {
  const topics = new Set<Topic>();
  let link: Link | null = null;
  let stopped = false;
  loading.then(
    (loaded) => {
      if (stopped) return;
      link = loaded;
      for (const topic of topics) loaded.follow(topic);
    },
    () => {
      host.down({ reason: "lost" });
    },
  );
  return {
    follow(topic) {
      topics.add(topic);
      link?.follow(topic);
    },
    leave(topic) {
      topics.delete(topic);
      link?.leave(topic);
    },
    check: () => link?.check(),
    stop() {
      stopped = true;
      link?.stop();
    },
  };
}
