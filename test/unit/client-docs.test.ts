import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

// They are compiled there, with the types of Redux.
const recipes = [...read("test/types/client-recipes.ts").matchAll(/\/\/ recipe: (\w+)\n([^]*?)\/\/ end/g)];

it.each(recipes.map(([, name, code]) => [name, code]))(
  "shows the recipe for %s as it is compiled",
  (name, code) => {
    const page = read("docs/client.md");
    const shown = new RegExp(`<!-- recipe: ${name} -->\\n\\n\`\`\`ts\\n([^]*?)\`\`\``).exec(page)?.[1];
    expect(shown).toBe(code);
    expect(code!.trim().split("\n").length).toBeLessThanOrEqual(15);
  },
);

it("has both recipes", () => {
  expect(recipes.map(([, name]) => name)).toEqual(["redux", "tanstack"]);
});

// Theirs are compiled with the types of React.
it.each(
  [...read("test/types/react-recipes.tsx").matchAll(/\/\/ recipe: (\w+)\n([^]*?)\/\/ end/g)].map(
    ([, name, code]) => [name, code],
  ),
)("shows the component %s as it is compiled", (_, code) => {
  expect(read("docs/react.md")).toContain(code);
});

it("shows no other component", () => {
  expect(read("docs/react.md").match(/^```tsx$/gm)).toHaveLength(2);
});
