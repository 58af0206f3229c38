import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { repository } from "./run.js";

/** The part of package.json that says what a user may import. */
export interface Manifest {
  readonly exports: Readonly<Record<string, string | Entry>>;
  readonly typesVersions: Readonly<Record<"*", Readonly<Record<string, readonly string[]>>>>;
}

interface Entry {
  readonly import: { readonly types: string; readonly default: string };
  readonly require: { readonly types: string; readonly default: string };
}

/** The packed and installed package. All tests of a run share it: read, never write. */
export interface InstalledPackage {
  /** The project that installed it. Anything run in a folder below imports "waybill" from here. */
  readonly scratch: string;
  /** Its folder in node_modules. */
  readonly folder: string;
  readonly tarball: string;
  readonly manifest: Manifest;
  /** `exports` without package.json: what to write in an import, and the files behind it. */
  readonly entries: readonly { readonly specifier: string; readonly files: Entry }[];
}

/** The package as a user gets it. Packing and installing happened once, before the first test. */
export async function installedPackage(): Promise<InstalledPackage> {
  const scratch = inject("scratch");
  const folder = join(scratch, "node_modules", "waybill");
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
  const entries = Object.entries(manifest.exports).flatMap(([name, files]) =>
    typeof files === "string" ? [] : [{ specifier: `waybill${name.slice(1)}`, files }],
  );
  return { scratch, folder, tarball: inject("tarball"), manifest, entries };
}

/** What a project of one test is made of. */
export interface ProjectParts {
  /** Text by file name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Folder or file of the repository, copied in. */
  readonly from?: string;
  /** Packages that it has installed beside waybill; each must be a devDependency here. */
  readonly uses?: readonly string[];
}

/** A fresh folder for one test, from which "waybill" is the installed package. */
export async function projectWith({ files = {}, from, uses = [] }: ProjectParts): Promise<string> {
  const { scratch } = await installedPackage();
  const project = await mkdtemp(join(scratch, "project-"));
  if (from !== undefined) await cp(join(repository, from), project, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), text);
  }
  for (const name of uses) {
    const link = join(project, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(repository, "node_modules", name), link, "junction");
  }
  return project;
}
