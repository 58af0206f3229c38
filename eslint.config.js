import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const noProcessExit = {
  object: "process",
  property: "exit",
  message: "A library never ends its host: throw, or settle a promise.",
};

const injected = "Ask the injected Clock or Ids, so that a test controls time and chance.";
const coreTimers = ["setTimeout", "setInterval", "setImmediate", "performance", "crypto"];

const noDates = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: injected },
  { selector: "CallExpression[callee.name='Date']", message: injected },
];

const applyCommandAlone =
  "Changes of a record go through applyCommand (store/apply.ts), which knows doubt from refusal.";
const noSecondWritePath = [
  "MemberExpression[object.name='gateway'][property.name='write']",
  "MemberExpression[object.property.name=/^#?gateway$/][property.name='write']",
  "VariableDeclarator[init.name='gateway'] > ObjectPattern > Property[key.name='write']",
  "VariableDeclarator[init.property.name='gateway'] > ObjectPattern > Property[key.name='write']",
].map((selector) => ({ selector, message: applyCommandAlone }));

export default defineConfig(
  globalIgnores(["dist/", "coverage/", ".servers/", "bench/peers/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/consistent-type-definitions": "error",
      "@typescript-eslint/array-type": "error",
      "@typescript-eslint/prefer-nullish-coalescing": "error",
      "@typescript-eslint/prefer-optional-chain": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      eqeqeq: "error",
      // `_name` says "taken, not used"; the rule's default knows no such word.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Counts and milliseconds read well inside a sentence; only objects and undefined print nonsense.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Off: `async` without `await` turns a throw into a rejection, which is what a port's signature promises.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    rules: {
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
      "no-restricted-properties": ["error", noProcessExit],
    },
  },
  {
    // What is said goes through the injected logger; src/cli is the one part that owns a terminal.
    files: ["src/{core,adapters,transports}/**/*.ts"],
    rules: { "no-console": "error" },
  },
  {
    files: ["src/core/**/*.ts"],
    ignores: ["src/core/environment/clock.ts", "src/core/environment/ids.ts"],
    rules: {
      "no-restricted-globals": ["error", ...coreTimers.map((name) => ({ name, message: injected }))],
      "no-restricted-properties": [
        "error",
        noProcessExit,
        { object: "Date", property: "now", message: injected },
        { object: "Math", property: "random", message: injected },
        ...coreTimers.map((property) => ({ object: "globalThis", property, message: injected })),
      ],
      "no-restricted-syntax": ["error", ...noDates],
    },
  },
  {
    files: ["src/core/*.ts", "src/core/engine/**/*.ts"],
    ignores: ["src/core/engine/store/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...noDates, ...noSecondWritePath] },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // Off: a wrong `!` fails the test, which is what a test is for.
      "@typescript-eslint/no-non-null-assertion": "off",
      // Off: expect(port.method) names a method and never calls it.
      "@typescript-eslint/unbound-method": "off",
      // Off: a stub that does nothing is the point of many a test.
      "@typescript-eslint/no-empty-function": "off",
      // Off: vitest's matchers (expect.any, mock.calls) are typed `any`, and what they let through is compared at once.
      "@typescript-eslint/no-unsafe-assignment": "off",
      // Off: nobody imports a test, so its exports are no boundary.
      "@typescript-eslint/explicit-module-boundary-types": "off",
    },
  },
  {
    files: ["examples/**/*.{ts,tsx}"],
    rules: {
      // Off: an application's files have no boundary, and their types are what `defineJob` and `createWaybill` infer.
      "@typescript-eslint/explicit-module-boundary-types": "off",
    },
  },
  {
    // What an application takes over knows its endpoints by the environment, and nothing of the run around it.
    files: ["examples/**/*.{ts,tsx}"],
    ignores: ["examples/*/main.ts", "examples/documents/run/*.ts", "examples/stage/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "/stage/", message: "Only main.ts knows the stage." },
            {
              regex: "\\.\\./(test|src)/",
              message: "An application imports waybill/*, drivers and its own files.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["test/types/**/*.ts"],
    rules: {
      // Off: a type test names values only to ask for their type.
      "@typescript-eslint/no-unused-vars": "off",
      "@typescript-eslint/no-unused-expressions": "off",
    },
  },
  {
    // Plain JavaScript has no types to check with.
    files: ["**/*.{js,mjs,cjs}"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: { console: "readonly", performance: "readonly", process: "readonly", URL: "readonly" },
    },
    rules: { "@typescript-eslint/explicit-module-boundary-types": "off" },
  },
  {
    // Off: programs of other people, in Node and in a page. What is not there fails when it is run.
    files: ["test/interop/**/*.{mjs,cjs}"],
    rules: { "no-undef": "off" },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: { sourceType: "commonjs", globals: { module: "writable", require: "readonly" } },
    // Off: a .cjs file is there because something needs `require`.
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
