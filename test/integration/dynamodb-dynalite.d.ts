// dynalite comes without types; this is what the tests use of it.
declare module "dynalite" {
  import type { Server } from "node:http";

  function dynalite(options?: { readonly createTableMs?: number; readonly deleteTableMs?: number }): Server;
  export = dynalite;
}
