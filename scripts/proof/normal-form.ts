import { transformSync, version } from "esbuild";

/** What brings code into its normal form. It is named in every digest: another esbuild may write the same code otherwise. */
export const NORMAL_FORM = `esbuild@${version}`;

const CODE = /\.[cm]?([tj])s$/;

/**
 * What a digest counts of a file: of code its tokens, so that comments and the way it is set do not matter, and of any
 * other file all of it. Types are erased as they are before code runs: what differs in them alone does the same. Texts,
 * also those that hold Lua and SQL, are code and count to the last space.
 */
export function normalForm(file: string, content: Buffer): string | Buffer {
  const language = CODE.exec(file)?.[1];
  if (language === undefined) return content;
  try {
    return transformSync(content.toString(), {
      loader: language === "t" ? "ts" : "js",
      minifyWhitespace: true,
      legalComments: "none",
      // As in the project's own: an import stays where only its types are used, since it loads the file.
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, target: "ES2022" } },
      logLevel: "silent",
    }).code;
  } catch {
    // What cannot be read as code is counted whole.
    return content;
  }
}
